#include "tests/unit/config/check_case.h"

namespace config {
namespace {

std::string udp_group(const std::string& keys) { return group("protocol = \"udp\"; " + keys); }
std::string udp_listener() { return listener("web", "protocol = \"udp\";"); }

INSTANTIATE_TEST_SUITE_P(
    Unhealthy, Check,
    testing::Values(
        Case{"connection_termination for udp",
             {.groups = udp_group("unhealthy = { connection_termination = true; };"),
              .listeners = udp_listener()},
             "target_groups[0].unhealthy.connection_termination",
             "cannot be for UDP"},
        Case{"draining_interval with termination as it is by default",
             {.groups = group("unhealthy = { draining_interval = 60; };")},
             "target_groups[0].unhealthy.draining_interval",
             "Add connection_termination = false; to unhealthy, or remove it."},
        Case{"draining_interval with termination",
             {.groups =
                  group("unhealthy = { connection_termination = true; draining_interval = 1; };")},
             "target_groups[0].unhealthy.draining_interval",
             "= 1: has no meaning while flows of an unhealthy target are reset at once"},
        Case{"draining_interval above ELB's",
             {.groups = group(
                  "unhealthy = { connection_termination = false; draining_interval = 360001; };")},
             "target_groups[0].unhealthy.draining_interval",
             "0 to 360000"},
        Case{"an unknown key of unhealthy",
             {.groups = group("unhealthy = { draining_intervall = 1; };")},
             "target_groups[0].unhealthy.draining_intervall",
             "draining_interval"},
        Case{"passive checks of udp",
             {.groups = udp_group("passive_health_check = { enabled = true; };"),
              .listeners = udp_listener()},
             "target_groups[0].passive_health_check.enabled",
             "which has no handshake to learn from"},
        Case{"passive checks without active ones",
             {.groups = group("health_check = { enabled = false; }; "
                              "passive_health_check = { enabled = true; };")},
             "target_groups[0].passive_health_check.enabled",
             "needs health checks"},
        Case{"passive checks with stickiness",
             {.groups = group("stickiness = { type = \"source_ip\"; }; "
                              "passive_health_check = { enabled = true; };")},
             "target_groups[0].passive_health_check.enabled",
             "cannot be with stickiness"}));

TEST(CheckUnhealthy, HasElbsDefaults) {
  const Config tcp = config_of(Sample{});
  EXPECT_TRUE(tcp.target_groups[0].unhealthy.connection_termination);
  EXPECT_EQ(tcp.target_groups[0].unhealthy.draining_interval, seconds(0));
  EXPECT_TRUE(tcp.target_groups[0].passive_health_check);
  EXPECT_FALSE(tcp.target_groups[0].deregistration_delay.connection_termination);
  const Config udp = config_of(Sample{.groups = udp_group(""), .listeners = udp_listener()});
  EXPECT_FALSE(udp.target_groups[0].unhealthy.connection_termination);
  EXPECT_FALSE(udp.target_groups[0].passive_health_check);
  EXPECT_TRUE(udp.target_groups[0].deregistration_delay.connection_termination);
}

TEST(CheckUnhealthy, TakesWhatBelongsTogether) {
  const Config config = config_of(Sample{
      .groups = group("unhealthy = { connection_termination = false; draining_interval = 360000; "
                      "}; passive_health_check = { enabled = false; };")});
  EXPECT_FALSE(config.target_groups[0].unhealthy.connection_termination);
  EXPECT_EQ(config.target_groups[0].unhealthy.draining_interval, seconds(360'000));
  EXPECT_FALSE(config.target_groups[0].passive_health_check);
  const Sample udp{.groups = udp_group("unhealthy = { connection_termination = false; "
                                       "draining_interval = 30; };"),
                   .listeners = udp_listener()};
  EXPECT_EQ(config_of(udp).target_groups[0].unhealthy.draining_interval, seconds(30));
  const Sample zero{.groups = group("unhealthy = { draining_interval = 0; };")};
  EXPECT_EQ(to_string(errors_in(zero)), "");
}

TEST(CheckUnhealthy, NoPassiveChecksWithoutActiveOnes) {
  const Config config = config_of(Sample{.groups = group("health_check = { enabled = false; };")});
  EXPECT_FALSE(config.target_groups[0].passive_health_check);
}

TEST(CheckUnhealthy, NoPassiveChecksWithStickiness) {
  const Config sticky =
      config_of(Sample{.groups = group("stickiness = { type = \"source_ip\"; };")});
  EXPECT_FALSE(sticky.target_groups[0].passive_health_check);
  const Config none = config_of(Sample{.groups = group("stickiness = { type = \"none\"; };")});
  EXPECT_TRUE(none.target_groups[0].passive_health_check);
  const Sample off{.groups = group("stickiness = { type = \"source_ip\"; }; "
                                   "passive_health_check = { enabled = false; };")};
  EXPECT_EQ(to_string(errors_in(off)), "");
}

}  // namespace
}  // namespace config
