#include "config/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/config/compile_case.h"

namespace config {
namespace {

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
  config.icmp_error_rate = 45;
  config.flows.new_per_second = 456;
  config.flows.half_open_timeout = milliseconds{1'500};
  config.flows.half_closed_timeout = milliseconds{2'500};
  config.flows.closing_timeout = milliseconds{3'500};
  config.flows.reset_timeout = milliseconds{4'500};
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->generation.number, 7u);
  EXPECT_EQ(snapshot->workers, 3);
  EXPECT_EQ(snapshot->punts_per_second, 123u);
  EXPECT_EQ(snapshot->icmp_errors_per_second, 45u);
  EXPECT_EQ(snapshot->new_flows_per_second, 456u);
  EXPECT_EQ(snapshot->timeouts.half_open_milliseconds, 1'500u);
  EXPECT_EQ(snapshot->timeouts.half_closed_milliseconds, 2'500u);
  EXPECT_EQ(snapshot->timeouts.closing_milliseconds, 3'500u);
  EXPECT_EQ(snapshot->timeouts.reset_milliseconds, 4'500u);
  config.worker_cpus.clear();
  config.workers = 2;
  EXPECT_EQ(run()->workers, 2);
}

TEST_F(Compile, PortsSteerAsTheirRssAllows) {
  config.ports[1].local_addresses = {ip("10.0.1.200")};
  Compiled snapshot = run();
  EXPECT_EQ(snapshot->client_rss, nullptr);
  for (std::size_t port = 0; port < 2; ++port) {
    EXPECT_EQ(snapshot->ports[port].steering, dataplane::Steering::HandOff);
    EXPECT_EQ(snapshot->locals[port].rss, nullptr);
    EXPECT_EQ(snapshot->locals[port].workers, 1);
  }
  const std::vector<std::uint8_t> key(40, 0x5d);
  const std::vector<dataplane::WorkerId> table(64);
  facts.ports[1].rss =
      std::make_shared<const dataplane::Rss>(key, table, dataplane::RssFields::Destination);
  config.workers = 4;
  snapshot = run();
  EXPECT_EQ(snapshot->ports[0].steering, dataplane::Steering::HandOff);
  EXPECT_EQ(snapshot->ports[1].steering, dataplane::Steering::Rss);
  EXPECT_EQ(snapshot->locals[1].rss, facts.ports[1].rss);
  EXPECT_EQ(snapshot->locals[1].workers, 4);
  facts.client_rss = facts.ports[0].rss =
      std::make_shared<const dataplane::Rss>(key, table, dataplane::RssFields::Source);
  snapshot = run();
  EXPECT_EQ(snapshot->client_rss, facts.client_rss);
  EXPECT_EQ(snapshot->ports[0].steering, dataplane::Steering::Rss);
  EXPECT_EQ(snapshot->locals[0].rss, nullptr) << "no local port would change anything";
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
  EXPECT_TRUE(snapshot->locals[0].v4.empty());
  EXPECT_EQ(snapshot->locals[1].v4, (std::vector{ip("10.0.1.3").v4(), ip("10.0.1.4").v4()}));
  EXPECT_TRUE(snapshot->locals[1].v6.empty());
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
  EXPECT_EQ(hop,
            dataplane::next_hop(PortId{1}, mac(12), mac(0xb0), 0, 1500, dataplane::Family::V4));
}

TEST_F(Compile, LongestPrefixWins) {
  config.ports[0].addresses.push_back(*dataplane::parse_prefix("10.0.0.2/8"));
  learn(0, "10.0.2.1", 21);
  learn(0, "10.0.1.50", 50);  // odd: the kernel knows it on the wrong port
  const Compiled snapshot = run();
  EXPECT_EQ(snapshot->routes.front().prefix, *dataplane::parse_prefix("198.51.100.0/24"));
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

}  // namespace
}  // namespace config
