// Connection limits and surge queues: how they are read, what must hold.
#include "tests/unit/config/check_case.h"

namespace config {
namespace {

using dataplane::Spillover;

std::string limited_target(const std::string& keys, const std::string& of_group = "") {
  return targets("{ address = \"10.0.1.11\"; " + keys + " }", of_group);
}
std::string udp(const std::string& keys) { return group("protocol = \"udp\"; " + keys); }
std::string udp_listener() { return listener("web", "protocol = \"udp\";"); }
const std::string forward = "algorithm = \"maglev\"; overload = \"forward\"; ";

INSTANTIATE_TEST_SUITE_P(
    Limits, Check,
    testing::Values(
        Case{"a limit below none",
             {.groups = limited_target("max_connections = -1;")},
             "target_groups[0].targets[0].max_connections",
             "0 to 16777216"},
        Case{"a limit of a group above all",
             {.groups = group("max_connections = 16777217;")},
             "target_groups[0].max_connections",
             "0 to 16777216"},
        Case{"a queue that is too long",
             {.groups = group("surge_queue = { length = 16385; };")},
             "target_groups[0].surge_queue.length",
             "0 to 16384"},
        Case{"a timeout that is too short",
             {.groups = group("surge_queue = { timeout = 0.05; };")},
             "target_groups[0].surge_queue.timeout",
             "0.1 to 300"},
        Case{"an unknown key of surge_queue",
             {.groups = group("surge_queue = { size = 5; };")},
             "target_groups[0].surge_queue.size",
             "length"},
        Case{"another spillover",
             {.groups = group("spillover = \"drop\";")},
             "target_groups[0].spillover",
             "\"reset\", \"silent\""},
        Case{"a queue for udp",
             {.groups = udp("surge_queue = { length = 5; };"), .listeners = udp_listener()},
             "target_groups[0].surge_queue",
             "length 5: cannot be for UDP, which has no handshake that could wait"},
        Case{"a timeout of nobody",
             {.groups = group("surge_queue = { length = 0; timeout = 5; };")},
             "target_groups[0].surge_queue.timeout",
             "= 5: has no meaning with length 0: nobody waits"},
        Case{"a queue longer than all may be",
             {.top = "surge_queues = { capacity = 100; };\n",
              .groups = group("surge_queue = { length = 101; };")},
             "target_groups[0].surge_queue.length",
             "a length of 0 to 100"},
        Case{"the same by default",
             {.top = "surge_queues = { capacity = 100; };\n",
              .groups = limited_target("max_connections = 5;")},
             "target_groups[0].name",
             "1024: as the length of its surge_queue is more than surge_queues.capacity (line 1)"},
        Case{"a limit where packets go on without a flow",
             {.groups = limited_target("max_connections = 5;", forward)},
             "target_groups[0].overload",
             "max_connections counts flows"},
        Case{"a queue where packets go on without a flow",
             {.groups = group(forward + "surge_queue = { length = 5; };")},
             "target_groups[0].overload",
             "who waits in a surge_queue needs one"}));

TEST(Limits, AreNoneUnlessWritten) {
  const Config config = config_of(Sample{});
  EXPECT_EQ(config.target_groups[0].max_connections, 0u);
  EXPECT_EQ(config.target_groups[0].targets[0].max_connections, 0u);
  EXPECT_EQ(config.target_groups[0].spillover, Spillover::Reset);
  EXPECT_FALSE(has_limit(config.target_groups[0]));
  EXPECT_EQ(surge_length(config.target_groups[0]), 0u);
  EXPECT_EQ(surge_capacity(config), 1024u);
}

TEST(Limits, BringElbsQueueUnlessItSaysOtherwise) {
  const Config of_target = config_of(Sample{.groups = limited_target("max_connections = 5;")});
  EXPECT_EQ(of_target.target_groups[0].targets[0].max_connections, 5u);
  EXPECT_EQ(surge_length(of_target.target_groups[0]), 1024u);
  EXPECT_EQ(of_target.target_groups[0].surge_queue.timeout, milliseconds(10'000));
  const Config of_group = config_of(Sample{.groups = group("max_connections = 7;")});
  EXPECT_EQ(surge_length(of_group.target_groups[0]), 1024u);
  const Config none =
      config_of(Sample{.groups = group("max_connections = 7; surge_queue = { length = 0; };")});
  EXPECT_EQ(surge_length(none.target_groups[0]), 0u);
  const Config of_udp =
      config_of(Sample{.groups = udp("max_connections = 7;"), .listeners = udp_listener()});
  EXPECT_EQ(surge_length(of_udp.target_groups[0]), 0u);
}

TEST(Limits, QueuesMayBeWithoutAny) {
  const Config config = config_of(
      Sample{.groups = group("surge_queue = { timeout = 0.5; }; spillover = \"silent\";")});
  EXPECT_EQ(surge_length(config.target_groups[0]), 1024u);
  EXPECT_EQ(config.target_groups[0].surge_queue.timeout, milliseconds(500));
  EXPECT_EQ(config.target_groups[0].spillover, Spillover::Silent);
}

TEST(Limits, AllQueuesTogetherHaveRoomUnlessWritten) {
  const std::string two = group("surge_queue = { length = 1500; };") + ",\n" +
                          "{ name = \"api\"; port = 8081; surge_queue = { length = 600; }; }";
  EXPECT_EQ(surge_capacity(config_of(Sample{.groups = two})), 2100u);
  EXPECT_EQ(surge_capacity(
                config_of(Sample{.top = "surge_queues = { capacity = 1800; };\n", .groups = two})),
            1800u);
}

}  // namespace
}  // namespace config
