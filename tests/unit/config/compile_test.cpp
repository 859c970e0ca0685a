#include "config/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace config {
namespace {

using dataplane::Algorithm;
using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::Ipv4Address;
using dataplane::ListenerId;
using dataplane::MacAddress;
using dataplane::Mode;
using dataplane::NextHop;
using dataplane::Owner;
using dataplane::PortId;
using dataplane::Protocol;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;

using Compiled = std::shared_ptr<const Snapshot>;

Ipv4Address ip(const std::string& text) { return *dataplane::parse_ipv4(text); }
MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }
/// The destination MAC's last byte; -1: not resolved.
int mac_of(const NextHop& hop) { return hop.resolved() ? hop.header[5] : -1; }

/// A front and a back port, one group "web" of three targets, one listener; everything resolved.
/// Each test changes what it is about.
struct Compile : testing::Test {
  Config config;
  Facts facts;

  Compile() {
    config.ports = {port("front", "198.51.100.2/24"), port("back", "10.0.1.2/24")};
    config.ports[0].gateways = {ip("198.51.100.1")};
    config.ports[1].local_addresses = {ip("10.0.1.3"), ip("10.0.1.4")};
    facts.ports = {{.mac = mac(0xf0), .mtu = 1500, .kernel_path = true},
                   {.mac = mac(0xb0), .mtu = 1500, .kernel_path = true}};
    facts.generation = {7};
    facts.neighbours.push_back({PortId{0}, ip("198.51.100.1"), mac(1)});
    add_group("web", 0);
    for (std::uint8_t i = 0; i < 3; ++i) {
      add_target("web", "10.0.1." + std::to_string(11 + i), {i, 1});
      facts.neighbours.push_back({PortId{1}, ip("10.0.1." + std::to_string(11 + i)),
                                  mac(static_cast<std::uint8_t>(11 + i))});
    }
    add_listener("web", "203.0.113.10", 80, "web", 0);
  }

  static Port port(const std::string& name, const std::string& address) {
    Port result;
    result.name = name;
    result.addresses = {*dataplane::parse_ipv4_prefix(address)};
    return result;
  }
  TargetGroup& add_group(const std::string& name, std::uint16_t slot) {
    TargetGroup group;
    group.name = name;
    group.port = 8080;
    config.target_groups.push_back(group);
    facts.target_groups.push_back({name, TargetGroupId{slot}});
    return config.target_groups.back();
  }
  TargetFact& add_target(const std::string& group, const std::string& address, TargetId id) {
    facts.targets.push_back({.id = id,
                             .target_group = group,
                             .address = ip(address),
                             .port = 8080,
                             .weight = 1,
                             .availability = Availability::Serving});
    return facts.targets.back();
  }
  void add_listener(const std::string& name, const std::string& address, std::uint16_t port,
                    const std::string& group, std::uint16_t slot) {
    Listener listener;
    listener.name = name;
    listener.address = ip(address);
    listener.port = port;
    listener.target_group = group;
    config.listeners.push_back(listener);
    facts.listeners.push_back({name, ListenerId{slot}, 4});
  }
  void learn(std::uint8_t port, const std::string& address, std::uint8_t last) {
    facts.neighbours.push_back({PortId{port}, ip(address), mac(last)});
  }
  void set(Availability all) {
    for (TargetFact& target : facts.targets) target.availability = all;
  }
  [[nodiscard]] Compiled run(const Compiled& previous = nullptr) const {
    return compile(config, facts, previous.get());
  }
};

std::vector<int> eligible(const Compiled& snapshot) {
  std::vector<int> slots;
  for (const auto& target : snapshot->targets) {
    if (target.eligible) slots.push_back(target.id.slot);
  }
  return slots;
}

std::vector<int> turns(const dataplane::TargetGroup& group) {
  std::vector<int> slots;
  for (const TargetId id : group.schedule->order()) slots.push_back(id.slot);
  return slots;
}

using Slots = std::vector<int>;

// --- the whole, ports, listeners ---

TEST_F(Compile, SmallestConfigIsASnapshot) {
  const Compiled snapshot = compile(Config{}, Facts{}, nullptr);
  EXPECT_EQ(snapshot->workers, 1);
  EXPECT_TRUE(snapshot->ports.empty());
  EXPECT_FALSE(snapshot->next_hop_to(ip("10.0.0.1")).resolved());
}

