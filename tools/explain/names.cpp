#include "tools/explain/names.h"

#include <fmt/core.h>

#include <cstddef>

#include "config/security_group.h"

namespace explain {
namespace {

template <class Id>
std::string found(const std::map<Id, std::string>& names, Id id) {
  const auto name = names.find(id);
  return name == names.end() ? "" : name->second;
}

std::string text(const config::RulePlace& place) {
  const std::string ports = ports_text(*place.rule);
  return fmt::format("{}: {} {}{}{} {} {}", place.group->name,
                     place.inbound ? "inbound" : "outbound", to_string(place.rule->protocol),
                     ports.empty() ? "" : " ", ports, place.inbound ? "from" : "to",
                     peer_text(*place.rule));
}

}  // namespace

Names::Names(const config::Config& config, const config::Facts& facts) {
  for (const config::ListenerFact& each : facts.listeners) listeners_[each.id] = each.name;
  for (const config::TargetGroupFact& each : facts.target_groups) {
    target_groups_[each.id] = each.name;
  }
  const std::vector<config::RulePlace> rules = all_rules(config.security_groups);
  const bool placed = facts.rules.size() == rules.size();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto id = placed ? facts.rules[i] : dataplane::RuleId{static_cast<std::uint16_t>(i)};
    rules_[id] = text(rules[i]);
  }
  for (const config::Port& port : config.ports) ports_.push_back(port.name);
}

std::string Names::listener(dataplane::ListenerId id) const { return found(listeners_, id); }
std::string Names::target_group(dataplane::TargetGroupId id) const {
  return found(target_groups_, id);
}
std::string Names::rule(dataplane::RuleId id) const { return found(rules_, id); }
std::string Names::port(dataplane::PortId id) const {
  return id.number < ports_.size() ? ports_[id.number] : "";
}

}  // namespace explain
