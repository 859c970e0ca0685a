#include <fmt/core.h>

#include <vector>

#include "dataplane/path/verbs.h"
#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Burst;
using dataplane::Mode;
using dataplane::TcpHeader;

enum class Key : std::uint8_t { Known, Stranger };

struct LookupSize {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
constexpr LookupSize lookup_sizes[] = {{"64512", 64'512, true}, {"1032192", 1'032'192, false}};

constexpr std::size_t burst_size = 32;  // as the daemon receives them
constexpr std::size_t bursts = Scene<Ipv4>::slice_packets / burst_size;
// Clients that have no flow: numbers far behind those that have.
constexpr std::uint32_t lookup_strangers = 0x8000'0000;

template <class Address>
dataplane::FlowTable<Address>& table_of(dataplane::FlowLedgers& ledgers) {
  if constexpr (sizeof(Address) == sizeof(dataplane::Ipv4Address)) {
    return ledgers.v4.table();
  } else {
    return ledgers.v6.table();
  }
}

template <class Family>
void fill(Burst& burst, const Plan<Family>& plan, Key wanted, Random& random) {
  burst.reset({}, burst_size);
  for (std::size_t i = 0; i < burst_size; ++i) {
    const bool known = wanted == Key::Known;
    burst.new_key<typename Family::Address>(i) = plan.to_listener(
        known ? random.below(plan.flows()) : lookup_strangers + random.below(lookup_strangers));
  }
  if constexpr (sizeof(typename Family::Key) == sizeof(dataplane::FlowKey6)) {
    burst.v6 = burst.pending;
  }
}

/// The path's own look-up, alone: by tags, then by the whole key, which is track's first step.
template <class Family>
void look_up(Burst& burst, dataplane::FlowLedgers& ledgers) {
  using Address = typename Family::Address;
  dataplane::prefetch(burst, burst.pending, ledgers);
  dataplane::find(burst, burst.pending, ledgers);
  dataplane::find(burst, 0, ledgers);
  auto& table = table_of<Address>(ledgers);
  for (std::size_t i : dataplane::bits(burst.known)) {
    if (table[burst.flows[i]].key == burst.key<Address>(i)) continue;
    burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
  }
}

template <class Family>
Figures measure(Bench& bench, Scene<Family>& scene, Key wanted) {
  constexpr std::size_t packets = bursts * burst_size;
  dataplane::Core& core = scene.lane.core();
  dataplane::FlowLedgers ledgers(core.flows4, core.flows6, core.counters, core.places);
  std::vector<Burst> slice(bursts);
  Random random(13);
  LineReference lines(bench, scene.lane);
  Figures figures{.flows = scene.plan.flows(), .per_slice = packets};
  for (std::size_t n = 0; n < bench.slices(); ++n) {
    for (Burst& burst : slice) fill(burst, scene.plan, wanted, random);
    const std::uint64_t begin = ticks_fenced();
    for (Burst& burst : slice) look_up<Family>(burst, ledgers);
    const std::uint64_t end = ticks_fenced();
    figures.slices.add(bench.clock().nanoseconds(end - begin) / packets);
    for (const Burst& burst : slice) {
      if (burst.known != (wanted == Key::Known ? burst.pending : 0)) {
        throw CaseFailed("the table has not what was looked for, or has what it should not");
      }
    }
  }
  lines.complete(figures);
  return figures;
}

template <class Family>
Group group(const LookupSize& size) {
  const std::string base = fmt::format("nat/{}/lookup", Family::name);
  const auto name = [=](std::string_view which) {
    return fmt::format("{}/{}/{}", base, which, size.name);
  };
  const std::uint64_t capacity = capacity_for(size.flows);
  Group result;
  result.cases = {name("hit"), name("miss")};
  result.flows = size.flows;
  result.memory = Scene<Family>::bytes_needed(capacity, size.flows);
  result.run = [=](Bench& bench) {
    Stage stage(make_world<Family>({.mode = Mode::Nat}));
    Scene<Family> scene(stage, dataplane::Protocol::Tcp, capacity, size.flows, bench.clock());
    scene.establish_all(bench);
    bench.measure(name("hit"), [&] { return measure(bench, scene, Key::Known); });
    bench.measure(name("miss"), [&] { return measure(bench, scene, Key::Stranger); });
  };
  return result;
}

}  // namespace

template <class Family>
void add_lookups(std::vector<Group>& groups, bool quick) {
  for (const LookupSize& size : lookup_sizes) {
    if (!quick || size.quick) groups.push_back(group<Family>(size));
  }
}

template void add_lookups<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_lookups<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
