#include "config/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <variant>

namespace config {
namespace {

std::variant<Options, Exit> parse(const std::vector<const char*>& arguments) {
  std::vector<const char*> words = {"spillway"};
  for (const char* argument : arguments) words.push_back(argument);
  return parse_options(static_cast<int>(words.size()), words.data());
}

Options good(const std::vector<const char*>& arguments) {
  auto parsed = parse(arguments);
  if (const auto* exit = std::get_if<Exit>(&parsed)) {
    ADD_FAILURE() << exit->text;
    return {};
  }
  return std::get<Options>(parsed);
}

Exit ended(const std::vector<const char*>& arguments) {
  auto parsed = parse(arguments);
  if (std::holds_alternative<Exit>(parsed)) return std::get<Exit>(parsed);
  ADD_FAILURE() << "accepted";
  return {-1, ""};
}

TEST(Options, TakesAllOfThem) {
  const Options options =
      good({"--config", "a.cfg", "--check", "--eal", "--no-huge -m 64 --vdev 'a b'", "--run-dir",
            "/tmp/x", "--log-level", "debug"});
  EXPECT_EQ(options.config_file, "a.cfg");
  EXPECT_TRUE(options.check);
  EXPECT_EQ(options.eal, (std::vector<std::string>{"--no-huge", "-m", "64", "--vdev", "a b"}));
  EXPECT_EQ(options.run_dir, "/tmp/x");
  EXPECT_EQ(options.log_level, "debug");
}

TEST(Options, HasDefaults) {
  const Options options = good({"--config=a.cfg"});
  EXPECT_FALSE(options.check);
  EXPECT_TRUE(options.eal.empty());
  EXPECT_EQ(options.run_dir, default_run_dir());
  EXPECT_EQ(options.log_level, "info");
}

TEST(Options, HelpTeaches) {
  const Exit exit = ended({"--help"});
  EXPECT_EQ(exit.status, 0);
  for (const char* words :
       {"Usage:", "Examples:", "Exit status: 0 done, 1 failed at run time, 2 bad", "--config",
        "--check", "--eal", "--run-dir", "--state-dir", "--discard-changes", "--log-level",
        "SIGHUP"}) {
    EXPECT_NE(exit.text.find(words), std::string::npos) << words;
  }
}

TEST(Options, SaysTheVersionEvenWithoutConfig) {
  const Exit exit = ended({"--version"});
  EXPECT_EQ(exit.status, 0);
  EXPECT_EQ(exit.text.rfind("spillway ", 0), 0u);
}

struct Bad {
  std::vector<const char*> arguments;
  const char* words;
};

class BadOptions : public testing::TestWithParam<Bad> {};

TEST_P(BadOptions, AreStatus2AndSaidInOneSentence) {
  const Exit exit = ended(GetParam().arguments);
  EXPECT_EQ(exit.status, 2);
  EXPECT_NE(exit.text.find(GetParam().words), std::string::npos) << exit.text;
  EXPECT_NE(exit.text.find("Try \"spillway --help\""), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptions,
    testing::Values(Bad{{}, "--config FILE is missing"},
                    Bad{{"--check"}, "--config FILE is missing"}, Bad{{"--config", ""}, "--config"},
                    Bad{{"--config"}, "--config"}, Bad{{"a.cfg"}, "like --config FILE"},
                    Bad{{"--config", "a", "b"}, "like --config FILE"},
                    Bad{{"--config", "a", "--config", "b"}, "--config"},
                    Bad{{"--confg", "a"}, "Did you mean --config?"},
                    Bad{{"--conf", "a"}, "unknown option"}, Bad{{"-x"}, "unknown option"},
                    Bad{{"--config", "a", "--check=1"}, "--check"},
                    Bad{{"--config", "a", "--log-level", "warn"},
                        "allowed are trace, debug, info, warning, error"},
                    Bad{{"--config", "a", "--run-dir", ""}, "--run-dir"},
                    Bad{{"--config", "a", "--state-dir", ""}, "--state-dir"},
                    Bad{{"--config", "a", "--eal", "a \\"}, "--eal \"a"},
                    Bad{{"--config", "--check"}, "--config FILE is missing"}));

TEST(Options, OfWhatIsKept) {
  EXPECT_EQ(good({"--config", "a", "--state-dir", "/s"}).state_dir, "/s");
  EXPECT_FALSE(good({"--config", "a"}).discard_changes);
  EXPECT_TRUE(good({"--config", "a", "--discard-changes"}).discard_changes);
}

/// Sets variables for one test; nullptr: not there.
class Environment {
 public:
  void set(const char* name, const char* value) {
    const char* before = std::getenv(name);
    saved_.emplace_back(name, before == nullptr ? std::optional<std::string>{} : before);
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Environment() {
    for (auto one = saved_.rbegin(); one != saved_.rend(); ++one) {
      one->second ? setenv(one->first, one->second->c_str(), 1) : unsetenv(one->first);
    }
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> saved_;
};

TEST(DefaultStateDir, IsSystemdsOrTheUsersOwn) {
  Environment environment;
  environment.set("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
  environment.set("XDG_STATE_HOME", "/home/u/state");
  environment.set("HOME", "/home/u");
  EXPECT_EQ(default_state_dir(), "/var/lib/a");
  environment.set("STATE_DIRECTORY", nullptr);
  if (geteuid() == 0) {
    EXPECT_EQ(default_state_dir(), "/var/lib/spillway");
    ASSERT_EQ(seteuid(65534), 0);
  }
  EXPECT_EQ(default_state_dir(), "/home/u/state/spillway");
  environment.set("XDG_STATE_HOME", "not/absolute");
  EXPECT_EQ(default_state_dir(), "/home/u/.local/state/spillway");
  environment.set("HOME", nullptr);
  EXPECT_EQ(default_state_dir(), default_run_dir());
  if (getuid() == 0) {
    ASSERT_EQ(seteuid(0), 0);
  }
}

TEST(DefaultRunDir, DependsOnTheUser) {
  const char* before = std::getenv("XDG_RUNTIME_DIR");
  const std::string saved = before == nullptr ? "" : before;
  const bool root = geteuid() == 0;
  if (root) {
    EXPECT_EQ(default_run_dir(), "/run/spillway");
    ASSERT_EQ(seteuid(65534), 0);
  }
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  EXPECT_EQ(default_run_dir(), "/run/user/7/spillway");
  setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
  EXPECT_EQ(default_run_dir(), "/tmp/spillway-" + std::to_string(geteuid()));
  unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(default_run_dir(), "/tmp/spillway-" + std::to_string(geteuid()));
  if (before != nullptr) setenv("XDG_RUNTIME_DIR", saved.c_str(), 1);
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
}

}  // namespace
}  // namespace config
