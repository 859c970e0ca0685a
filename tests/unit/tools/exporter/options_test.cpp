#include "tools/exporter/options.h"

#include <gtest/gtest.h>

namespace tools::exporter {
namespace {

TEST(Options, DefaultsAndChoices) {
  const auto parsed = parse_options({"--instance", "edge-1"});
  const auto& options = std::get<ExporterOptions>(parsed);
  EXPECT_EQ(options.listen.address, "127.0.0.1");
  EXPECT_EQ(options.listen.port, 9177);
  EXPECT_TRUE(options.histograms.targets);
  const auto other = parse_options(
      {"-i", "x", "--listen", "[::1]:80", "--histograms", "listeners", "--buckets", "8"});
  EXPECT_EQ(std::get<ExporterOptions>(other).listen.address, "::1");
  EXPECT_FALSE(std::get<ExporterOptions>(other).histograms.targets);
  EXPECT_EQ(std::get<ExporterOptions>(other).histograms.buckets_per_power, 8U);
}

TEST(Options, MistakesSayWhatIsAllowed) {
  const auto said = [](const std::vector<std::string>& words) {
    const auto parsed = parse_options(words);
    const auto* exit = std::get_if<Exit>(&parsed);
    return exit != nullptr && exit->status == 2 ? exit->text : std::string("accepted");
  };
  EXPECT_NE(said({}).find("which instance?"), std::string::npos);
  EXPECT_NE(said({"-i", "a/b"}).find("letters, digits"), std::string::npos);
  for (const char* place : {"127.0.0.1", "9177", "localhost:9177", "::1:9177", "1.2.3.4:", "[::1]",
                            "1.2.3.4:65536", "[1.2.3.4]:80"}) {
    EXPECT_NE(said({"-i", "x", "--listen", place}).find("ADDRESS:PORT is allowed"),
              std::string::npos)
        << place;
  }
  EXPECT_NE(said({"-i", "x", "--buckets", "3"}).find("1, 2, 4, 8, 16"), std::string::npos);
  EXPECT_NE(said({"-i", "x", "--histograms", "some"}).find("listeners"), std::string::npos);
  EXPECT_NE(said({"-i", "x", "word"}).find("no option"), std::string::npos);
}

}  // namespace
}  // namespace tools::exporter
