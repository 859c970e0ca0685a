// Where new flows go when targets fail: fail-open and its counter, standby groups, zones. Flows
// that are there stay where they are.
#include <gtest/gtest.h>

#include <set>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::Algorithm;
using dataplane::Mode;

const std::string web = "203.0.113.10:80";

std::string client(int port) { return "198.18.0.1:" + std::to_string(port); }

/// The number of the target that a packet goes to; 0: none.
int goes_to(const Outcome& outcome) {
  return outcome.verdict == ForwardToTarget ? outcome.bytes[33] - 10 : 0;
}
int open(Rig& rig, int port) { return goes_to(rig.run(tcp(client(port), web).flags(syn), front)); }
int go_on(Rig& rig, int port) {
  return goes_to(rig.run(tcp(client(port), web).payload("x"), front));
}

/// Those that a dozen new flows go to.
std::set<int> used(Rig& rig, int first_port) {
  std::set<int> targets;
  for (int port = first_port; port < first_port + 12; ++port) targets.insert(open(rig, port));
  return targets;
}

std::uint64_t unhealthy_routing_flows(Rig& rig) {
  std::uint64_t sum = 0;
  for (const auto& target : rig.counters().targets) sum += target.unhealthy_routing_flows.read();
  return sum;
}

Rig three_targets(Algorithm algorithm = Algorithm::RoundRobin) {
  const config::Config config = standard_config(3, Mode::Nat, algorithm);
  return {config, standard_facts(config)};
}

TEST(FailOpen, CountsTheFlowsThatItSends) {
  Rig rig = three_targets();
  EXPECT_EQ(used(rig, 4000), (std::set{1, 2, 3}));
  EXPECT_EQ(unhealthy_routing_flows(rig), 0u);
  for (int i = 0; i < 3; ++i) {
    rig.facts.targets[static_cast<std::size_t>(i)].availability = Availability::FailOpen;
  }
  rig.publish();
  EXPECT_EQ(used(rig, 5000), (std::set{1, 2, 3}));
  EXPECT_EQ(unhealthy_routing_flows(rig), 12u);
  EXPECT_NE(go_on(rig, 4000), 0);
  EXPECT_EQ(unhealthy_routing_flows(rig), 12u) << "packets of flows that are there";
  rig.expect_laws();
}

TEST(FailOpen, CountsAsWellThoseOfHealthyTargetsBelowTheThreshold) {
  Rig rig = three_targets(Algorithm::Maglev);
  rig.config.target_groups[0].routing.target_group_health.unhealthy_state_routing.count = 2;
  rig.facts.targets[0].availability = rig.facts.targets[1].availability = Availability::FailOpen;
  rig.publish();
  EXPECT_EQ(used(rig, 4000), (std::set{1, 2, 3}));
  EXPECT_EQ(unhealthy_routing_flows(rig), 12u);
  rig.facts.targets[1].availability = Availability::Serving;
  rig.publish();
  EXPECT_EQ(used(rig, 5000), (std::set{2, 3}));
  EXPECT_EQ(unhealthy_routing_flows(rig), 12u);
}

TEST(FailOpen, ASlotsNextTargetStartsAtZero) {
  Rig rig = three_targets();
  for (auto& target : rig.facts.targets) target.availability = Availability::FailOpen;
  rig.publish();
  open(rig, 4000);
  EXPECT_EQ(unhealthy_routing_flows(rig), 1u);
  for (auto& target : rig.facts.targets) {
    ++target.id.incarnation;
    target.availability = Availability::Serving;
  }
  rig.publish();
  used(rig, 5000);
  EXPECT_EQ(unhealthy_routing_flows(rig), 0u);
}

TEST(Standby, GetsNewFlowsAndTheOthersStay) {
  config::Config config = standard_config(3, Mode::Nat, Algorithm::RoundRobin);
  config::Facts facts = standard_facts(config);
  config::TargetGroup standby = config.target_groups[0];
  standby.name = "standby";
  config.target_groups.push_back(standby);
  const dataplane::TargetGroupId id{100};
  facts.target_groups.push_back({"standby", id});
  // The third target is the standby's.
  for (auto& target : facts.targets) {
    if (target.target_group == config.target_groups[0].name &&
        to_string(target.address) == target_ip(3)) {
      target.target_group = "standby";
    }
  }
  Rig rig(config, facts);
  EXPECT_EQ(used(rig, 4000), (std::set{1, 2}));
  rig.facts.target_groups[0].standby = "standby";
  rig.publish();
  EXPECT_EQ(used(rig, 5000), std::set{3});
  EXPECT_NE(go_on(rig, 4000), 3);
  rig.facts.target_groups[0].standby = "";
  rig.publish();
  EXPECT_EQ(used(rig, 6000), (std::set{1, 2}));
  EXPECT_EQ(go_on(rig, 5000), 3);
  rig.expect_laws();
}

TEST(Standby, GetsASynThatTheFormerTargetDidNotAnswer) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  config::Facts facts = standard_facts(config);
  config::TargetGroup standby = config.target_groups[0];
  standby.name = "standby";
  config.target_groups.push_back(standby);
  facts.target_groups.push_back({"standby", dataplane::TargetGroupId{100}});
  facts.targets[1].target_group = "standby";
  Rig rig(config, facts);
  EXPECT_EQ(open(rig, 4000), 1);
  rig.facts.targets[0].availability = Availability::FailOpen;
  rig.facts.target_groups[0].standby = "standby";
  rig.publish();
  EXPECT_EQ(open(rig, 4000), 2);
  EXPECT_EQ(unhealthy_routing_flows(rig), 0u);
  rig.expect_laws();
}

TEST(Zones, AShiftTakesNewFlowsOnly) {
  Rig rig = three_targets();
  for (auto& target : rig.facts.targets) {
    target.zone = to_string(target.address) == target_ip(1) ? "a" : "b";
  }
  rig.publish();
  EXPECT_EQ(used(rig, 4000), (std::set{1, 2, 3}));
  const int before = go_on(rig, 4000);
  rig.facts.shifted_zones = {before == 1 ? "a" : "b"};
  rig.publish();
  const std::set<int> others = before == 1 ? std::set{2, 3} : std::set{1};
  EXPECT_EQ(used(rig, 5000), others);
  EXPECT_EQ(go_on(rig, 4000), before);
}

TEST(Zones, WithoutCrossZoneOnlyTheOwnOneIsUsed) {
  Rig rig = three_targets();
  rig.config.zoning.zone = "a";
  for (auto& target : rig.facts.targets) target.zone = "b";
  rig.facts.targets[1].zone = "a";
  rig.publish();
  EXPECT_EQ(used(rig, 4000), std::set{2});
  rig.facts.targets[1].availability = Availability::Draining;
  rig.publish();
  EXPECT_EQ(rig.run(tcp(client(5000), web).flags(syn), front).verdict, ReplyResetNoTarget);
  rig.config.zoning.cross_zone = true;
  rig.publish();
  EXPECT_EQ(used(rig, 6000), (std::set{1, 3}));
}

}  // namespace
}  // namespace tests
