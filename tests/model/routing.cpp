// Who may get a new flow: the words of docs/zones.md, docs/fail-open.md and docs/weights.md, one
// after another.
#include <algorithm>

#include "tests/model/balancer.h"

namespace tests {

using dataplane::Algorithm;
using dataplane::Verdict;

namespace {

using Numbers = std::vector<std::size_t>;

Numbers filter(const Numbers& numbers, const auto& keeps) {
  Numbers kept;
  std::copy_if(numbers.begin(), numbers.end(), std::back_inserter(kept), keeps);
  return kept;
}

bool is_one_of(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

double ratio(const config::WeightedGroup& a, const config::WeightedGroup& b) {
  return static_cast<double>(a.weight) / b.weight;
}

}  // namespace

const config::TargetGroup& Balancer::group_named(const std::string& name) const {
  const auto& groups = rig_.config.target_groups;
  return *std::find_if(groups.begin(), groups.end(),
                       [&](const config::TargetGroup& group) { return group.name == name; });
}

Balancer::Route Balancer::route(const std::string& name) const {
  const config::RoutingRules& rules = group_named(name).routing;
  const config::Zoning& zoning = rig_.config.zoning;
  const auto& facts = rig_.facts.target_groups;
  const auto fact = std::find_if(facts.begin(), facts.end(),
                                 [&](const auto& group) { return group.name == name; });
  const auto target = [&](std::size_t i) -> const config::TargetFact& {
    return rig_.facts.targets[i];
  };
  // A target without a zone belongs to every zone; a balancer without a zone knows no zones.
  const auto is_local = [&](std::size_t i) {
    return zoning.zone.empty() || target(i).zone.empty() || target(i).zone == zoning.zone;
  };
  const auto is_healthy = [&](std::size_t i) {
    return target(i).availability == config::Availability::Serving;
  };
  const auto is_shifted = [&](std::size_t i) {
    return is_one_of(rig_.facts.shifted_zones, target(i).zone);
  };
  bool crosses = rules.cross_zone == config::CrossZone::On;
  if (rules.cross_zone == config::CrossZone::UseLoadBalancerConfiguration) {
    crosses = zoning.cross_zone;
  }
  if (zoning.zone.empty()) crosses = true;

  Numbers registered;  // in the configuration, not draining, with a weight
  for (std::size_t i = 0; i < rig_.facts.targets.size(); ++i) {
    const bool leaves = target(i).availability == config::Availability::Draining ||
                        target(i).availability == config::Availability::Terminated;
    if (target(i).target_group == name && !leaves && target(i).weight != 0) registered.push_back(i);
  }
  const Numbers all = filter(registered, [&](std::size_t i) { return crosses || is_local(i); });
  Numbers judged = filter(all, [&](std::size_t i) { return !is_shifted(i); });
  // A shift that would leave the group nothing is ignored.
  const bool nobody_healthy = filter(judged, is_healthy).empty();
  if (judged.empty() || (nobody_healthy && !filter(all, is_healthy).empty())) judged = all;
  if (!fact->standby.empty()) return {};

  const Numbers healthy = filter(judged, is_healthy);
  const config::HealthyTargets& wanted = rules.target_group_health.unhealthy_state_routing;
  const bool few = healthy.size() < wanted.count ||
                   healthy.size() * 100 < std::size_t{wanted.percentage} * judged.size();
  if (few) return {judged, !judged.empty()};
  const Numbers near = filter(healthy, is_local);
  const bool stays = rules.zonal_affinity && crosses && !zoning.zone.empty() && !fact->spills;
  return {stays && !near.empty() ? near : healthy, false};
}

bool Balancer::terminated(std::size_t number) const {
  const config::TargetFact& target = rig_.facts.targets[number];
  if (target.availability == config::Availability::Terminated) return true;
  return target.resets_flows && !route(target.target_group).fails_open;
}

/// The listener that a packet is for: one of its very port, else one of a range; or none.
std::optional<std::size_t> Balancer::listener_of(const Said& said) const {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < rig_.config.listeners.size(); ++i) {
    const config::Listener& listener = rig_.config.listeners[i];
    const dataplane::PortRange ports = ports_of(listener);
    const bool tcp = listener.protocol == dataplane::Protocol::Tcp;
    if (tcp != said.tcp || listener.address != said.destination.address) continue;
    if (!ports.has(said.destination.port)) continue;
    if (ports.first == ports.last) return i;
    found = i;
  }
  return found;
}

// --- several groups ---

const std::string& Balancer::serving(const std::string& group) const {
  for (const config::TargetGroupFact& fact : rig_.facts.target_groups) {
    if (fact.name == group && !fact.standby.empty()) return fact.standby;
  }
  return group;
}

bool Balancer::Lot::may_fall_to(const config::WeightedGroup& one, const Groups& groups) {
  return one.weight != 0 &&
         std::all_of(groups.begin(), groups.end(), [&](const config::WeightedGroup& other) {
           if (other.name == one.name || other.weight == 0) return true;
           return bounds[{one.name, other.name}].low <= ratio(one, other);
         });
}

void Balancer::Lot::fell_to(const config::WeightedGroup& one, const Groups& groups) {
  for (const config::WeightedGroup& other : groups) {
    if (other.name == one.name || other.weight == 0) continue;
    Bounds& ours = bounds[{one.name, other.name}];
    Bounds& theirs = bounds[{other.name, one.name}];
    ours.high = std::min(ours.high, ratio(one, other));
    theirs.low = std::max(theirs.low, ratio(other, one));
  }
}

/// By the client where groups keep clients, else by the whole flow.
Balancer::Lot& Balancer::lot_of(const Said& said, bool& is_new) {
  const bool by_source = sticky() || rig_.config.target_groups[0].algorithm == Algorithm::SourceIp;
  const Key key = by_source ? Key{true, said.source.address, 0, said.source.address, 0}
                            : key_of(said.tcp, said.source, said.destination);
  const auto [found, added] = lots_.try_emplace(key);
  is_new = added;
  return found->second;
}

/// Finds out to which of its listener's groups a new flow fell, and whether that may be.
std::string Balancer::fall_to(const Said& said, const Outcome& outcome, std::size_t listener_number,
                              std::string& group) {
  const config::Listener& listener = rig_.config.listeners[listener_number];
  const Lot::Groups groups = config::groups_of(listener);
  group = serving(groups.front().name);
  if (groups.size() == 1) return "";
  const auto got = [&](const config::WeightedGroup& one) {
    const Numbers targets = eligible(serving(one.name));
    if (outcome.verdict != Verdict::ForwardToTarget) return targets.empty();
    const SocketAddress to = read_endpoint(outcome.bytes, false);
    return std::any_of(targets.begin(), targets.end(), [&](std::size_t i) {
      return same(to, at(rig_.facts.targets[i], said.destination.port));
    });
  };
  bool is_new = false;
  Lot& lot = lot_of(said, is_new);
  std::vector<config::WeightedGroup> winners;  // more than one: it cannot be told which
  for (const config::WeightedGroup& one : groups) {
    if (lot.may_fall_to(one, groups) && got(one)) winners.push_back(one);
  }
  if (winners.empty()) return "fell to none of the groups that it could fall to";
  group = serving(winners.front().name);
  const auto tells = [&](const config::WeightedGroup& one) {
    return serving(one.name) == one.name && !eligible(one.name).empty();
  };
  const bool always_told = std::all_of(groups.begin(), groups.end(), tells);
  if (is_new && always_told) count_shares(groups, winners.front().name);
  if (winners.size() == 1) lot.fell_to(winners.front(), groups);
  return "";
}

/// A flow that was never seen falls to each group with a probability that is its weight's part.
void Balancer::count_shares(const Lot::Groups& groups, const std::string& winner) {
  double sum = 0;
  for (const config::WeightedGroup& one : groups) sum += one.weight;
  for (const config::WeightedGroup& one : groups) {
    const double part = one.weight / sum;
    Share& share = shares_[one.name];
    share.expected += part;
    share.variance += part * (1 - part);
    share.got += one.name == winner ? 1 : 0;
  }
}

}  // namespace tests
