#include "config/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/config/compile_case.h"

namespace config {
namespace {

// --- eligibility ---

TEST_F(Compile, TargetsCarryTheirFacts) {
  facts.targets[1].weight = 9;
  facts.targets[1].port = 8081;
  const Compiled snapshot = run();
  const dataplane::Target* target = snapshot->target(TargetId{1, 1});
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->target_group, TargetGroupId{0});
  EXPECT_EQ(target->address, ip("10.0.1.12"));
  EXPECT_EQ(target->port, Be16{8081});
  EXPECT_EQ(target->weight, 100u) << "in hundredths; round robin takes all weights for 1";
  EXPECT_TRUE(target->eligible);
  EXPECT_FALSE(target->terminated);
  EXPECT_EQ(mac_of(target->next_hop), 12);
  EXPECT_EQ(snapshot->target(TargetId{1, 2}), nullptr);
}

TEST_F(Compile, TargetsOfBothProtocolsHaveTheirUdpCountedApart) {
  EXPECT_FALSE(run()->any_tcp_udp);
  config.target_groups[0].protocol = dataplane::Protocols::tcp_udp();
  for (Listener& listener : config.listeners) {
    if (listener.target_group == config.target_groups[0].name) {
      listener.protocol = dataplane::Protocols::tcp_udp();
    }
  }
  const Compiled snapshot = run();
  EXPECT_TRUE(snapshot->any_tcp_udp);
  for (const dataplane::Target& target : snapshot->targets) {
    EXPECT_EQ(target.tcp_udp, target.target_group == TargetGroupId{0}) << target.id.slot;
  }
}

TEST_F(Compile, OnlyServingTargetsGetNewFlows) {
  facts.targets[0].availability = Availability::FailOpen;
  facts.targets[1].availability = Availability::Draining;
  const Compiled snapshot = run();
  EXPECT_EQ(eligible(snapshot), Slots{2});
  EXPECT_FALSE(snapshot->target_groups[0].failing_open);
  EXPECT_EQ(turns(snapshot->target_groups[0]), Slots{2});
}

TEST_F(Compile, WithoutAServingTargetTheGroupFailsOpen) {
  set(Availability::FailOpen);
  facts.targets[1].availability = Availability::Draining;
  const Compiled snapshot = run();
  EXPECT_TRUE(snapshot->target_groups[0].failing_open);
  EXPECT_EQ(eligible(snapshot), (Slots{0, 2}));
}

TEST_F(Compile, DrainingAndTerminatedNeverFailOpen) {
  set(Availability::Draining);
  facts.targets[2].availability = Availability::Terminated;
  const Compiled snapshot = run();
  EXPECT_FALSE(snapshot->target_groups[0].failing_open);
  EXPECT_TRUE(eligible(snapshot).empty());
  EXPECT_FALSE(snapshot->targets[1].terminated);
  EXPECT_TRUE(snapshot->targets[2].terminated);
  EXPECT_EQ(snapshot->target_groups[0].schedule->at(0), dataplane::no_target);
  EXPECT_EQ(snapshot->target_groups[0].maglev->pick(0), dataplane::no_target);
}

TEST_F(Compile, UnhealthyTargetsFlowsAreResetUnlessTheGroupFailsOpen) {
  facts.targets[0].availability = Availability::FailOpen;
  facts.targets[0].resets_flows = true;
  Compiled snapshot = run();
  EXPECT_TRUE(snapshot->targets[0].terminated);
  EXPECT_FALSE(snapshot->targets[0].ending);
  EXPECT_EQ(snapshot->terminated, std::vector{snapshot->targets[0].id});
  set(Availability::FailOpen);
  snapshot = run();
  EXPECT_TRUE(snapshot->target_groups[0].failing_open);
  EXPECT_FALSE(snapshot->targets[0].terminated);
  set(Availability::Serving);
  facts.targets[0].resets_flows = false;
  EXPECT_FALSE(run()->targets[0].terminated);
}

TEST_F(Compile, FlowsOfUdpMoveAloneWhereConnectionsGoOn) {
  const auto ends = [](const Compiled& snapshot) {
    const dataplane::Target& target = snapshot->targets[0];
    return std::pair{target.terminates(dataplane::Protocol::Tcp),
                     target.terminates(dataplane::Protocol::Udp)};
  };
  facts.targets[0].availability = Availability::FailOpen;
  facts.targets[0].moves_udp = true;
  EXPECT_EQ(ends(run()), std::pair(false, true));
  facts.targets[0].resets_flows = true;
  EXPECT_EQ(ends(run()), std::pair(true, true));
  facts.targets[0].resets_flows = false;
  set(Availability::FailOpen);
  EXPECT_EQ(ends(run()), std::pair(false, false)) << "the group fails open: there is nobody else";
  set(Availability::Serving);
  facts.targets[0].availability = Availability::Draining;
  EXPECT_EQ(ends(run()), std::pair(false, true)) << "it is gone";
}

TEST_F(Compile, OnlyTerminatedTargetsFlowsEndUnasked) {
  facts.targets[0].availability = Availability::Draining;
  facts.targets[2].availability = Availability::Terminated;
  const Compiled snapshot = run();
  EXPECT_FALSE(snapshot->targets[0].ending);
  EXPECT_TRUE(snapshot->targets[2].ending);
  EXPECT_EQ(snapshot->terminated, std::vector{snapshot->targets[2].id});
}

TEST_F(Compile, WeightZeroGetsNothing) {
  facts.targets[0].weight = 0;
  EXPECT_EQ(eligible(run()), (Slots{1, 2}));
  // A serving target without weight does not keep the group from failing open.
  facts.targets[1].availability = Availability::FailOpen;
  facts.targets[2].availability = Availability::FailOpen;
  facts.targets[2].weight = 0;
  const Compiled snapshot = run();
  EXPECT_EQ(eligible(snapshot), Slots{1});
  EXPECT_TRUE(snapshot->target_groups[0].failing_open);
}

TEST_F(Compile, GroupsFailOpenEachOnItsOwn) {
  add_group("api", 3);
  add_target("api", "10.0.1.21", {10, 1});
  add_target("api", "10.0.1.22", {11, 1});
  set(Availability::FailOpen);
  facts.targets[3].availability = Availability::Serving;
  const Compiled snapshot = run();
  EXPECT_EQ(eligible(snapshot), (Slots{0, 1, 2, 10}));
  EXPECT_TRUE(snapshot->target_groups[0].failing_open);
  EXPECT_FALSE(snapshot->target_groups[3].failing_open);
  EXPECT_EQ(snapshot->target_group(TargetGroupId{1}), nullptr);
}

TEST_F(Compile, BelowTheThresholdAllGetFlowsTheHealthyOnesToo) {
  config.target_groups[0].routing.target_group_health.unhealthy_state_routing.count = 2;
  facts.targets[0].availability = Availability::FailOpen;
  EXPECT_EQ(eligible(run()), (Slots{1, 2}));
  facts.targets[1].availability = Availability::FailOpen;
  const Compiled snapshot = run();
  EXPECT_EQ(eligible(snapshot), (Slots{0, 1, 2}));
  EXPECT_TRUE(snapshot->target_groups[0].failing_open);
}

TEST_F(Compile, FlowsStayInTheBalancersZone) {
  config.zoning.zone = "a";
  facts.targets[0].zone = "a";
  facts.targets[1].zone = "b";  // and the third belongs to every zone
  EXPECT_EQ(eligible(run()), (Slots{0, 2}));
  config.target_groups[0].routing.cross_zone = CrossZone::On;
  EXPECT_EQ(eligible(run()), (Slots{0, 1, 2}));
  facts.shifted_zones = {"a"};
  EXPECT_EQ(eligible(run()), (Slots{1, 2}));
}

TEST_F(Compile, AffinityKeepsFlowsUntilControlSaysThatTheySpill) {
  config.zoning = {"a", true};
  config.target_groups[0].routing.zonal_affinity.emplace();
  facts.targets[0].zone = "a";
  facts.targets[1].zone = facts.targets[2].zone = "b";
  EXPECT_EQ(eligible(run()), Slots{0});
  facts.target_groups[0].spills = true;
  EXPECT_EQ(eligible(run()), (Slots{0, 1, 2}));
}

TEST_F(Compile, TheStandbyGetsTheNewFlowsOfAGroupThatFailedOver) {
  add_group("standby", 3);
  add_target("standby", "10.0.1.21", {10, 1});
  EXPECT_EQ(run()->listeners[0].target_group, TargetGroupId{0});
  facts.target_groups[0].standby = "standby";
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->listeners[0].target_group, TargetGroupId{3});
  EXPECT_EQ(snapshot->target_groups[3].listeners, std::vector{ListenerId{0}});
  EXPECT_EQ(eligible(snapshot), Slots{10});
  set(Availability::FailOpen);
  EXPECT_EQ(eligible(run()), Slots{10}) << "the group that is away does not fail open";
}

