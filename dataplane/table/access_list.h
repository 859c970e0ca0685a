// AccessList: the rules of some security groups in one direction, as the path asks them: may a flow
// with this peer, protocol and port begin, and which rule says so?
//
// Rules only allow, so their order does not matter to what is let through; a hit is counted for the
// rule with the longest prefix, the first of those in the file. Immutable: made by compile(),
// shared by snapshots as long as the rules stay the same, read by all workers for new flows only.
//
// Why not rte_acl: it needs EAL (its contexts live in EAL's heap, under EAL's lock), which the
// checks, the tools and most tests run without (docs/decisions.md). For rules that only allow there
// is something simpler:
//
//   starts  0.0.0.0  10.0.0.0  10.0.1.0  10.0.2.0  11.0.0.0 …    addresses where the innermost of
//   nodes      –      /8 ①     /24 ②      /8 ①        –     …    the rules' prefixes changes
//   node ②   [tcp 80–443: rule 7][udp 53: rule 9]  parent ①      ports in order, none twice
//
// Prefixes are nested or apart, so a binary search over `starts` finds the innermost, and its
// parents are all the others that hold the address. Bounds: 2n + 1 starts for n rules, as many
// parents as prefixes are nested (33 or 129 at most), a binary search of ports in each.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// What rules tell apart.
enum class RuleProtocol : std::uint8_t { Tcp, Udp, Icmp };
inline constexpr std::size_t rule_protocols = 3;

[[nodiscard]] constexpr RuleProtocol rule_protocol(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp: return RuleProtocol::Tcp;
    case Protocol::Udp: return RuleProtocol::Udp;
    case Protocol::Icmp:
    case Protocol::IcmpV6: break;
  }
  return RuleProtocol::Icmp;
}

/// One rule for one prefix: a rule that names a group is one for each of its addresses.
struct AccessRule {
  RuleId id;
  std::array<bool, rule_protocols> protocols{};  // by RuleProtocol
  std::uint16_t port_first = 0;                  // of ICMP without meaning
  std::uint16_t port_last = 65'535;
  IpPrefix peer;  // its host's bits do not count; length 0: the whole family
  friend bool operator==(const AccessRule&, const AccessRule&) = default;
};

class AccessList {
 public:
  explicit AccessList(std::vector<AccessRule> rules);

  /// The rule that lets a flow with this peer through; no_rule: none does. `port`: the flow's
  /// destination port; of ICMP without meaning.
  template <class Address>
  [[nodiscard]] RuleId find(const Address& peer, RuleProtocol protocol, std::uint16_t port) const;

  /// What it was made of.
  [[nodiscard]] std::span<const AccessRule> rules() const { return rules_; }

 private:
  static constexpr std::uint32_t no_node = 0xffff'ffff;

  /// Ports of one protocol that a rule lets through. Those of a node and protocol are in order, and
  /// no port is in two.
  struct Ports {
    std::uint16_t first;
    std::uint16_t last;
    RuleId rule;
  };
  struct Node {
    std::uint32_t parent;                              // no_node: none
    std::array<std::uint32_t, rule_protocols + 1> at;  // in ports_, where each protocol's begin
  };
  /// An IPv6 address as a number.
  struct Wide {
    std::uint64_t high;
    std::uint64_t low;
    friend constexpr auto operator<=>(const Wide&, const Wide&) = default;
  };
  /// The addresses of one family, cut where the innermost prefix changes. The first is 0.
  template <class Number>
  struct Line {
    std::vector<Number> starts;
    std::vector<std::uint32_t> nodes;  // from that start on; no_node: no prefix has it
  };

  [[nodiscard]] static std::uint32_t number(const Ipv4Address& address) {
    return address.bits.value();
  }
  [[nodiscard]] static Wide number(const Ipv6Address& address) {
    const auto [high, low] = address.words();
    return {__builtin_bswap64(high), __builtin_bswap64(low)};
  }
  template <class Number>
  static void cut(Line<Number>& line, Number start, std::uint32_t node);
  template <class Address, class Number>
  void draw(Line<Number>& line);
  [[nodiscard]] std::uint32_t add_node(std::span<const AccessRule> rules, std::uint32_t parent);
  void add_ports(std::span<const AccessRule> rules, std::size_t protocol);
  template <class Number>
  [[nodiscard]] RuleId find_in(const Line<Number>& line, Number peer, RuleProtocol protocol,
                               std::uint16_t port) const;

  std::vector<AccessRule> rules_;
  Line<std::uint32_t> v4_;
  Line<Wide> v6_;
  std::vector<Node> nodes_;
  std::vector<Ports> ports_;
};

template <class Number>
RuleId AccessList::find_in(const Line<Number>& line, Number peer, RuleProtocol protocol,
                           std::uint16_t port) const {
  // The last start that is not beyond the peer, by halves and without branches: which way it goes
  // is anybody's guess (a third of the time with 1,000 rules).
  std::size_t place = 0;
  for (std::size_t left = line.starts.size(); left > 1;) {
    const std::size_t half = left / 2;
    place += line.starts[place + half] <= peer ? half : 0;
    left -= half;
  }
  std::uint32_t at = line.nodes[place];
  for (; at != no_node; at = nodes_[at].parent) {
    const Node& node = nodes_[at];
    const auto which = static_cast<std::size_t>(protocol);
    const Ports* const first = ports_.data() + node.at[which];
    const Ports* const end = ports_.data() + node.at[which + 1];
    const Ports* const beyond = std::upper_bound(
        first, end, port,
        [](std::uint16_t wanted, const Ports& ports) { return wanted < ports.first; });
    if (beyond != first && port <= beyond[-1].last) return beyond[-1].rule;
  }
  return no_rule;
}

template <class Address>
RuleId AccessList::find(const Address& peer, RuleProtocol protocol, std::uint16_t port) const {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return find_in(v4_, number(peer), protocol, port);
  } else {
    return find_in(v6_, number(peer), protocol, port);
  }
}

}  // namespace dataplane
