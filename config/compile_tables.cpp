#include "config/compile_parts.h"

#include <algorithm>
#include <memory>
#include <span>
#include <tuple>

namespace config {

using dataplane::Algorithm;
using dataplane::MaglevEntry;
using dataplane::MaglevTable;
using dataplane::Snapshot;
using dataplane::TargetGroupId;
using dataplane::WeightedEntry;
using dataplane::WeightedSchedule;

namespace {

/// The eligible targets of each group, by group slot, in the order of their addresses: what a
/// group's tables are made of, and nothing else.
using Eligible = std::vector<std::vector<MaglevEntry>>;

Eligible eligible_by_group(const Snapshot& snapshot) {
  Eligible result(snapshot.target_groups.size());
  for (const dataplane::Target& target : snapshot.targets) {
    if (!target.eligible) continue;
    result[target.target_group.slot].push_back(
        {target.id, target.address, target.port, target.weight});
  }
  for (std::vector<MaglevEntry>& group : result) {
    std::sort(group.begin(), group.end(), [](const MaglevEntry& a, const MaglevEntry& b) {
      return std::tuple(a.address, a.port.value(), a.id) <
             std::tuple(b.address, b.port.value(), b.id);
    });
  }
  return result;
}

bool same(const std::vector<MaglevEntry>& a, const std::vector<MaglevEntry>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const MaglevEntry& x, const MaglevEntry& y) {
        return x.id == y.id && x.address == y.address && x.port == y.port && x.weight == y.weight;
      });
}

std::shared_ptr<const WeightedSchedule> schedule(Algorithm algorithm,
                                                 const std::vector<MaglevEntry>& targets) {
  std::vector<WeightedEntry> entries;
  if (!dataplane::is_consistent(algorithm)) {
    for (const MaglevEntry& target : targets) {
      entries.push_back({target.id, target.weight});
    }
  }
  return std::make_shared<const WeightedSchedule>(entries);
}

/// What the file asks for; more where it has fewer slots than targets.
std::uint32_t maglev_size(const TargetGroup& group, const std::vector<MaglevEntry>& targets) {
  return std::max(group.maglev_table_size,
                  dataplane::next_prime(static_cast<std::uint32_t>(targets.size())));
}

}  // namespace

void compile_tables(const Config& config, const GroupFacts& groups, const Snapshot* previous,
                    Snapshot& snapshot) {
  const Eligible eligible = eligible_by_group(snapshot);
  const Eligible before = previous == nullptr ? Eligible{} : eligible_by_group(*previous);
  for (const TargetGroup& wanted : config.target_groups) {
    const TargetGroupId id = fact_of(groups, wanted.name).id;
    dataplane::TargetGroup& group = snapshot.target_groups[id.slot];
    const std::vector<MaglevEntry>& targets = eligible[id.slot];
    const bool maglev = dataplane::is_consistent(group.algorithm) && !targets.empty();
    const std::uint32_t size = maglev ? maglev_size(wanted, targets) : 0;
    const dataplane::TargetGroup* old = previous == nullptr ? nullptr : previous->target_group(id);
    if (old != nullptr && old->algorithm == group.algorithm && same(before[id.slot], targets) &&
        old->maglev->slots().size() == size) {
      group.schedule = old->schedule;
      group.maglev = old->maglev;
      continue;
    }
    group.schedule = schedule(group.algorithm, targets);
    group.maglev = maglev ? std::make_shared<const MaglevTable>(targets, size)
                          : std::make_shared<const MaglevTable>(std::span<const MaglevEntry>{},
                                                                MaglevTable::size_default);
  }
}

}  // namespace config