TEST_F(Compile, TargetsThatLeftTheFileStayUntilTheyAreEmpty) {
  // compile() knows targets by their facts alone; the file's list is control's business.
  facts.targets[2].availability = Availability::Draining;
  const Compiled snapshot = run();
  const dataplane::Target* target = snapshot->target(TargetId{2, 1});
  ASSERT_NE(target, nullptr);
  EXPECT_FALSE(target->eligible);
  EXPECT_EQ(mac_of(target->next_hop), 13);
}

TEST_F(Compile, TargetsOfAGroupThatLeftTheFileStayToo) {
  TargetFact& old = add_target("gone", "10.0.1.12", {5, 2});
  old.availability = Availability::Draining;
  TargetFact& remembered = add_target("remembered", "10.0.1.13", {6, 2});
  remembered.availability = Availability::Serving;  // even then: nobody can send flows there
  facts.target_groups.push_back({"remembered", TargetGroupId{9}});
  const Compiled snapshot = run();
  ASSERT_NE(snapshot->target(TargetId{5, 2}), nullptr);
  EXPECT_EQ(mac_of(snapshot->target(TargetId{5, 2})->next_hop), 12);
  EXPECT_EQ(snapshot->target(TargetId{5, 2})->target_group, TargetGroupId{});
  EXPECT_EQ(snapshot->target(TargetId{6, 2})->target_group, TargetGroupId{9});
  EXPECT_EQ(snapshot->target_group(TargetGroupId{9}), nullptr);
  EXPECT_EQ(eligible(snapshot), (Slots{0, 1, 2}));
}

