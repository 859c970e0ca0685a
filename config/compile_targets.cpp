#include "config/compile_parts.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "config/eligibility.h"

namespace config {

using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::FixedTable;
using dataplane::Mode;
using dataplane::Overload;
using dataplane::Protocol;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;

namespace {

/// Targets of a group that left the file keep that group's id as long as control remembers it.
TargetGroupId group_of(const GroupFacts& groups, const TargetFact& target) {
  const auto found = groups.find(target.target_group);
  return found == groups.end() ? TargetGroupId{} : found->second->id;
}

/// In hundredths: with a part of its weight a target of weight 1 gets that part, too. Round robin
/// gives all weights the same turns, but not to those that are to have less for now.
std::uint32_t effective_weight(const TargetFact& target, const dataplane::TargetGroup& group) {
  const bool equal = group.algorithm == dataplane::Algorithm::RoundRobin;
  return std::uint32_t{equal ? std::uint16_t{1} : target.weight} * target.percent;
}

bool has_weight(const TargetFact& target) { return target.weight != 0 && target.percent != 0; }

/// Who gets new flows, by target fact, and which groups fail open: config/eligibility.h.
std::vector<bool> eligible_targets(const Config& config, const Facts& facts,
                                   const GroupFacts& groups, Snapshot& snapshot) {
  std::vector<std::vector<std::size_t>> members(snapshot.target_groups.size());
  for (std::size_t i = 0; i < facts.targets.size(); ++i) {
    const TargetGroupId id = group_of(groups, facts.targets[i]);
    if (snapshot.target_group(id) != nullptr) members[id.slot].push_back(i);
  }
  std::vector<bool> result(facts.targets.size());
  for (const TargetGroup& group : config.target_groups) {
    const TargetGroupFact& fact = fact_of(groups, group.name);
    std::vector<Candidate> candidates;
    for (const std::size_t i : members[fact.id.slot]) {
      const TargetFact& target = facts.targets[i];
      const std::uint16_t weight = has_weight(target) ? target.weight : std::uint16_t{0};
      candidates.push_back({target.availability, weight, target.zone});
    }
    const Eligibility found =
        eligibility(situation_of(config.zoning, group.routing,
                                 {.spills = fact.spills, .on_standby = !fact.standby.empty()},
                                 facts.shifted_zones),
                    candidates);
    snapshot.target_groups[fact.id.slot].failing_open = found.failing_open;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      result[members[fact.id.slot][c]] = found.eligible[c];
    }
  }
  return result;
}

FixedTable<Endpoint, TargetId>& nat_table(const dataplane::Target& target, Snapshot& snapshot) {
  return target.keeps_ports() ? snapshot.keeping_target_at : snapshot.nat_target_at;
}

/// In all protocols of its group, what the endpoint sends is taken for one of that group's targets.
bool is_known_as_its_groups(const dataplane::Target& target, const dataplane::TargetGroup& group,
                            Snapshot& snapshot) {
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
    if (!group.protocol.has(protocol)) continue;
    const TargetId* known =
        nat_table(target, snapshot).find({target.address, target.port, protocol});
    if (known == nullptr || snapshot.targets[known->slot].target_group != group.id) return false;
  }
  return true;
}

/// Where what a target sends can only be for clients of one listener. check() sees to it that it is
/// so everywhere in a group that forwards without flows, but for what a reload leaves behind.
void compile_stateless(Snapshot& snapshot) {
  for (dataplane::Target& target : snapshot.targets) {
    const dataplane::TargetGroup* group = snapshot.target_group(target.target_group);
    if (group == nullptr || group->mode != Mode::Nat || group->overload != Overload::Forward) {
      continue;
    }
    if (group->listeners.size() != 1) continue;
    const dataplane::Listener& listener = snapshot.listeners[group->listeners.front().slot];
    target.stateless = (target.keeps_ports() || !listener.is_range()) &&
                       is_known_as_its_groups(target, *group, snapshot);
  }
}

}  // namespace

