#include "tools/bench/command_line.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

CommandLine understood(const std::vector<std::string>& words) {
  auto parsed = parse(words);
  if (const auto* misuse = std::get_if<Misuse>(&parsed)) throw std::runtime_error(misuse->sentence);
  return std::get<CommandLine>(std::move(parsed));
}

std::string complaint(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  const auto* misuse = std::get_if<Misuse>(&parsed);
  return misuse == nullptr ? "it was understood" : misuse->sentence;
}

TEST(BenchCommandLine, NothingMeansEverything) {
  const CommandLine line = understood({});
  EXPECT_FALSE(line.help || line.list || line.json || line.wishes.quick);
  EXPECT_TRUE(line.wishes.cases.empty());
  EXPECT_EQ(line.wishes.flows_max, UINT64_MAX);
  EXPECT_EQ(line.wishes.memory_max, SIZE_MAX);
}

TEST(BenchCommandLine, TakesAllOptions) {
  const CommandLine line =
      understood({"--case", "nat/v4", "--case=maglev", "--quick", "--json", "--list", "--max-flows",
                  "1000", "--memory=64", "--save", "a.json"});
  EXPECT_EQ(line.wishes.cases, (std::vector<std::string>{"nat/v4", "maglev"}));
  EXPECT_TRUE(line.wishes.quick && line.json && line.list);
  EXPECT_EQ(line.wishes.flows_max, 1'000u);
  EXPECT_EQ(line.wishes.memory_max, 64'000'000u);
  EXPECT_EQ(line.save, "a.json");
  EXPECT_TRUE(understood({"-h"}).help);
}

TEST(BenchCommandLine, NamesMistakes) {
  EXPECT_EQ(complaint({"fast"}), "\"fast\" is not an option");
  EXPECT_NE(complaint({"--fast"}).find("--fast"), std::string::npos);
  EXPECT_NE(complaint({"--js"}).find("--js"), std::string::npos) << "no guessing";
  EXPECT_NE(complaint({"--case"}).find("--case"), std::string::npos);
  EXPECT_NE(complaint({"--max-flows", "many"}).find("many"), std::string::npos);
  EXPECT_EQ(complaint({"--memory", "18446744073709551615"}), "--memory is in megabytes");
}

TEST(BenchCommandLine, HelpNamesEveryOptionAndTheExitStatus) {
  for (const char* word :
       {"--case", "--quick", "--json", "--list", "--max-flows", "--memory", "--save", "--help",
        "exit status: 0 done, 1 a case failed, 2 bad usage"}) {
    EXPECT_NE(help().find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace tools::bench