// --- replies of nat targets ---

TEST_F(Compile, NatTargetsByEndpoint) {
  const Compiled snapshot = run();
  const TargetId* found = snapshot->nat_target_at.find({ip("10.0.1.12"), Be16{8080}});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, (TargetId{1, 1}));
  EXPECT_EQ(snapshot->nat_target_at.find({ip("10.0.1.12"), Be16{8081}}), nullptr);
  EXPECT_EQ(snapshot->nat_target_at.find({ip("10.0.1.12"), Be16{8080}, Protocol::Udp}), nullptr);
  config.target_groups[0].mode = Mode::FullNat;
  EXPECT_EQ(run()->nat_target_at.size(), 0u);
}

TEST_F(Compile, SharedNatEndpointBelongsToTheLowestGroup) {
  add_group("second", 2);
  add_group("first", 1);
  add_target("second", "10.0.1.11", {20, 1});
  add_target("first", "10.0.1.21", {21, 1});
  add_target("second", "10.0.1.21", {3, 1});
  facts.targets.back().availability = Availability::Serving;
  const Compiled snapshot = run();
  EXPECT_EQ(*snapshot->nat_target_at.find({ip("10.0.1.11"), Be16{8080}}), (TargetId{0, 1}));
  EXPECT_EQ(*snapshot->nat_target_at.find({ip("10.0.1.21"), Be16{8080}}), (TargetId{21, 1}));
}

TEST_F(Compile, NatEndpointBelongsToTheSuccessorOfADrainingTarget) {
  facts.targets[0].availability = Availability::Draining;
  add_target("web", "10.0.1.11", {7, 3});
  EXPECT_EQ(*run()->nat_target_at.find({ip("10.0.1.11"), Be16{8080}}), (TargetId{7, 3}));
}

// --- targets that may be sent packets without a flow ---

std::vector<int> stateless(const Compiled& snapshot) {
  std::vector<int> slots;
  for (const auto& target : snapshot->targets) {
    if (target.stateless) slots.push_back(target.id.slot);
  }
  return slots;
}

