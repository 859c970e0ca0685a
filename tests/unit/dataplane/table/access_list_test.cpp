#include "dataplane/table/access_list.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace dataplane {
namespace {

AccessRule rule(std::uint16_t id, const std::string& protocol, std::uint16_t first,
                std::uint16_t last, const std::string& peer) {
  AccessRule made;
  made.id = {id};
  const bool all = protocol == "all";
  made.protocols = {all || protocol == "tcp", all || protocol == "udp", all || protocol == "icmp"};
  made.port_first = first;
  made.port_last = last;
  made.peer = *parse_prefix(peer);
  return made;
}

RuleId find(const AccessList& list, const std::string& peer, RuleProtocol protocol,
            std::uint16_t port) {
  const IpAddress address = *parse_address(peer);
  return address.is_v4() ? list.find(address.v4(), protocol, port)
                         : list.find(address.v6(), protocol, port);
}

using enum RuleProtocol;

TEST(AccessList, WithoutRulesLetsNothingThrough) {
  const AccessList list({});
  EXPECT_EQ(find(list, "198.51.100.7", Tcp, 80), no_rule);
  EXPECT_EQ(find(list, "0.0.0.0", Icmp, 0), no_rule);
  EXPECT_EQ(find(list, "2001:db8::1", Udp, 53), no_rule);
}

TEST(AccessList, ComparesProtocolPortAndPrefix) {
  const AccessList list({rule(7, "tcp", 80, 443, "198.51.100.0/24")});
  EXPECT_EQ(find(list, "198.51.100.0", Tcp, 80), RuleId{7});
  EXPECT_EQ(find(list, "198.51.100.255", Tcp, 443), RuleId{7});
  EXPECT_EQ(find(list, "198.51.99.255", Tcp, 80), no_rule);
  EXPECT_EQ(find(list, "198.51.101.0", Tcp, 80), no_rule);
  EXPECT_EQ(find(list, "198.51.100.7", Tcp, 79), no_rule);
  EXPECT_EQ(find(list, "198.51.100.7", Tcp, 444), no_rule);
  EXPECT_EQ(find(list, "198.51.100.7", Udp, 80), no_rule);
  EXPECT_EQ(find(list, "198.51.100.7", Icmp, 80), no_rule);
}

TEST(AccessList, IcmpHasNoPorts) {
  const AccessList list({rule(1, "icmp", 80, 80, "10.0.0.0/8"), rule(2, "all", 7, 7, "fd00::/8")});
  EXPECT_EQ(find(list, "10.1.2.3", Icmp, 0), RuleId{1});
  EXPECT_EQ(find(list, "fd00::1", Icmp, 9), RuleId{2});
  EXPECT_EQ(find(list, "fd00::1", Tcp, 9), no_rule);
}

TEST(AccessList, KeepsFamiliesApart) {
  const AccessRule v4{.id = {1}, .protocols = {true, true, true}, .peer = {IpAddress{}, 0}};
  const AccessRule v6{
      .id = {2}, .protocols = {true, true, true}, .peer = {IpAddress{Ipv6Address{}}, 0}};
  EXPECT_EQ(find(AccessList({v4}), "255.255.255.255", Tcp, 1), RuleId{1});
  EXPECT_EQ(find(AccessList({v4}), "2001:db8::1", Tcp, 1), no_rule);
  EXPECT_EQ(find(AccessList({v6}), "198.51.100.7", Tcp, 1), no_rule);
  EXPECT_EQ(find(AccessList({v6}), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Tcp, 1), RuleId{2});
  EXPECT_EQ(find(AccessList({v6, v4}), "0.0.0.0", Tcp, 1), RuleId{1});
}

TEST(AccessList, CountsTheInnermostPrefixThenTheFirstRule) {
  const AccessList list(
      {rule(1, "tcp", 0, 65'535, "10.0.0.0/8"), rule(2, "tcp", 80, 90, "10.1.0.0/16"),
       rule(3, "tcp", 85, 95, "10.1.0.0/16"), rule(4, "udp", 53, 53, "10.1.2.0/24")});
  EXPECT_EQ(find(list, "10.1.2.3", Udp, 53), RuleId{4});
  EXPECT_EQ(find(list, "10.1.2.3", Tcp, 85), RuleId{2}) << "of its parent, the first";
  EXPECT_EQ(find(list, "10.1.2.3", Tcp, 91), RuleId{3});
  EXPECT_EQ(find(list, "10.1.2.3", Tcp, 96), RuleId{1}) << "of its grandparent";
  EXPECT_EQ(find(list, "10.2.0.0", Tcp, 85), RuleId{1});
  EXPECT_EQ(find(list, "11.0.0.0", Tcp, 85), no_rule);
}

TEST(AccessList, HostBitsDoNotCount) {
  const AccessList list({rule(1, "tcp", 80, 80, "198.51.100.77/24")});
  EXPECT_EQ(find(list, "198.51.100.1", Tcp, 80), RuleId{1});
}

// --- against the obvious way ---

/// The first rule of the longest prefix that lets it through.
RuleId search(const std::vector<AccessRule>& rules, const IpAddress& peer, RuleProtocol protocol,
              std::uint16_t port) {
  RuleId found = no_rule;
  int longest = -1;
  for (const AccessRule& one : rules) {
    const bool ports = protocol == Icmp || (port >= one.port_first && port <= one.port_last);
    if (!one.protocols[static_cast<std::size_t>(protocol)] || !ports) continue;
    if (!one.peer.contains(peer) || one.peer.length <= longest) continue;
    longest = one.peer.length;
    found = one.id;
  }
  return found;
}

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  /// Few different bits, so that prefixes nest and addresses hit.
  IpAddress address(bool v4) {
    if (v4) return Ipv4Address{Be32{below(4) << 30 | below(4) << 16 | below(4) << 8 | below(8)}};
    Ipv6Address address;
    for (const std::size_t byte : {0u, 1u, 7u, 8u, 15u}) {
      address.bytes[byte] = static_cast<std::uint8_t>(below(4) == 0 ? 0xff : below(4));
    }
    return address;
  }
  std::uint16_t port() {
    return static_cast<std::uint16_t>(below(3) == 0 ? 65'535 - below(3) : below(40));
  }
  AccessRule rule(std::uint16_t id) {
    AccessRule made;
    made.id = {id};
    made.protocols = {below(2) == 0, below(2) == 0, below(3) == 0};
    const std::uint16_t a = port(), b = port();
    made.port_first = std::min(a, b);
    made.port_last = std::max(a, b);
    const bool v4 = below(2) == 0;
    made.peer = {address(v4), static_cast<std::uint8_t>(below(v4 ? 33 : 129))};
    return made;
  }

 private:
  std::mt19937 random_;
};

TEST(AccessList, AgreesWithASearchThroughAllRules) {
  int let_through = 0, asked = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    std::vector<AccessRule> rules;
    const std::uint32_t count = seed < 20 ? seed : 20 * (seed - 19);
    for (std::uint32_t i = 0; i < count; ++i) {
      rules.push_back(random.rule(static_cast<std::uint16_t>(i)));
    }
    const AccessList list(rules);
    for (int i = 0; i < 3'000; ++i) {
      const bool v4 = random.below(2) == 0;
      const IpAddress peer = random.address(v4);
      const auto protocol = static_cast<RuleProtocol>(random.below(3));
      const std::uint16_t port = random.port();
      const RuleId expected = search(rules, peer, protocol, port);
      const RuleId found =
          v4 ? list.find(peer.v4(), protocol, port) : list.find(peer.v6(), protocol, port);
      ASSERT_EQ(found, expected) << "seed " << seed << " " << to_string(peer) << " port " << port;
      let_through += found == no_rule ? 0 : 1;
      ++asked;
    }
  }
  EXPECT_GT(let_through, asked / 10);
  EXPECT_LT(let_through, asked * 9 / 10);
}

TEST(AccessList, ManyRulesAreMadeInNoTime) {
  for (const bool nested : {false, true}) {
    std::vector<AccessRule> rules;
    for (std::uint32_t i = 0; i < rules_max; ++i) {
      const Ipv4Address peer{Be32{0x0a00'0000 + (nested ? 0 : i << 8)}};
      rules.push_back({.id = {static_cast<std::uint16_t>(i)},
                       .protocols = {true, true, true},
                       .port_first = static_cast<std::uint16_t>(i),
                       .port_last = static_cast<std::uint16_t>(i + 100),
                       .peer = {peer, 24}});
    }
    const auto start = std::chrono::steady_clock::now();
    const AccessList list(rules);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    EXPECT_LT(taken.count(), 1) << "seconds, of which it should take a hundredth";
    EXPECT_EQ(list.find(Ipv4Address{Be32{0x0a00'0005}}, Tcp, 50), RuleId{0});
  }
}

}  // namespace
}  // namespace dataplane
