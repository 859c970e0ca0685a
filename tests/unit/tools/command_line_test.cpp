#include "tools/spillwayctl/command_line.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

CommandLine understood(const std::vector<std::string>& words) {
  auto parsed = parse(words);
  if (const auto* misuse = std::get_if<Misuse>(&parsed)) throw std::runtime_error(misuse->sentence);
  return std::move(std::get<CommandLine>(parsed));
}

Misuse misunderstood(const std::vector<std::string>& words) {
  auto parsed = parse(words);
  const auto* misuse = std::get_if<Misuse>(&parsed);
  if (misuse == nullptr) throw std::runtime_error("it was understood");
  return *misuse;
}

TEST(CommandLine, GeneralOptionsStandBeforeOrAfterTheCommand) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--instance", "edge", "--run-dir", "/r", "--json", "targets", "--watch", "2"},
           {"targets", "--watch", "2", "--json", "-i", "edge", "--run-dir=/r"},
           {"-i", "edge", "targets", "--run-dir", "/r", "--watch=2", "--json"},
           {"--instance=edge", "--run-dir=/r", "targets", "-w", "2", "--json"}}) {
    const CommandLine line = understood(words);
    ASSERT_NE(line.command, nullptr);
    EXPECT_EQ(line.command->name, "targets");
    EXPECT_EQ(line.instance, "edge");
    EXPECT_EQ(line.run_directory, "/r");
    EXPECT_TRUE(line.json);
    EXPECT_EQ(line.options["watch"].as<double>(), 2);
  }
}

TEST(CommandLine, AnInstanceMayHaveACommandsName) {
  const CommandLine line = understood({"--instance", "status", "targets"});
  EXPECT_EQ(line.command->name, "targets");
  EXPECT_EQ(line.instance, "status");
}

TEST(CommandLine, ArgumentsAreTakenInOrder) {
  const CommandLine line = understood({"drain", "web", "10.0.1.11:8080", "--wait"});
  EXPECT_EQ(line.options["TARGET_GROUP"].as<std::string>(), "web");
  EXPECT_EQ(line.options["ADDRESS:PORT"].as<std::string>(), "10.0.1.11:8080");
  EXPECT_EQ(line.options.count("wait"), 1u);
}

TEST(CommandLine, SomeCommandsHaveTwoWords) {
  const CommandLine line =
      understood({"--json", "zone", "shift", "b", "--expires", "2h", "-c", "power works"});
  EXPECT_EQ(line.command->name, "zone shift");
  EXPECT_EQ(line.options["ZONE"].as<std::string>(), "b");
  EXPECT_EQ(line.options["expires"].as<std::string>(), "2h");
  EXPECT_EQ(line.options["comment"].as<std::string>(), "power works");
  EXPECT_EQ(understood({"zone", "list"}).command->name, "zone list");
  for (const Misuse& misuse : {misunderstood({"zone"}), misunderstood({"zone", "b"})}) {
    EXPECT_EQ(misuse.sentence, "\"zone\" needs a second word: list, shift, unshift");
  }
  EXPECT_EQ(misunderstood({"zone", "shift"}).sentence, "zone shift needs ZONE");
}

TEST(CommandLine, MistakesAreNamed) {
  EXPECT_EQ(misunderstood({}).sentence, "which command?");
  EXPECT_EQ(misunderstood({"--json"}).sentence, "which command?");
  EXPECT_EQ(misunderstood({"explode"}).sentence, "there is no command \"explode\"");
  EXPECT_EQ(misunderstood({"drain", "web"}).sentence, "drain needs ADDRESS:PORT");
  EXPECT_EQ(misunderstood({"drain", "web"}).command, "drain");
  EXPECT_EQ(misunderstood({"drain", "web", "a", "b"}).sentence,
            "too many words: drain takes TARGET_GROUP ADDRESS:PORT");
  EXPECT_EQ(misunderstood({"status", "now"}).sentence, "too many words: status takes none");
  EXPECT_EQ(misunderstood({"targets", "--wait"}).sentence, "unrecognised option '--wait'");
  EXPECT_EQ(misunderstood({"targets", "--watc", "2"}).sentence, "unrecognised option '--watc'");
  EXPECT_NE(misunderstood({"targets", "--watch", "often"}).sentence.find("often"),
            std::string::npos);
  EXPECT_NE(misunderstood({"targets", "--watch"}).sentence.find("--watch"), std::string::npos);
}

TEST(CommandLine, HelpIsThereForEverything) {
  EXPECT_TRUE(understood({"--help"}).help);
  EXPECT_EQ(understood({"-h"}).command, nullptr);
  for (const Command& command : commands()) {
    const CommandLine line = understood({std::string(command.name), "--help"});
    EXPECT_TRUE(line.help);
    EXPECT_EQ(line.command, &command);
    EXPECT_NE(general_help().find(command.name), std::string::npos);
    const std::string help = help_of(command);
    EXPECT_TRUE(help.starts_with("usage: spillwayctl " + std::string(command.name))) << help;
    EXPECT_NE(help.find("examples:\n  spillwayctl " + std::string(command.name)), std::string::npos)
        << help;
    EXPECT_NE(help.find("--instance"), std::string::npos);
  }
}

}  // namespace
}  // namespace tools