TEST_F(Compile, TargetsOfAForwardingGroupAreStateless) {
  EXPECT_EQ(stateless(run()), Slots{});
  config.target_groups[0].algorithm = Algorithm::Maglev;
  config.target_groups[0].overload = dataplane::Overload::Forward;
  facts.targets[1].availability = Availability::Draining;
  EXPECT_EQ(stateless(run()), (Slots{0, 1, 2}));
  EXPECT_EQ(run()->target_groups[0].overload, dataplane::Overload::Forward);
  config.target_groups[0].mode = Mode::FullNat;
  EXPECT_EQ(stateless(run()), Slots{});
}

TEST_F(Compile, TargetsAreNotStatelessBehindNoneOrTwoListeners) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  config.target_groups[0].overload = dataplane::Overload::Forward;
  add_listener("second", "203.0.113.10", 81, "web", 1);
  EXPECT_EQ(stateless(run()), Slots{});
  config.listeners.clear();
  EXPECT_EQ(stateless(run()), Slots{});
}

TEST_F(Compile, StickinessIsTheGroups) {
  EXPECT_FALSE(run()->any_sticky);
  config.target_groups[0].stickiness = {dataplane::Stickiness::SourceIpDestIp, seconds(90)};
  const Compiled snapshot = run();
  EXPECT_TRUE(snapshot->any_sticky);
  EXPECT_EQ(snapshot->target_groups[0].stickiness, dataplane::Stickiness::SourceIpDestIp);
  EXPECT_EQ(snapshot->target_groups[0].sticky_seconds, 90u);
}

// A target moves from one group to another by a reload, and drains in the first.
TEST_F(Compile, ASharedEndpointIsTheGroupsThatForwards) {
  add_group("second", 1).overload = dataplane::Overload::Forward;
  config.target_groups[1].algorithm = Algorithm::Maglev;
  add_listener("second", "203.0.113.10", 81, "second", 1);
  add_target("second", "10.0.1.11", {20, 1});
  Compiled snapshot = run();
  EXPECT_EQ(*snapshot->nat_target_at.find({ip("10.0.1.11"), Be16{8080}}), (TargetId{20, 1}));
  EXPECT_EQ(stateless(snapshot), Slots{20});
  facts.targets.back().availability = Availability::Draining;
  snapshot = run();
  EXPECT_EQ(*snapshot->nat_target_at.find({ip("10.0.1.11"), Be16{8080}}), (TargetId{0, 1}));
  EXPECT_EQ(stateless(snapshot), Slots{});
}

// --- schedules and tables ---

TEST_F(Compile, RoundRobinGivesEachOneTurnInTheOrderOfAddresses) {
  facts.targets[0].weight = 5;
  std::swap(facts.targets[0], facts.targets[2]);
  EXPECT_EQ(turns(run()->target_groups[0]), (Slots{0, 1, 2}));
  facts.targets[1].address = ip("10.0.1.200");
  EXPECT_EQ(turns(run()->target_groups[0]), (Slots{0, 2, 1}));
}

TEST_F(Compile, WeightedRoundRobinFollowsTheWeights) {
  config.target_groups[0].algorithm = Algorithm::WeightedRoundRobin;
  facts.targets[0].weight = 2;
  EXPECT_EQ(turns(run()->target_groups[0]), (Slots{0, 1, 0, 2}));
}

TEST_F(Compile, MaglevFollowsSizeAndWeights) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  config.target_groups[0].maglev_table_size = 251;
  facts.targets[0].weight = 2;
  const Compiled snapshot = run();
  const auto slots = snapshot->target_groups[0].maglev->slots();
  ASSERT_EQ(slots.size(), 251u);
  EXPECT_NEAR(static_cast<double>(std::count(slots.begin(), slots.end(), TargetId{0, 1})), 125, 2);
  EXPECT_TRUE(snapshot->target_groups[0].schedule->order().empty());
}

TEST_F(Compile, MaglevOfAnotherMachineIsTheSame) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  const Compiled mine = run();
  std::reverse(facts.targets.begin(), facts.targets.end());
  for (std::size_t i = 0; i < 3; ++i) {
    facts.targets[i].id = {static_cast<std::uint16_t>(i + 40), 2};
  }
  const Compiled theirs = run();
  const auto a = mine->target_groups[0].maglev->slots();
  const auto b = theirs->target_groups[0].maglev->slots();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(mine->target(a[i])->address, theirs->target(b[i])->address);
  }
}