TEST_F(Compile, CarriesWhatTheFileSays) {
  config.worker_cpus = {2, 3, 5};
  config.punt_rate = 123;
  config.flows.half_open_timeout = milliseconds{1'500};
  config.flows.half_closed_timeout = milliseconds{2'500};
  config.flows.closing_timeout = milliseconds{3'500};
  config.flows.reset_timeout = milliseconds{4'500};
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->generation.number, 7u);
  EXPECT_EQ(snapshot->workers, 3);
  EXPECT_EQ(snapshot->punts_per_second, 123u);
  EXPECT_EQ(snapshot->timeouts.half_open_milliseconds, 1'500u);
  EXPECT_EQ(snapshot->timeouts.half_closed_milliseconds, 2'500u);
  EXPECT_EQ(snapshot->timeouts.closing_milliseconds, 3'500u);
  EXPECT_EQ(snapshot->timeouts.reset_milliseconds, 4'500u);
  config.worker_cpus.clear();
  config.workers = 2;
  EXPECT_EQ(run()->workers, 2);
}

TEST_F(Compile, PortsHaveTheSmallerMtuAndWhatTheDeviceSays) {
  config.ports[0].mtu = 9000;
  config.ports[0].vlan = 12;
  config.ports[1].mtu = 1400;
  facts.ports[1].kernel_path = false;
  const Compiled snapshot = run();
  ASSERT_EQ(snapshot->ports.size(), 2u);
  EXPECT_EQ(snapshot->ports[0].id, PortId{0});
  EXPECT_EQ(snapshot->ports[0].mac, mac(0xf0));
  EXPECT_EQ(snapshot->ports[0].vlan, 12);
  EXPECT_EQ(snapshot->ports[0].mtu, 1500);
  EXPECT_TRUE(snapshot->ports[0].kernel_path);
  EXPECT_EQ(snapshot->ports[1].mtu, 1400);
  EXPECT_FALSE(snapshot->ports[1].kernel_path);
  EXPECT_EQ(snapshot->next_hop_to(ip("10.0.1.11")).mtu, 1400);
  EXPECT_EQ(snapshot->next_hop_to(ip("192.0.2.1")).header_size, 18);  // tagged
}

TEST_F(Compile, ListenersByEndpoint) {
  add_listener("dns", "203.0.113.10", 53, "web", 5);
  config.listeners[1].protocol = Protocol::Udp;
  config.listeners[1].idle_timeout = seconds{6'000};
  const Compiled snapshot = run();
  const ListenerId* found =
      snapshot->listener_at.find({ip("203.0.113.10"), Be16{53}, Protocol::Udp});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, ListenerId{5});
  EXPECT_EQ(snapshot->listener_at.find({ip("203.0.113.10"), Be16{53}, Protocol::Tcp}), nullptr);
  const dataplane::Listener* listener = snapshot->listener(ListenerId{5});
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(listener->incarnation, 4);
  EXPECT_EQ(listener->idle_milliseconds, 6'000'000u);
  EXPECT_EQ(listener->target_group, TargetGroupId{0});
  EXPECT_EQ(snapshot->listener(ListenerId{3}), nullptr);
  EXPECT_EQ(snapshot->target_groups[0].listeners,
            (std::vector<ListenerId>{ListenerId{0}, ListenerId{5}}));
  EXPECT_EQ(snapshot->listener(ListenerId{0})->idle_milliseconds, 350'000u);
}

TEST_F(Compile, OwnersByAddress) {
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->owner_of(ip("198.51.100.2")), Owner::Port);
  EXPECT_EQ(snapshot->owner_of(ip("10.0.1.2")), Owner::Port);
  EXPECT_EQ(snapshot->owner_of(ip("10.0.1.3")), Owner::Local);
  EXPECT_EQ(snapshot->owner_of(ip("10.0.1.4")), Owner::Local);
  EXPECT_EQ(snapshot->owner_of(ip("203.0.113.10")), Owner::Listener);
  EXPECT_EQ(snapshot->owner_of(ip("10.0.1.11")), Owner::Nobody);
}

TEST_F(Compile, OwnerOfAnAddressThatIsSeveralThings) {
  add_listener("own", "198.51.100.2", 443, "web", 1);  // a listener on the port's own address
  add_listener("local", "10.0.1.3", 443, "web", 2);
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->owner_of(ip("198.51.100.2")), Owner::Port);
  EXPECT_NE(snapshot->listener_at.find({ip("198.51.100.2"), Be16{443}, Protocol::Tcp}), nullptr);
  EXPECT_EQ(snapshot->owner_of(ip("10.0.1.3")), Owner::Listener);
}

TEST_F(Compile, LocalAddressesByPort) {
  const Compiled snapshot = run();
  ASSERT_EQ(snapshot->locals.size(), 2u);
  EXPECT_TRUE(snapshot->locals[0].addresses.empty());
  EXPECT_EQ(snapshot->locals[1].addresses,
            (std::vector<Ipv4Address>{ip("10.0.1.3"), ip("10.0.1.4")}));
  EXPECT_EQ(snapshot->locals[1].port_first, 1024);
  EXPECT_EQ(snapshot->locals[1].port_last, 65'535);
}

// --- routes ---

TEST_F(Compile, NextHopsAreOnLinkOrBehindAGateway) {
  const Compiled snapshot = run();
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("10.0.1.11"))), 11);
  EXPECT_EQ(snapshot->next_hop_to(ip("10.0.1.11")).port, PortId{1});
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("192.0.2.77"))), 1);
  EXPECT_EQ(snapshot->next_hop_to(ip("192.0.2.77")).port, PortId{0});
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("10.0.1.99"))), -1);  // on link, not resolved
}

