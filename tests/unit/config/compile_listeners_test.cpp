// What listeners with several groups or ports, and targets with a part of their weight, become.
#include <algorithm>
#include <iostream>
#include <map>

#include "tests/unit/config/compile_case.h"

namespace config {
namespace {

using dataplane::PortRange;
using dataplane::Protocols;

/// The listener's slot at a port; -1: nobody's.
int at(const Compiled& snapshot, int port, Protocol protocol = Protocol::Tcp,
       const std::string& address = "203.0.113.10") {
  const ListenerId* found =
      snapshot->listener_for({ip(address), Be16{static_cast<std::uint16_t>(port)}, protocol});
  return found == nullptr ? -1 : found->slot;
}

TEST_F(Compile, RangesAreLookedUpAfterExactPortsAndAllAfterRanges) {
  for (const char* address : {"203.0.113.10", "2001:db8::10"}) {
    config.listeners.clear();
    facts.listeners.clear();
    std::uint16_t slot = 0;
    for (const PortRange ports : {PortRange{80, 80}, PortRange{5000, 5999}, PortRange{1, 65'535},
                                  PortRange{6000, 6000}, PortRange{65'000, 65'535}}) {
      add_listener("l" + std::to_string(slot), address, ports.first, "web", slot);
      if (ports.first != ports.last) config.listeners.back().port_last = ports.last;
      ++slot;
    }
    const Compiled snapshot = run();
    const std::map<int, int> expected = {{1, 2},    {79, 2},     {80, 0},     {81, 2},
                                         {4999, 2}, {5000, 1},   {5999, 1},   {6000, 3},
                                         {6001, 2}, {64'999, 2}, {65'000, 4}, {65'535, 4}};
    for (const auto& [port, listener] : expected) {
      EXPECT_EQ(at(snapshot, port, Protocol::Tcp, address), listener) << port;
      EXPECT_EQ(at(snapshot, port, Protocol::Udp, address), -1) << port;
      EXPECT_EQ(at(snapshot, port, Protocol::Tcp, "203.0.113.99"), -1) << port;
    }
    EXPECT_EQ(at(snapshot, 0, Protocol::Tcp, address), -1);
    for (std::size_t i = 1; i < snapshot->segments.size(); ++i) {
      EXPECT_LT(snapshot->segments[i - 1].ports.last, snapshot->segments[i].ports.first);
    }
  }
}

TEST_F(Compile, WithoutRangesThereIsNothingToLookUp) {
  EXPECT_TRUE(run()->segments.empty());
  EXPECT_EQ(run()->keeping_target_at.size(), 0u);
}

TEST_F(Compile, AListenerOfBothProtocolsIsInBothTables) {
  config.target_groups[0].protocol = config.listeners[0].protocol = Protocols::tcp_udp();
  config.listeners[0].idle_timeout = seconds{100};
  config.listeners[0].udp_idle_timeout = seconds{7};
  add_listener("range", "203.0.113.10", 100, "web", 1);
  config.listeners[1].port_last = 199;
  config.listeners[1].protocol = Protocol::Udp;
  config.listeners[1].idle_timeout = seconds{9};
  const Compiled snapshot = run();
  EXPECT_EQ(at(snapshot, 80, Protocol::Tcp), 0);
  EXPECT_EQ(at(snapshot, 80, Protocol::Udp), 0);
  EXPECT_EQ(at(snapshot, 150, Protocol::Udp), 1);
  EXPECT_EQ(at(snapshot, 150, Protocol::Tcp), -1);
  EXPECT_EQ(snapshot->listeners[0].idle_milliseconds, 100'000u);
  EXPECT_EQ(snapshot->listeners[0].udp_idle_milliseconds, 7'000u);
  EXPECT_EQ(snapshot->listeners[1].udp_idle_milliseconds, 9'000u) << "its idle_timeout";
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
    EXPECT_NE(snapshot->nat_target_for({ip("10.0.1.11"), Be16{8080}, protocol}), nullptr);
  }
}

TEST_F(Compile, WeightedGroupsAreSharesByName) {
  add_group("green", 4);
  config.listeners[0].target_group = "";
  config.listeners[0].target_groups = {{.name = "web", .weight = 90},
                                       {.name = "green", .weight = 10}};
  add_listener("other", "203.0.113.10", 81, "green", 1);
  const Compiled snapshot = run();
  const dataplane::Listener& listener = snapshot->listeners[0];
  ASSERT_EQ(listener.shares.size(), 2u);
  EXPECT_EQ(listener.shares[0].id, TargetGroupId{0});
  EXPECT_EQ(listener.shares[1].id, TargetGroupId{4});
  EXPECT_EQ(listener.shares[1].weight, 10);
  EXPECT_EQ(listener.shares[1].identity, dataplane::share_identity("green"));
  EXPECT_FALSE(listener.shares_by_source);
  EXPECT_EQ(snapshot->target_groups[4].listeners,
            (std::vector<ListenerId>{ListenerId{0}, ListenerId{1}}));
  EXPECT_EQ(snapshot->target_groups[0].listeners, (std::vector<ListenerId>{ListenerId{0}}));
  config.target_groups[1].algorithm = Algorithm::SourceIp;
  EXPECT_TRUE(run()->listeners[0].shares_by_source);
  config.target_groups[1].algorithm = Algorithm::RoundRobin;
  config.target_groups[1].stickiness = {dataplane::Stickiness::SourceIp, seconds(60)};
  EXPECT_TRUE(run()->listeners[0].shares_by_source);
}

TEST_F(Compile, WeightedGroupsAreChosenBySourceAlsoForAStickyStandby) {
  add_group("green", 4);
  add_group("spare", 5);
  config.listeners[0].target_group = "";
  config.listeners[0].target_groups = {{.name = "web", .weight = 90},
                                       {.name = "green", .weight = 10}};
  Failover failover;
  failover.target_group = "spare";
  config.target_groups[1].routing.failover = failover;
  EXPECT_FALSE(run()->listeners[0].shares_by_source);
  config.target_groups[2].stickiness = {dataplane::Stickiness::SourceIp, seconds(60)};
  EXPECT_TRUE(run()->listeners[0].shares_by_source) << "before it serves, too";
  facts.target_groups[1].standby = "spare";
  EXPECT_TRUE(run()->listeners[0].shares_by_source);
}

TEST_F(Compile, OneGroupIsNoShareWhateverItsWeight) {
  config.listeners[0].target_group = "";
  config.listeners[0].target_groups = {{.name = "web", .weight = 7}};
  const Compiled snapshot = run();
  EXPECT_TRUE(snapshot->listeners[0].shares.empty());
  EXPECT_EQ(snapshot->listeners[0].target_group, TargetGroupId{0});
}

TEST_F(Compile, TargetsThatKeepPortsAreFoundByTheListenersPorts) {
  config.target_groups[0].port = 0;
  for (TargetFact& target : facts.targets) target.port = 0;
  config.listeners[0].port = 5000;
  config.listeners[0].port_last = 5999;
  const Compiled snapshot = run();
  const auto found = [&](int port) {
    return snapshot->nat_target_for({ip("10.0.1.11"), Be16{static_cast<std::uint16_t>(port)}});
  };
  ASSERT_NE(found(5432), nullptr);
  EXPECT_EQ(*found(5432), (TargetId{0, 1}));
  EXPECT_EQ(found(4999), nullptr);
  EXPECT_EQ(found(0), nullptr);
  EXPECT_EQ(snapshot->nat_target_at.size(), 0u);
}

// --- parts of weights ---

TEST_F(Compile, APartOfTheWeightCountsInEveryAlgorithm) {
  facts.targets[0].percent = 50;
  EXPECT_EQ(turns(run()->target_groups[0]), (Slots{1, 2, 0, 1, 2}));
  config.target_groups[0].algorithm = Algorithm::WeightedRoundRobin;
  facts.targets[1].weight = 2;
  const auto schedule = turns(run()->target_groups[0]);
  EXPECT_EQ(std::count(schedule.begin(), schedule.end(), 0), 1);
  EXPECT_EQ(std::count(schedule.begin(), schedule.end(), 1), 4);
  EXPECT_EQ(std::count(schedule.begin(), schedule.end(), 2), 2);
  config.target_groups[0].algorithm = Algorithm::Maglev;
  const Compiled snapshot = run();
  const auto slots = snapshot->target_groups[0].maglev->slots();
  EXPECT_NEAR(static_cast<double>(std::count(slots.begin(), slots.end(), TargetId{0, 1})),
              65'537 / 7.0, 10);
}

TEST_F(Compile, NoPartOfTheWeightIsNoNewFlow) {
  facts.targets[0].percent = 0;
  EXPECT_EQ(eligible(run()), (Slots{1, 2}));
  // As weight 0: such a target does not keep the group from failing open.
  facts.targets[1].availability = facts.targets[2].availability = Availability::FailOpen;
  EXPECT_TRUE(run()->target_groups[0].failing_open);
  EXPECT_EQ(eligible(run()), (Slots{1, 2}));
}

TEST_F(Compile, AllOfTheWeightMakesTheTablesThatItAlwaysMade) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  const Compiled before = run();
  facts.targets[0].percent = 40;
  const Compiled starting = run(before);
  facts.targets[0].percent = 100;
  const auto a = before->target_groups[0].maglev->slots();
  const Compiled after = run(starting);
  const auto b = after->target_groups[0].maglev->slots();
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

struct Moves {
  int to_it = 0;   // of the table's places
  int others = 0;  // between the others
};

Moves moves(const Compiled& before, const Compiled& after, TargetId it) {
  Moves result;
  const auto a = before->target_groups[0].maglev->slots();
  const auto b = after->target_groups[0].maglev->slots();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    ++(b[i] == it ? result.to_it : result.others);
  }
  return result;
}

// A slow start in Maglev's table: what the ten steps of control/lifecycle/target_weight move.
TEST_F(Compile, MaglevRampMovesLittleBetweenTheOthers) {
  config.target_groups[0].algorithm = Algorithm::Maglev;
  facts.targets.clear();
  for (std::uint16_t i = 0; i < 100; ++i) {
    add_target("web", "10.0.2." + std::to_string(i + 1), {i, 1});
  }
  const TargetId it{99, 1};
  facts.targets[99].availability = Availability::Draining;
  const Compiled without = run();
  facts.targets[99].availability = Availability::Serving;
  Compiled now = without;
  int to_it = 0, others = 0, worst = 0;
  for (int step = 1; step <= 11; ++step) {
    facts.targets[99].percent = static_cast<std::uint8_t>(step * 100 / 11);
    const Compiled next = run(now);
    const Moves moved = moves(now, next, it);
    to_it += moved.to_it;
    others += moved.others;
    worst = std::max(worst, moved.others);
    now = next;
  }
  const Moves at_once = moves(without, now, it);
  const double table = 65'537;
  std::cout << "of " << table << " places: " << to_it << " to the new target; between the others "
            << worst << " in the worst step, " << others << " in all steps, " << at_once.others
            << " from first to last\n";
  EXPECT_NEAR(to_it, table / 100, 20) << "its own hundredth, by and by";
  EXPECT_LT(worst, table / 200) << "a step moves little";
  EXPECT_LT(others, table / 20);
  EXPECT_LT(at_once.others, table / 100) << "and most of it comes back";
}

}  // namespace
}  // namespace config