TEST_F(Compile, MaglevGrowsWhenTheSizeIsTooSmall) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  config.target_groups[0].maglev_table_size = 2;
  EXPECT_EQ(run()->target_groups[0].maglev->slots().size(), 3u);
}

TEST_F(Compile, UnchangedGroupsShareTheirTables) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  add_group("api", 1);
  add_target("api", "10.0.1.21", {10, 1});
  const Compiled before = run();
  ++facts.generation.number;
  learn(1, "10.0.1.21", 21);
  facts.targets[3].percent = 70;
  const Compiled after = run(before);
  EXPECT_EQ(after->target_groups[0].maglev, before->target_groups[0].maglev);
  EXPECT_EQ(after->target_groups[0].schedule, before->target_groups[0].schedule);
  EXPECT_NE(after->target_groups[1].schedule, before->target_groups[1].schedule);
  const Compiled again = run(after);
  EXPECT_EQ(again->target_groups[1].schedule, after->target_groups[1].schedule);
}

TEST_F(Compile, EmptyTablesAreSharedToo) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  set(Availability::Draining);
  const Compiled before = run();
  EXPECT_EQ(run(before)->target_groups[0].maglev, before->target_groups[0].maglev);
}

TEST_F(Compile, WhateverChangesATableBuildsItAnew) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  const Compiled before = run();
  const Config old_config = config;
  const Facts old_facts = facts;
  const auto expect_new = [&](const char* what) {
    const Compiled after = run(before);
    const Compiled alone = run();
    EXPECT_NE(after->target_groups[0].maglev, before->target_groups[0].maglev) << what;
    const auto a = after->target_groups[0].maglev->slots();
    const auto b = alone->target_groups[0].maglev->slots();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << what;
    EXPECT_EQ(turns(after->target_groups[0]), turns(alone->target_groups[0])) << what;
    config = old_config;
    facts = old_facts;
  };
  facts.targets[1].weight = 3;
  expect_new("weight");
  facts.targets[1].availability = Availability::Draining;
  expect_new("one target less");
  add_target("web", "10.0.1.14", {3, 1});
  expect_new("one target more");
  facts.targets[1].address = ip("10.0.1.99");
  expect_new("address");
  facts.targets[1].port = 99;
  expect_new("port");
  facts.targets[1].id.incarnation = 2;
  expect_new("incarnation");
  config.target_groups[0].maglev_table_size = 251;
  expect_new("table size");
  config.target_groups[0].algorithm = Algorithm::RoundRobin;
  expect_new("algorithm");
}

TEST_F(Compile, ASlotThatNamesAnotherGroupNowLendsNothing) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  const Compiled before = run();
  config.target_groups[0].name = config.listeners[0].target_group = "other";
  facts.target_groups[0].name = "other";
  for (TargetFact& target : facts.targets) {
    target.target_group = "other";
    ++target.id.incarnation;
  }
  const Compiled after = run(before);
  EXPECT_EQ(after->target(after->target_groups[0].maglev->pick(0))->id.incarnation, 2);
}

TEST_F(Compile, SameInputSameSnapshot) {
  const Compiled a = run();
  const Compiled b = run(a);
  EXPECT_EQ(eligible(a), eligible(b));
  EXPECT_EQ(a->routes.size(), b->routes.size());
  EXPECT_EQ(turns(a->target_groups[0]), turns(b->target_groups[0]));
}

// --- our own mistakes ---

using CompileDeathTest = Compile;

TEST_F(CompileDeathTest, MissingFactsAreMistakes) {
  const auto broken = [this](auto change) {
    Facts other = facts;
    change(other);
    static_cast<void>(compile(config, other, nullptr));
  };
  EXPECT_DEATH(broken([](Facts& f) { f.ports.pop_back(); }), "ports");
  EXPECT_DEATH(broken([](Facts& f) { f.listeners.clear(); }), "found");
  EXPECT_DEATH(broken([](Facts& f) { f.target_groups.clear(); }), "found");
  EXPECT_DEATH(broken([](Facts& f) { f.targets[1].id = f.targets[0].id; }), "no_target");
}

}  // namespace
}  // namespace config
