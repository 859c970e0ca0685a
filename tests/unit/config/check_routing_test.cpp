#include "tests/unit/config/check_case.h"

namespace config {
namespace {

std::string health(const std::string& routing, const std::string& announcing) {
  return group("target_group_health = { unhealthy_state_routing = { minimum_healthy_targets = { " +
               routing + " }; }; dns_failover = { minimum_healthy_targets = { " + announcing +
               " }; }; };");
}
std::string with_standby(const std::string& failover, const std::string& standby) {
  return group("failover = { target_group = \"standby\"; " + failover + " };") +
         ",\n{ name = \"standby\"; port = 8080; " + standby + " }";
}
const std::string other_target = "targets = ( { address = \"10.0.1.12\"; } );";
const std::string set = "target_groups[0].";
const char* const dns_count =
    "target_groups[0].target_group_health.dns_failover.minimum_healthy_targets.count";
const char* const dns_percentage =
    "target_groups[0].target_group_health.dns_failover.minimum_healthy_targets.percentage";

INSTANTIATE_TEST_SUITE_P(
    Thresholds, Check,
    testing::Values(
        Case{"announcing below routing",
             {.groups = health("count = 3;", "count = 2;")},
             dns_count,
             "is less than target_group_health.unhealthy_state_routing.minimum_healthy_targets."
             "count, 3"},
        Case{"percentage below routing",
             {.groups = health("percentage = 50;", "percentage = 49;")},
             dns_percentage,
             "at least 50"},
        Case{"routing cannot be off",
             {.groups = health("count = \"off\";", "")},
             "target_groups[0].target_group_health.unhealthy_state_routing."
             "minimum_healthy_targets.count",
             "is a string, not an integer"},
        Case{"0", {.groups = health("", "count = 0;")}, dns_count, "1 to 8192, or \"off\""},
        Case{"101 %",
             {.groups = health("", "percentage = 101;")},
             dns_percentage,
             "1 to 100, or \"off\""},
        Case{"a word",
             {.groups = health("", "percentage = \"on\";")},
             dns_percentage,
             "is neither a number nor \"off\""},
        Case{"a number in quotes",
             {.groups = health("", "percentage = \"50\";")},
             dns_percentage,
             "Write 50 without quotes"}));

INSTANTIATE_TEST_SUITE_P(
    Zones, Check,
    testing::Values(Case{"cross_zone = false without zone",
                         {.top = "cross_zone = false;"},
                         "cross_zone",
                         "there is no zone"},
                    Case{"the group's",
                         {.groups = group("cross_zone = false;")},
                         "target_groups[0].cross_zone",
                         "there is no zone"},
                    Case{"another word",
                         {.groups = group("cross_zone = \"off\";")},
                         "target_groups[0].cross_zone",
                         "true, false or \"use_load_balancer_configuration\""},
                    Case{"a number",
                         {.groups = group("cross_zone = 1;")},
                         "target_groups[0].cross_zone",
                         "is an integer, not a string"},
                    Case{
                        "the balancer's zone", {.top = "zone = \"a_b\";"}, "zone", "is not a name"},
                    Case{"affinity without zone",
                         {.groups = group("zonal_affinity = { };")},
                         "target_groups[0].zonal_affinity",
                         "there is no zone"},
                    Case{"affinity without cross_zone",
                         {.top = "zone = \"a\";", .groups = group("zonal_affinity = { };")},
                         "target_groups[0].zonal_affinity",
                         "cross_zone is off for this group"},
                    Case{"affinity that recovers before it is lost",
                         {.top = "zone = \"a\"; cross_zone = true;",
                          .groups = group("zonal_affinity = { minimum_local_capacity = 50; "
                                          "recovery_local_capacity = 40; };")},
                         "target_groups[0].zonal_affinity.recovery_local_capacity",
                         "50 to 100"}));

INSTANTIATE_TEST_SUITE_P(
    Failovers, Check,
    testing::Values(
        Case{"nobody",
             {.groups = group("failover = { target_group = \"wbe\"; };")},
             "target_groups[0].failover.target_group",
             "is no target group"},
        Case{"itself",
             {.groups = group("failover = { target_group = \"web\"; };")},
             "target_groups[0].failover.target_group",
             "is this target group itself"},
        Case{"a chain",
             {.groups = with_standby("",
                                     other_target + "failover = { target_group = \"third\"; };") +
                        ", { name = \"third\"; port = 1; }"},
             "target_groups[0].failover.target_group",
             "has a standby group of its own (line"},
        Case{"protocol",
             {.groups = with_standby("", other_target + "protocol = \"udp\";")},
             "target_groups[0].failover.target_group",
             "is a target group for udp"},
        Case{"family",
             {.ports = "{ name = \"front\"; device = \"net_null0\"; "
                       "addresses = [\"198.51.100.2/24\"]; },\n{ name = \"back\"; device = "
                       "\"net_null1\"; addresses = [\"10.0.1.2/24\", \"2001:db8::2/64\"]; }",
              .groups = with_standby("", "targets = ( { address = \"2001:db8::11\"; } );")},
             "target_groups[0].failover.target_group",
             "of the other family"},
        Case{"no name",
             {.groups = group("failover = { };")},
             "target_groups[0].failover.target_group",
             "is missing"},
        Case{"recovers before it fails",
             {.groups = with_standby("minimum_healthy_targets = { count = 3; }; "
                                     "recovery_healthy_targets = { count = 2; };",
                                     other_target)},
             "target_groups[0].failover.recovery_healthy_targets.count",
             "at least 3"},
        Case{"time",
             {.groups = with_standby("recovery_time = 100000;", other_target)},
             "target_groups[0].failover.recovery_time",
             "0 to 86400"}));

TEST(CheckRouting, ACycleIsTwoComplaints) {
  Sample sample;
  sample.groups = with_standby("", other_target + "failover = { target_group = \"web\"; };");
  EXPECT_EQ(errors_in(sample).size(), 2u);
}

TEST(CheckRouting, TakesWhatIsRight) {
  Sample sample;
  sample.top = "zone = \"a\"; cross_zone = true;";
  sample.groups =
      with_standby("minimum_healthy_targets = { count = 2; percentage = 30; };", other_target);
  EXPECT_EQ(to_string(errors_in(sample)), "");
  sample.groups = health("count = 2;", "count = \"off\";");
  EXPECT_EQ(to_string(errors_in(sample)), "") << "off is not less";
}

TEST(CheckRouting, SeventeenZonesAreTooMany) {
  Sample sample;
  std::string list;
  for (int i = 0; i < 17; ++i) {
    list += (i == 0 ? "" : ", ") + std::string("{ address = \"10.0.1.") + std::to_string(11 + i) +
            "\"; zone = \"z" + std::to_string(i) + "\"; }";
  }
  sample.groups = targets(list);
  expect_only(errors_in(sample), "target_groups", "17 zones");
}

TEST(ReadRouting, Defaults) {
  const Config config = config_of(Sample{});
  EXPECT_EQ(config.zoning, Zoning{});
  const RoutingRules& rules = config.target_groups.at(0).routing;
  EXPECT_EQ(rules, RoutingRules{});
  EXPECT_EQ(rules.target_group_health.unhealthy_state_routing, (HealthyTargets{1, 0}));
  EXPECT_EQ(rules.target_group_health.dns_failover, (HealthyTargets{1, 0}));
}

TEST(ReadRouting, TakesEveryKey) {
  Sample sample;
  sample.top = "zone = \"a\"; cross_zone = true;";
  sample.groups =
      group(
          "target_group_health = { unhealthy_state_routing = { minimum_healthy_targets = "
          "{ count = 2; percentage = 30; }; }; dns_failover = { minimum_healthy_targets = "
          "{ count = \"off\"; percentage = 40; }; }; };"
          "cross_zone = true; zonal_affinity = { minimum_local_capacity = 70; recovery_time = 5; };"
          "failover = { target_group = \"standby\"; minimum_healthy_targets = { count = 2; "
          "percentage = 60; }; recovery_time = 7; };") +
      ", { name = \"standby\"; port = 8080; }";
  const Config config = config_of(sample);
  EXPECT_EQ(config.zoning, (Zoning{"a", true}));
  const RoutingRules& rules = config.target_groups.at(0).routing;
  EXPECT_EQ(rules.target_group_health.unhealthy_state_routing, (HealthyTargets{2, 30}));
  EXPECT_EQ(rules.target_group_health.dns_failover, (HealthyTargets{0, 40}));
  EXPECT_EQ(rules.cross_zone, CrossZone::On);
  EXPECT_EQ(rules.zonal_affinity, (ZonalAffinity{70, 80, std::chrono::seconds(5)}));
  EXPECT_EQ(rules.failover, (Failover{"standby", {2, 60}, {2, 60}, std::chrono::seconds(7)}));
}

TEST(ReadRouting, AnnouncingFollowsRoutingUnlessItIsSaid) {
  Sample sample;
  sample.groups = group(
      "target_group_health = { unhealthy_state_routing = { minimum_healthy_targets = "
      "{ count = 3; percentage = 30; }; }; };");
  EXPECT_EQ(config_of(sample).target_groups.at(0).routing.target_group_health.dns_failover,
            (HealthyTargets{3, 30}));
}

}  // namespace
}  // namespace config
