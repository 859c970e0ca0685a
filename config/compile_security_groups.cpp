#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "config/compile_parts.h"
#include "dataplane/table/access_list.h"

namespace config {

using dataplane::AccessList;
using dataplane::AccessRule;
using dataplane::FixedTable;
using dataplane::IpAddress;
using dataplane::IpPrefix;
using dataplane::RuleId;
using dataplane::Snapshot;

namespace {

using List = std::shared_ptr<const AccessList>;
/// The security groups that are attached somewhere; a set, since their order means nothing.
using Names = std::set<std::string>;

/// All addresses of both families.
std::vector<IpPrefix> anywhere() {
  return {{IpAddress{}, 0}, {IpAddress{dataplane::Ipv6Address{}}, 0}};
}

bool same(const List& a, const List& b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr) return false;
  return std::equal(a->rules().begin(), a->rules().end(), b->rules().begin(), b->rules().end());
}

/// Makes a list for each set of groups that is attached somewhere; the same for the same set.
class Lists {
 public:
  Lists(const Config& config, const Facts& facts) : places_(all_rules(config.security_groups)) {
    const bool known = facts.rules.size() == places_.size();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const RuleId counted{static_cast<std::uint16_t>(i)};
      ids_.push_back(known ? facts.rules[i] : counted);
      CHECK(ids_.back().slot < dataplane::rules_max);
    }
    for (const SecurityGroup& group : config.security_groups) addresses_[group.name] = &group;
  }

  /// Null for no groups. `before` (may be null): taken instead, if it is the same.
  List get(const Names& groups, bool inbound, const List& before) {
    if (groups.empty()) return nullptr;
    List& list = made_[{groups, inbound}];
    if (list == nullptr) {
      list = std::make_shared<const AccessList>(rules_of(groups, inbound));
      if (same(list, before)) list = before;
    }
    return list;
  }

 private:
  std::vector<AccessRule> rules_of(const Names& groups, bool inbound) const {
    std::vector<AccessRule> rules;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const RulePlace& place = places_[i];
      if (place.inbound != inbound || !groups.contains(place.group->name)) continue;
      const RuleChoice protocol = place.rule->protocol;
      const bool all = protocol == RuleChoice::All;
      AccessRule rule{
          .id = ids_[i],
          .protocols = {all || protocol == RuleChoice::Tcp, all || protocol == RuleChoice::Udp,
                        all || protocol == RuleChoice::Icmp},
          .port_first = place.rule->port_first,
          .port_last = place.rule->port_last,
          .peer = {}};
      for (const IpPrefix& peer : peers_of(*place.rule)) {
        rule.peer = peer;
        rules.push_back(rule);
      }
    }
    return rules;
  }

  std::vector<IpPrefix> peers_of(const SecurityRule& rule) const {
    if (rule.prefix) return {*rule.prefix};
    if (rule.group.empty()) return anywhere();
    const auto group = addresses_.find(rule.group);
    CHECK(group != addresses_.end());
    return group->second->addresses;
  }

  std::vector<RulePlace> places_;
  std::vector<RuleId> ids_;  // of each
  std::map<std::string, const SecurityGroup*> addresses_;
  std::map<std::pair<Names, bool>, List> made_;
};

/// The balancer's groups, and the listener's own.
Names groups_of(const Config& config, const Listener& listener) {
  Names names(config.balancer_security_groups.begin(), config.balancer_security_groups.end());
  names.insert(listener.security_groups.begin(), listener.security_groups.end());
  return names;
}

/// An address may be pinged by whom any of its listeners lets in.
void compile_pingers(const Config& config, Lists& lists, Snapshot& snapshot) {
  struct At {
    Names groups;
    bool open = false;  // to everybody: a listener has none
  };
  std::map<IpAddress, At> addresses;
  for (const Listener& listener : config.listeners) {
    const Names groups = groups_of(config, listener);
    At& at = addresses[listener.address];
    at.groups.insert(groups.begin(), groups.end());
    at.open = at.open || groups.empty();
  }
  snapshot.pingers = FixedTable<IpAddress, List>(addresses.size());
  for (const auto& [address, at] : addresses) {
    if (!at.open) snapshot.pingers.insert(address, lists.get(at.groups, true, nullptr));
  }
}

/// Some listener's rules are not those of the snapshot before.
bool rules_differ(const Snapshot& snapshot, const Snapshot& previous) {
  return std::any_of(snapshot.listeners.begin(), snapshot.listeners.end(),
                     [&](const dataplane::Listener& listener) {
                       const dataplane::Listener* before = previous.listener(listener.id);
                       if (listener.id == dataplane::no_listener || before == nullptr) return false;
                       return !same(listener.inbound, before->inbound) ||
                              !same(listener.outbound, before->outbound);
                     });
}

}  // namespace

void compile_security_groups(const Config& config, const Facts& facts, const Snapshot* previous,
                             Snapshot& snapshot) {
  Lists lists(config, facts);
  const ByName<ListenerFact> ids = by_name(facts.listeners);
  for (const Listener& listener : config.listeners) {
    dataplane::Listener& compiled = snapshot.listeners[fact_of(ids, listener.name).id.slot];
    const dataplane::Listener* before =
        previous == nullptr ? nullptr : previous->listener(compiled.id);
    const Names groups = groups_of(config, listener);
    compiled.inbound = lists.get(groups, true, before == nullptr ? nullptr : before->inbound);
    compiled.outbound = lists.get(groups, false, before == nullptr ? nullptr : before->outbound);
  }
  compile_pingers(config, lists, snapshot);
  snapshot.revalidates = config.revalidate_flows;
  if (previous == nullptr) return;
  const bool again =
      snapshot.revalidates && (!previous->revalidates || rules_differ(snapshot, *previous));
  snapshot.judged_by = again ? snapshot.generation : previous->judged_by;
}

}  // namespace config
