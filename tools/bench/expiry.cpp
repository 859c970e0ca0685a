#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "dataplane/path/expire.h"
#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Instant;
using dataplane::Mode;
using dataplane::Protocol;

struct ExpirySize {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
constexpr ExpirySize expiry_sizes[] = {{"64512", 64'512, true}, {"10M", 10'000'000, false}};

// How often an idle worker asks: its turns are shorter, but then nothing is due in most of them.
constexpr std::uint64_t turn = 10'000;  // nanoseconds

/// One whole sweep, in as many parts as the bench measures slices, from `now` on; adds what each
/// has cost, in nanoseconds a slot. Returns the time afterwards.
Instant sweep(Bench& bench, dataplane::Core& core, const dataplane::Snapshot& snapshot, Instant now,
              std::vector<double>& costs, std::size_t slots) {
  const std::uint64_t duration = dataplane::sweep_milliseconds(slots) * 1'000'000;
  const double slots_per_part = static_cast<double>(slots) / static_cast<double>(costs.size());
  const std::uint64_t per_part = duration / costs.size();
  for (double& cost : costs) {
    const std::uint64_t start = ticks_fenced();
    for (std::uint64_t passed = turn; passed <= per_part; passed += turn) {
      dataplane::expire(core, snapshot, {now.nanoseconds + passed});
    }
    cost += bench.clock().nanoseconds(ticks_fenced() - start) / slots_per_part;
    now.nanoseconds += per_part;
  }
  return now;
}

template <class Family>
Figures measure(Bench& bench, Stage& stage, Scene<Family>& scene, bool idle) {
  dataplane::Core& core = scene.lane.core();
  const std::size_t slots = Family::table(core).slots();
  LineReference lines(bench, scene.lane);
  Figures figures{
      .unit = Unit::Slot, .flows = scene.lane.flows_alive(), .per_slice = slots / bench.slices()};
  Instant now = scene.lane.now();
  const std::uint64_t before = scene.lane.flows_alive();
  if (idle) now.nanoseconds += 1'000'000'000'000;  // longer than any timeout
  // What the sweep owes for the time before is late for good; begin on time.
  dataplane::expire(core, *stage.world.snapshot, now);
  std::vector<double> costs(bench.slices());
  std::size_t sweeps = 1;
  if (!idle) {
    // Buckets rest for up to seven sweeps in a row, here all of them together: what it costs in the
    // long run is the mean of eight. UDP's two minutes are longer than that.
    now = sweep(bench, core, *stage.world.snapshot, now, costs, slots);
    std::fill(costs.begin(), costs.end(), 0.0);
    sweeps = dataplane::TagGroup::rest_max + 1;
  }
  for (std::size_t n = 0; n < sweeps; ++n) {
    now = sweep(bench, core, *stage.world.snapshot, now, costs, slots);
  }
  for (const double cost : costs) figures.slices.add(cost / static_cast<double>(sweeps));
  expect_laws(scene.lane);
  const std::uint64_t expired = before - scene.lane.flows_alive();
  const bool all = static_cast<double>(expired) > 0.99 * static_cast<double>(before);
  if (idle ? !all : expired != 0) {
    throw CaseFailed(fmt::format("{} of {} flows were ended by one sweep", expired, before));
  }
  lines.complete(figures);
  const double sweep_seconds = figures.slices.p50() * static_cast<double>(slots) / 1e9;
  const double sweep_interval = static_cast<double>(dataplane::sweep_milliseconds(slots)) / 1e3;
  if (idle) {
    figures.details = {{"ns_per_flow", sweep_seconds * 1e9 / static_cast<double>(before)}};
  } else {
    figures.details = {{"percent_of_a_core", 100 * sweep_seconds / sweep_interval}};
  }
  figures.details.emplace_back("sweep_seconds", sweep_interval);
  return figures;
}

template <class Family>
Group group(const ExpirySize& size) {
  const std::string base = fmt::format("nat/{}/expiry", Family::name);
  const std::string alive = fmt::format("{}/none_idle/{}", base, size.name);
  const std::string idle = fmt::format("{}/all_idle/{}", base, size.name);
  const std::uint64_t capacity = capacity_for(size.flows);
  return {.cases = {alive, idle},
          .flows = size.flows,
          .memory = Scene<Family>::bytes_needed(capacity, size.flows),
          .run = [=](Bench& bench) {
            Stage stage(make_world<Family>({.mode = Mode::Nat}));
            Scene<Family> scene(stage, Protocol::Udp, capacity, size.flows, bench.clock());
            scene.establish_all(bench);
            bench.measure(alive, [&] { return measure(bench, stage, scene, false); });
            bench.measure(idle, [&] { return measure(bench, stage, scene, true); });
          }};
}

}  // namespace

template <class Family>
void add_expiry(std::vector<Group>& groups, bool quick) {
  for (const ExpirySize& size : expiry_sizes) {
    if (size.flows > Family::flows_max) continue;
    if (!quick || size.quick) groups.push_back(group<Family>(size));
  }
}

template void add_expiry<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_expiry<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
