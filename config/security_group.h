// SecurityGroup: who may begin flows to listeners, and where flows may go; as the operator wrote
// it.
//
// Part of Config. Every rule has a number in the configuration, the order of all_rules(), by which
// control gives it a place among the counters and compile() finds that place again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/packet/address.h"

namespace config {

enum class RuleChoice : std::uint8_t { Tcp, Udp, Icmp, All };  // Icmp: of either family

struct SecurityRule {
  RuleChoice protocol = RuleChoice::All;
  std::uint16_t port_first = 0;  // of tcp and udp
  std::uint16_t port_last = 65'535;
  /// Whom: a prefix, or the addresses of the group of that name; neither: anybody.
  std::optional<dataplane::IpPrefix> prefix;
  std::string group;
  int line = 0;

  friend bool operator==(const SecurityRule& a, const SecurityRule& b) {
    return a.protocol == b.protocol && a.port_first == b.port_first && a.port_last == b.port_last &&
           a.prefix == b.prefix && a.group == b.group;
  }
};

struct SecurityGroup {
  std::string name;
  std::vector<dataplane::IpPrefix> addresses;  // whom a rule means that names this group
  std::vector<SecurityRule> inbound;
  /// Left out of the file: one rule that lets everything out, as EC2 has it.
  std::vector<SecurityRule> outbound{SecurityRule{}};
  int line = 0;

  friend bool operator==(const SecurityGroup& a, const SecurityGroup& b) {
    return a.name == b.name && a.addresses == b.addresses && a.inbound == b.inbound &&
           a.outbound == b.outbound;
  }
};

/// "tcp", "udp", "icmp", "all"
[[nodiscard]] std::string_view to_string(RuleChoice protocol);
/// "80-443", "80", "all"; "" of what has none.
[[nodiscard]] std::string ports_text(const SecurityRule& rule);
/// "198.51.100.0/24", "office", "anywhere"
[[nodiscard]] std::string peer_text(const SecurityRule& rule);

/// One rule and where it is.
struct RulePlace {
  const SecurityGroup* group;
  const SecurityRule* rule;
  bool inbound;
};
/// All rules: group by group, those inbound before those outbound.
[[nodiscard]] std::vector<RulePlace> all_rules(const std::vector<SecurityGroup>& groups);

}  // namespace config
