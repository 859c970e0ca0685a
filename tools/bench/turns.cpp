// A client's datagram, its target's answer, the next one's: every packet is a change of turn, which
// is what latency is measured by (dataplane/path/answer.h). Slices with the histograms and without
// them take turns; what says whose turn it is, is in both.
#include <fmt/core.h>

#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;

struct TurnsSize {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
constexpr TurnsSize turns_sizes[] = {{"1k", 1'008, true}, {"64512", 64'512, false}};

/// Half of the packets are requests, and half are their answers.
template <class Family>
constexpr std::size_t turns_per_slice = Scene<Family>::slice_packets / 2;

/// Flows that follow each other in the plan lie anywhere in the table.
template <class Family>
void offer_turns(Scene<Family>& scene, Buffers& buffers, Random& random) {
  const std::uint32_t flows = scene.plan.flows();
  const std::uint32_t first = random.below(flows);
  scene.lane.io.clear();
  for (std::uint32_t i = 0; i < turns_per_slice<Family>; ++i) {
    const std::uint32_t flow = (first + i) % flows;
    scene.offer_from_client(buffers, flow, 0);
    scene.offer_from_target(buffers, flow, 0);
  }
  Buffers::settle();
}

template <class Family>
Figures measure_turns(Bench& bench, Scene<Family>& scene) {
  constexpr std::size_t packets = Scene<Family>::slice_packets;
  constexpr std::size_t warm_up = 100;
  Buffers buffers(Headers::Hot, packets);
  Random random(17);
  LineReference lines(bench, scene.lane);
  const Tally tally(scene.lane);
  const std::uint64_t answers = scene.lane.answers();
  Figures figures{.flows = scene.plan.flows(), .per_slice = packets};
  Slices unmeasured;
  const std::size_t rounds = warm_up + bench.slices();
  for (std::size_t n = 0; n < rounds; ++n) {
    for (const bool measured : {true, false}) {
      scene.lane.measure(measured);
      offer_turns(scene, buffers, random);
      const double each = bench.clock().nanoseconds(scene.lane.run()) / packets;
      if (n >= warm_up) (measured ? figures.slices : unmeasured).add(each);
    }
  }
  scene.lane.measure(true);
  record(figures, tally, 2 * rounds * packets);
  expect_forwarded(tally, 2 * rounds * packets);
  expect_laws(scene.lane);
  const std::uint64_t measured = scene.lane.answers() - answers;
  if (measured != rounds * turns_per_slice<Family>) {
    throw CaseFailed(
        fmt::format("{} answers were measured, of {}", measured, rounds * turns_per_slice<Family>));
  }
  figures.details = {{"unmeasured_p10", unmeasured.p10()},
                     {"times_unmeasured_p10", figures.slices.p10() / unmeasured.p10()},
                     {"times_unmeasured_p50", figures.slices.p50() / unmeasured.p50()}};
  lines.complete(figures);
  return figures;
}

}  // namespace

template <class Family>
void add_turns(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const TurnsSize& size : turns_sizes) {
      if (quick && !size.quick) continue;
      const std::string name =
          fmt::format("{}/{}/turns/{}", name_of(mode), Family::name, size.name);
      const std::uint64_t capacity = capacity_for(size.flows);
      groups.push_back({.cases = {name},
                        .flows = size.flows,
                        .memory = Scene<Family>::bytes_needed(capacity, size.flows),
                        .run = [=](Bench& bench) {
                          Stage stage(make_world<Family>({.mode = mode}));
                          Scene<Family> scene(stage, dataplane::Protocol::Udp, capacity, size.flows,
                                              bench.clock());
                          scene.establish_all(bench);
                          bench.measure(name, [&] { return measure_turns(bench, scene); });
                        }});
    }
  }
}

template void add_turns<Ipv4>(std::vector<Group>&, bool);
template void add_turns<Ipv6>(std::vector<Group>&, bool);

}  // namespace tools::bench
