#include <algorithm>
#include <cstdint>
#include <tuple>

#include "config/compile_parts.h"

namespace config {

using dataplane::Snapshot;
using dataplane::TargetId;

namespace {

void compile_rules(const Config& config, const GroupFacts& groups, Snapshot& snapshot) {
  for (const TargetGroup& wanted : config.target_groups) {
    const TargetGroupFact& fact = fact_of(groups, wanted.name);
    dataplane::TargetGroup& group = snapshot.target_groups[fact.id.slot];
    group.incarnation = fact.incarnation;
    group.max_connections = wanted.max_connections;
    group.surge = {
        .length = surge_length(wanted),
        .timeout_milliseconds = static_cast<std::uint32_t>(wanted.surge_queue.timeout.count()),
        .spillover = wanted.spillover};
    group.gated = group.max_connections != 0 || group.surge.length != 0;
    if (group.surge.length != 0) snapshot.queueing.push_back(group.id);
  }
}

/// By address, so that the order in which places are looked for is the same in each generation.
void sort_by_address(std::vector<TargetId>& ids, const Snapshot& snapshot) {
  const auto rank = [&](TargetId id) {
    const dataplane::Target& target = snapshot.targets[id.slot];
    return std::tuple(target.address, target.port.value(), id);
  };
  std::sort(ids.begin(), ids.end(), [&](TargetId a, TargetId b) { return rank(a) < rank(b); });
}

}  // namespace

void compile_limits(const Config& config, const Facts& facts, const GroupFacts& groups,
                    Snapshot& snapshot) {
  compile_rules(config, groups, snapshot);
  const auto group_of = [&](TargetId id) -> dataplane::TargetGroup* {
    const dataplane::TargetGroupId group = snapshot.targets[id.slot].target_group;
    return snapshot.target_group(group) == nullptr ? nullptr : &snapshot.target_groups[group.slot];
  };
  for (const TargetFact& fact : facts.targets) {
    dataplane::TargetGroup* group = group_of(fact.id);
    if (fact.max_connections != 0) {
      snapshot.limits.resize(snapshot.targets.size());
      snapshot.limits[fact.id.slot] = fact.max_connections;
      if (group != nullptr) group->gated = true;
    }
    const bool group_limit = group != nullptr && group->max_connections != 0;
    if (fact.max_connections != 0 || group_limit) snapshot.limited.push_back(fact.id);
  }
  for (const TargetFact& fact : facts.targets) {
    dataplane::TargetGroup* group = group_of(fact.id);
    if (group == nullptr || !group->gated || !snapshot.targets[fact.id.slot].eligible) continue;
    group->eligible.push_back(fact.id);
  }
  for (dataplane::TargetGroup& group : snapshot.target_groups) {
    sort_by_address(group.eligible, snapshot);
  }
}

}  // namespace config
