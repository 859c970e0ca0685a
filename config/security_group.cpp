#include "config/security_group.h"

#include <fmt/format.h>

namespace config {

std::string_view to_string(RuleChoice protocol) {
  switch (protocol) {
    case RuleChoice::Tcp: return "tcp";
    case RuleChoice::Udp: return "udp";
    case RuleChoice::Icmp: return "icmp";
    case RuleChoice::All: break;
  }
  return "all";
}

std::string ports_text(const SecurityRule& rule) {
  if (rule.protocol == RuleChoice::Icmp) return "";
  if (rule.port_first == 0 && rule.port_last == 65'535) return "all";
  if (rule.port_first == rule.port_last) return std::to_string(rule.port_first);
  return fmt::format("{}-{}", rule.port_first, rule.port_last);
}

std::string peer_text(const SecurityRule& rule) {
  if (rule.prefix) return to_string(*rule.prefix);
  return rule.group.empty() ? "anywhere" : rule.group;
}

std::vector<RulePlace> all_rules(const std::vector<SecurityGroup>& groups) {
  std::vector<RulePlace> rules;
  for (const SecurityGroup& group : groups) {
    for (const SecurityRule& rule : group.inbound) rules.push_back({&group, &rule, true});
    for (const SecurityRule& rule : group.outbound) rules.push_back({&group, &rule, false});
  }
  return rules;
}

}  // namespace config
