#include "dataplane/table/maglev.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "tools/bench/cases.h"
#include "tools/bench/family.h"

namespace tools::bench {
namespace {

using dataplane::Be16;
using dataplane::MaglevEntry;
using dataplane::MaglevTable;
using dataplane::TargetId;

struct Shape {
  std::uint32_t size;
  std::uint16_t targets;
  bool quick;
};
constexpr Shape shapes[] = {{16'381, 100, true},
                            {65'537, 10, false},
                            {65'537, 100, true},
                            {65'537, 1'000, false},
                            {655'373, 1'000, false}};

template <class Family>
std::vector<MaglevEntry> targets_of(std::uint16_t count) {
  std::vector<MaglevEntry> targets;
  for (std::uint16_t number = 0; number < count; ++number) {
    targets.push_back({{number, 1}, Family::target(number), Be16{8080}});
  }
  return targets;
}

/// Every k-th target of `count` gone, `gone` of them in all.
std::vector<MaglevEntry> without(const std::vector<MaglevEntry>& targets, std::size_t gone) {
  const std::size_t step = targets.size() / gone;
  std::vector<MaglevEntry> rest;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (i % step != step / 2 || i / step >= gone) rest.push_back(targets[i]);
  }
  return rest;
}

/// Percent of the slots of targets that stay which go to another target when `gone` of them leave.
double moved_percent(const std::vector<MaglevEntry>& targets, const MaglevTable& before,
                     std::size_t gone) {
  const std::vector<MaglevEntry> rest = without(targets, gone);
  const MaglevTable after(rest, static_cast<std::uint32_t>(before.slots().size()));
  std::vector<bool> stays(targets.size(), false);
  for (const MaglevEntry& target : rest) stays[target.id.slot] = true;
  std::size_t kept = 0, moved = 0;
  for (std::size_t slot = 0; slot < before.slots().size(); ++slot) {
    const TargetId owner = before.slots()[slot];
    if (!stays[owner.slot]) continue;
    (after.slots()[slot] == owner ? kept : moved) += 1;
  }
  return 100 * static_cast<double>(moved) / static_cast<double>(kept + moved);
}

/// Slots of the busiest target, as multiple of the mean.
double busiest_to_mean(const MaglevTable& table, std::size_t targets) {
  std::map<TargetId, std::size_t> slots;
  for (const TargetId target : table.slots()) ++slots[target];
  if (slots.size() != targets || slots.count(dataplane::no_target) != 0) {
    throw CaseFailed("a target got no slot, or a slot no target");
  }
  std::size_t most = 0;
  for (const auto& [target, count] : slots) most = std::max(most, count);
  return static_cast<double>(most * targets) / static_cast<double>(table.slots().size());
}

template <class Family>
Figures measure(Bench& bench, const Shape& shape) {
  const std::vector<MaglevEntry> targets = targets_of<Family>(shape.targets);
  // Each takes milliseconds: no need to repeat it as often as what takes nanoseconds.
  const std::size_t builds = bench.quick() ? 20 : 200;
  Figures figures{.unit = Unit::Table, .per_slice = 1};
  for (std::size_t build = 0; build < builds; ++build) {
    const std::uint64_t start = ticks_fenced();
    const MaglevTable table(targets, shape.size);
    figures.slices.add(bench.clock().nanoseconds(ticks_fenced() - start));
  }
  const MaglevTable table(targets, shape.size);
  figures.details = {{"busiest_to_mean", busiest_to_mean(table, targets.size())},
                     {"percent_moved_without_1", moved_percent(targets, table, 1)}};
  for (const std::size_t percent : {std::size_t{1}, std::size_t{10}}) {
    const std::size_t gone = targets.size() * percent / 100;
    if (gone == 0) continue;
    figures.details.emplace_back(fmt::format("percent_moved_without_{}%", percent),
                                 moved_percent(targets, table, gone));
  }
  return figures;
}

}  // namespace

template <class Family>
void add_maglev(std::vector<Group>& groups, bool quick) {
  for (const Shape& shape : shapes) {
    if (quick && !shape.quick) continue;
    const std::string name =
        fmt::format("maglev/{}/build/{}x{}", Family::name, shape.size, shape.targets);
    groups.push_back({.cases = {name}, .memory = 64 << 20, .run = [=](Bench& bench) {
                        bench.measure(name, [&] { return measure<Family>(bench, shape); });
                      }});
  }
}

template void add_maglev<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_maglev<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
