// The flow log: how it is read, what must hold, what a restart is needed for.
#include "config/compile.h"
#include "config/restart.h"
#include "tests/unit/config/check_case.h"

namespace config {
namespace {

Sample with_log(const std::string& keys) { return {.top = "flow_log = { " + keys + " };\n"}; }

INSTANTIATE_TEST_SUITE_P(
    FlowLog, Check,
    testing::Values(Case{"nowhere to write to", with_log("sample = 0.5;"), "flow_log",
                         "says neither path nor socket"},
                    Case{"two places", with_log("path = \"/a\"; socket = \"/b\";"),
                         "flow_log.socket", "\"/b\": and path (line 1) are both given"},
                    Case{"a relative path", with_log("path = \"flows.jsonl\";"), "flow_log.path",
                         "a path that begins with '/'"},
                    Case{"a directory", with_log("path = \"/var/log/\";"), "flow_log.path",
                         "Add a name like flows.jsonl"},
                    Case{"a path that the shared memory cannot show",
                         with_log("path = \"/" + std::string(255, 'f') + "\";"), "flow_log.path",
                         "has 256 bytes"},
                    Case{"a socket that Linux cannot name",
                         with_log("socket = \"/" + std::string(107, 'f') + "\";"),
                         "flow_log.socket", "up to 107 bytes"},
                    Case{"a path that is a number", with_log("path = 5;"), "flow_log.path",
                         "the path of a file"},
                    Case{"none sampled", with_log("path = \"/f\"; sample = 0;"), "flow_log.sample",
                         "0.000001 to 1"},
                    Case{"a sample below the least", with_log("path = \"/f\"; sample = 0.0000001;"),
                         "flow_log.sample", "for none, remove flow_log"},
                    Case{"a sample above all", with_log("path = \"/f\"; sample = 1.01;"),
                         "flow_log.sample", "0.000001 to 1"},
                    Case{"a sample in words", with_log("path = \"/f\"; sample = \"all\";"),
                         "flow_log.sample", "a number from 0.000001 to 1"},
                    Case{"a ring that is too small", with_log("path = \"/f\"; ring = 1023;"),
                         "flow_log.ring", "1024 to 4194304"},
                    Case{"no buffer", with_log("path = \"/f\"; buffer_megabytes = 0;"),
                         "flow_log.buffer_megabytes", "1 to 1024"},
                    Case{"an unknown key", with_log("path = \"/f\"; file = \"/g\";"),
                         "flow_log.file", "path, socket, sample, ring"}));

TEST(FlowLog, IsOffUnlessWritten) {
  const Config config = config_of(Sample{});
  EXPECT_FALSE(config.flow_log.on());
  EXPECT_EQ(config.flow_log.ring, 32'768u);  // so that a reload can begin one
}

TEST(FlowLog, TakesAllFlowsUnlessItSaysOtherwise) {
  const Config config = config_of(with_log("path = \"/var/log/flows.jsonl\";"));
  EXPECT_TRUE(config.flow_log.on());
  EXPECT_EQ(config.flow_log.destination(), "/var/log/flows.jsonl");
  EXPECT_EQ(config.flow_log.sample_millionths, 1'000'000u);
}

TEST(FlowLog, ReadsAShareInMillionths) {
  const auto sample = [](const std::string& text) {
    return config_of(with_log("socket = \"/f\"; sample = " + text + ";"))
        .flow_log.sample_millionths;
  };
  EXPECT_EQ(sample("1"), 1'000'000u);
  EXPECT_EQ(sample("1.0"), 1'000'000u);
  EXPECT_EQ(sample("0.1"), 100'000u);
  EXPECT_EQ(sample("0.000001"), 1u);
}

TEST(FlowLog, ChangesItsPlaceAndSampleWithoutARestart) {
  const Config off = config_of(Sample{});
  const Config file = config_of(with_log("path = \"/f\";"));
  const Config socket = config_of(with_log("socket = \"/s\"; sample = 0.5; buffer_megabytes = 9;"));
  EXPECT_TRUE(restart_needed(off, file).empty());
  EXPECT_TRUE(restart_needed(file, socket).empty());
  EXPECT_TRUE(restart_needed(socket, off).empty());
}

}  // namespace
}  // namespace config
