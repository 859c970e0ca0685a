#include "config/compile_parts.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace config {

using dataplane::Be16;
using dataplane::Endpoint;
using dataplane::FixedTable;
using dataplane::Mode;
using dataplane::Overload;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::TargetId;

namespace {

/// Targets of a group that left the file keep that group's id as long as control remembers it.
TargetGroupId group_of(const GroupFacts& groups, const TargetFact& target) {
  const auto found = groups.find(target.target_group);
  return found == groups.end() ? TargetGroupId{} : found->second->id;
}

/// Which availability gets new flows, by group slot: Serving where one such target has weight, else
/// FailOpen where one such target has.
std::vector<Availability> serving_by_group(const Facts& facts, const GroupFacts& groups,
                                           Snapshot& snapshot) {
  std::vector<Availability> result(snapshot.target_groups.size(), Availability::Serving);
  std::vector<bool> serving(result.size()), fail_open(result.size());
  for (const TargetFact& target : facts.targets) {
    const TargetGroupId group = group_of(groups, target);
    if (snapshot.target_group(group) == nullptr || target.weight == 0) continue;
    if (target.availability == Availability::Serving) serving[group.slot] = true;
    if (target.availability == Availability::FailOpen) fail_open[group.slot] = true;
  }
  for (std::size_t slot = 0; slot < result.size(); ++slot) {
    snapshot.target_groups[slot].failing_open = !serving[slot] && fail_open[slot];
    if (!serving[slot]) result[slot] = Availability::FailOpen;
  }
  return result;
}

/// Where what a target sends can only be for clients of one listener. check() sees to it that it is
/// so everywhere in a group that forwards without flows, but for what a reload leaves behind.
void compile_stateless(Snapshot& snapshot) {
  for (dataplane::Target& target : snapshot.targets) {
    const dataplane::TargetGroup* group = snapshot.target_group(target.target_group);
    if (group == nullptr || group->mode != Mode::Nat || group->overload != Overload::Forward) {
      continue;
    }
    const TargetId* known =
        snapshot.nat_target_at.find({target.address, target.port, group->protocol});
    target.stateless = group->listeners.size() == 1 && known != nullptr &&
                       snapshot.targets[known->slot].target_group == group->id;
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
    dataplane::TargetGroup& group = slot_of(snapshot.target_groups, listener.target_group.slot);
    CHECK(group.id == listener.target_group);
    group.listeners.push_back(listener.id);
  }
}

void compile_targets(const Facts& facts, const GroupFacts& groups, Snapshot& snapshot) {
  const std::vector<Availability> serving = serving_by_group(facts, groups, snapshot);
  for (const TargetFact& fact : facts.targets) {
    CHECK(fact.id.slot < dataplane::targets_max);
    dataplane::Target& target = slot_of(snapshot.targets, fact.id.slot);
    CHECK(target.id == dataplane::no_target);
    const TargetGroupId group = group_of(groups, fact);
    const bool known = snapshot.target_group(group) != nullptr;
    target = {.id = fact.id,
              .target_group = group,
              .address = fact.address,
              .port = Be16{fact.port},
              .weight = fact.weight,
              .eligible = known && fact.weight != 0 && fact.availability == serving[group.slot],
              .terminated = fact.availability == Availability::Terminated,
              .next_hop = snapshot.next_hop_to(fact.address)};
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
    claims.push_back({{target.address, target.port, group->protocol}, &target, forwards});
  }
  const auto rank = [](const Claim& claim) {
    const dataplane::Target& target = *claim.target;
    return std::tuple(!claim.forwards, target.target_group, !target.eligible, target.terminated,
                      target.id);
  };
  std::sort(claims.begin(), claims.end(),
            [rank](const Claim& a, const Claim& b) { return rank(a) < rank(b); });
  snapshot.nat_target_at = FixedTable<Endpoint, TargetId>(claims.size());
  for (const Claim& claim : claims) {
    snapshot.nat_target_at.insert(claim.endpoint, claim.target->id);
  }
  compile_stateless(snapshot);
}

}  // namespace config
