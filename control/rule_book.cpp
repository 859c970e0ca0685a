#include "control/rule_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dataplane/packet/contract.h"

namespace control {
namespace {

using config::RulePlace;
using dataplane::RuleId;
using dataplane::RuleRecord;

std::string name_of(const RulePlace& place) {
  return fmt::format("{} {} {} {} {}", place.group->name, place.inbound ? "inbound" : "outbound",
                     to_string(place.rule->protocol), ports_text(*place.rule),
                     peer_text(*place.rule));
}

/// "balancer", "web, dns", "" where it is attached to nothing.
std::string attached_to(const config::Config& config, const std::string& group) {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), group) != names.end();
  };
  if (has(config.balancer_security_groups)) return "balancer";
  std::string text;
  for (const config::Listener& listener : config.listeners) {
    if (has(listener.security_groups)) text += (text.empty() ? "" : ", ") + listener.name;
  }
  return text;
}

dataplane::SecurityGroupRecord record_of(const config::SecurityGroup& group,
                                         const std::string& attached_to) {
  dataplane::SecurityGroupRecord record{};
  record.used = true;
  record.name.assign(group.name);
  record.attached_to.assign(attached_to);
  record.addresses = static_cast<std::uint32_t>(group.addresses.size());
  record.inbound = static_cast<std::uint32_t>(group.inbound.size());
  record.outbound = static_cast<std::uint32_t>(group.outbound.size());
  return record;
}

}  // namespace

RuleId RuleBook::next_free() {
  for (std::size_t tried = 0; tried < used_.size(); ++tried) {
    const std::size_t slot = cursor_++ % used_.size();
    if (used_[slot]) continue;
    used_[slot] = true;
    return {static_cast<std::uint16_t>(slot)};
  }
  CHECK(false);  // check() allows no more rules than there are places
  return {};
}

RuleBook::Source RuleBook::source_of(const config::Config& config) {
  Source source{config.security_groups, {}};
  for (const config::SecurityGroup& group : config.security_groups) {
    source.attached_to[group.name] = attached_to(config, group.name);
  }
  return source;
}

bool RuleBook::apply(const config::Config& config, const Hits& hits) {
  Source source = source_of(config);
  if (source == source_) return false;
  source_ = std::move(source);
  const std::vector<RulePlace> rules = all_rules(source_.groups);
  std::map<std::string, Place> before = std::exchange(known_, {});
  std::fill(used_.begin(), used_.end(), false);
  for (const RulePlace& rule : rules) {
    const auto known = before.find(name_of(rule));
    if (known == before.end()) continue;
    used_[known->second.id.slot] = true;
    known_.insert(*known);
  }
  places_.clear();
  records_.clear();
  for (const RulePlace& rule : rules) {
    const std::string name = name_of(rule);
    auto known = known_.find(name);
    if (known == known_.end()) {
      const RuleId id = next_free();
      known = known_.emplace(name, Place{id, hits(id)}).first;
    }
    RuleRecord record{};
    record.used = true;
    record.inbound = rule.inbound;
    record.number = static_cast<std::uint16_t>(places_.size());
    record.hits_before = known->second.hits_before;
    record.security_group.assign(rule.group->name);
    record.attached_to.assign(source_.attached_to[rule.group->name]);
    record.protocol.assign(to_string(rule.rule->protocol));
    record.ports.assign(ports_text(*rule.rule));
    record.peer.assign(peer_text(*rule.rule));
    places_.push_back(known->second.id);
    records_.push_back({known->second.id, record});
  }
  groups_.clear();
  for (const config::SecurityGroup& group : source_.groups) {
    groups_.push_back(record_of(group, source_.attached_to[group.name]));
  }
  return true;
}

}  // namespace control