void compile_groups(const Config& config, const GroupFacts& groups, Snapshot& snapshot) {
  for (const TargetGroup& group : config.target_groups) {
    const TargetGroupId id = fact_of(groups, group.name).id;
    CHECK(id.slot < dataplane::target_groups_max);
    dataplane::TargetGroup& compiled = slot_of(snapshot.target_groups, id.slot);
    CHECK(compiled.id == TargetGroupId{});
    compiled.id = id;
    compiled.protocol = group.protocol;
    compiled.mode = group.mode;
    compiled.algorithm = group.algorithm;
    compiled.unknown_flow = group.unknown_flow;
    compiled.overload = group.overload;
    compiled.stickiness = group.stickiness.type;
    compiled.sticky_seconds = static_cast<std::uint32_t>(group.stickiness.timeout.count());
    if (compiled.stickiness != dataplane::Stickiness::None) snapshot.any_sticky = true;
  }
  for (const dataplane::Listener& listener : snapshot.listeners) {
    if (listener.id == dataplane::no_listener) continue;
    const auto add_to = [&](TargetGroupId id) {
      dataplane::TargetGroup& group = slot_of(snapshot.target_groups, id.slot);
      CHECK(group.id == id);
      // Two shares may be of one standby group.
      if (group.listeners.empty() || group.listeners.back() != listener.id) {
        group.listeners.push_back(listener.id);
      }
    };
    if (listener.shares.empty()) add_to(listener.target_group);
    for (const dataplane::GroupShare& share : listener.shares) add_to(share.id);
  }
}

void compile_targets(const Config& config, const Facts& facts, const GroupFacts& groups,
                     Snapshot& snapshot) {
  const std::vector<bool> eligible = eligible_targets(config, facts, groups, snapshot);
  for (std::size_t i = 0; i < facts.targets.size(); ++i) {
    const TargetFact& fact = facts.targets[i];
    CHECK(fact.id.slot < dataplane::targets_max);
    dataplane::Target& target = slot_of(snapshot.targets, fact.id.slot);
    CHECK(target.id == dataplane::no_target);
    const TargetGroupId id = group_of(groups, fact);
    const dataplane::TargetGroup* group = snapshot.target_group(id);
    const bool needed = group == nullptr || group->failing_open;  // unhealthy as it is
    const bool resets = fact.resets_flows && !needed;
    const bool moves_udp =
        fact.moves_udp && (!needed || fact.availability == Availability::Draining);
    const bool all = fact.availability == Availability::Terminated || resets;
    target = {.id = fact.id,
              .target_group = id,
              .address = fact.address,
              .port = Be16{fact.port},
              .weight = group == nullptr ? 1 : effective_weight(fact, *group),
              .eligible = eligible[i],
              .terminated = all || moves_udp,
              .only_udp = !all && moves_udp,
              .ending = fact.availability == Availability::Terminated,
              .tcp_udp = group != nullptr && group->protocol == dataplane::Protocols::tcp_udp(),
              .next_hop = snapshot.next_hop_to(fact.address)};
    if (target.tcp_udp) snapshot.any_tcp_udp = true;
    if (target.terminated) snapshot.terminated.push_back(target.id);
  }
}

// Two nat groups may share an endpoint, and a target that drains may have a successor on its own:
// the reply of a flow nobody knows is then taken for that group's which forwards without flows,
// else for the lowest group's, one that takes new flows first.
void compile_nat_targets(Snapshot& snapshot) {
  struct Claim {
    Endpoint endpoint;
    const dataplane::Target* target;
    bool forwards;
  };
  std::vector<Claim> claims;
  for (const dataplane::Target& target : snapshot.targets) {
    const dataplane::TargetGroup* group = snapshot.target_group(target.target_group);
    if (group == nullptr || group->mode != Mode::Nat) continue;
    const bool forwards = target.eligible && group->overload == Overload::Forward;
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
      if (!group->protocol.has(protocol)) continue;
      claims.push_back({{target.address, target.port, protocol}, &target, forwards});
    }
  }
  const auto rank = [](const Claim& claim) {
    const dataplane::Target& target = *claim.target;
    return std::tuple(!claim.forwards, target.target_group, !target.eligible, target.terminated,
                      target.id);
  };
  std::sort(claims.begin(), claims.end(),
            [rank](const Claim& a, const Claim& b) { return rank(a) < rank(b); });
  const auto keeping =
      static_cast<std::size_t>(std::count_if(claims.begin(), claims.end(), [](const Claim& claim) {
        return claim.target->keeps_ports();
      }));
  snapshot.nat_target_at = FixedTable<Endpoint, TargetId>(claims.size() - keeping);
  snapshot.keeping_target_at = FixedTable<Endpoint, TargetId>(keeping);
  for (const Claim& claim : claims) {
    nat_table(*claim.target, snapshot).insert(claim.endpoint, claim.target->id);
  }
  compile_stateless(snapshot);
}

}  // namespace config