TEST_F(Compile, NextHopHasThePortsMacAsItsSource) {
  const NextHop hop = run()->next_hop_to(ip("10.0.1.12"));
  EXPECT_EQ(hop, dataplane::next_hop(PortId{1}, mac(12), mac(0xb0), 0, 1500));
}

TEST_F(Compile, LongestPrefixWins) {
  config.ports[0].addresses.push_back(*dataplane::parse_ipv4_prefix("10.0.0.2/8"));
  learn(0, "10.0.2.1", 21);
  learn(0, "10.0.1.50", 50);  // odd: the kernel knows it on the wrong port
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->routes.front().prefix, *dataplane::parse_ipv4_prefix("198.51.100.0/24"));
  EXPECT_EQ(snapshot->next_hop_to(ip("10.0.2.1")).port, PortId{0});
  EXPECT_EQ(snapshot->next_hop_to(ip("10.0.1.11")).port, PortId{1});
}

TEST_F(Compile, FirstGatewayThatAnswersIsUsed) {
  config.ports[0].gateways = {ip("198.51.100.254"), ip("198.51.100.1")};
  EXPECT_EQ(mac_of(run()->next_hop_to(ip("192.0.2.1"))), 1);
  learn(0, "198.51.100.254", 254);
  EXPECT_EQ(mac_of(run()->next_hop_to(ip("192.0.2.1"))), 254);
  facts.neighbours.clear();
  EXPECT_EQ(mac_of(run()->next_hop_to(ip("192.0.2.1"))), -1);
}

TEST_F(Compile, GatewaysOfTheFirstPortComeFirst) {
  config.ports[1].gateways = {ip("10.0.1.1")};
  learn(1, "10.0.1.1", 101);
  EXPECT_EQ(mac_of(run()->next_hop_to(ip("192.0.2.1"))), 1);
  std::erase_if(facts.neighbours,
                [](const NeighbourFact& one) { return one.address == ip("198.51.100.1"); });
  EXPECT_EQ(mac_of(run()->next_hop_to(ip("192.0.2.1"))), 101);
}

TEST_F(Compile, TheFilesNeighboursWin) {
  config.neighbours.push_back({"back", ip("10.0.1.11"), mac(0x99), 0});
  const Compiled snapshot = run();
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("10.0.1.11"))), 0x99);
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("10.0.1.12"))), 12);
}

TEST_F(Compile, TheFilesNeighbourNeedsNoNetworkOfItsPort) {
  config.neighbours.push_back({"back", ip("192.0.2.5"), mac(0x55), 0});
  config.neighbours.push_back({"back", ip("172.16.0.1"), mac(0x56), 0});
  config.ports[0].gateways.clear();
  config.ports[1].gateways = {ip("172.16.0.1")};
  const Compiled snapshot = run();
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("192.0.2.5"))), 0x55);
  EXPECT_EQ(snapshot->next_hop_to(ip("192.0.2.5")).port, PortId{1});
  EXPECT_EQ(mac_of(snapshot->next_hop_to(ip("192.0.2.6"))), 0x56);  // by the gateway
}

TEST_F(Compile, NeighboursWithoutAUsableMacAreUnknown) {
  facts.neighbours.clear();
  facts.neighbours.push_back({PortId{1}, ip("10.0.1.11"), MacAddress{}});
  facts.neighbours.push_back({PortId{1}, ip("10.0.1.12"), dataplane::broadcast_mac});
  const Compiled snapshot = run();
  EXPECT_FALSE(snapshot->next_hop_to(ip("10.0.1.11")).resolved());
  EXPECT_FALSE(snapshot->next_hop_to(ip("10.0.1.12")).resolved());
}

TEST_F(Compile, OfTwoPortsTheOneWithTheNetworkIsBelieved) {
  facts.neighbours.clear();
  learn(0, "10.0.1.11", 0x66);  // seen in passing on the wrong port, and earlier
  learn(1, "10.0.1.11", 11);
  const NextHop hop = run()->next_hop_to(ip("10.0.1.11"));
  EXPECT_EQ(mac_of(hop), 11);
  EXPECT_EQ(hop.port, PortId{1});
}

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
  EXPECT_EQ(target->weight, 9);
  EXPECT_TRUE(target->eligible);
  EXPECT_FALSE(target->terminated);
  EXPECT_EQ(mac_of(target->next_hop), 12);
  EXPECT_EQ(snapshot->target(TargetId{1, 2}), nullptr);
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
  facts.targets[3].weight = 7;  // round robin does not care, but nobody relies on that
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
