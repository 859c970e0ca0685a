#include "dataplane/publication.h"

#include <fmt/core.h>

#include <thread>

#include "tools/bench/cases.h"
#include "tools/bench/cpu.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TcpHeader;

struct PublishedShape {
  std::uint32_t targets;
  bool quick;
};
constexpr PublishedShape published_shapes[] = {{64, true}, {1'000, false}};

constexpr std::uint32_t flows = 64'512;
constexpr std::size_t turn_packets = 64;  // one turn of the worker: a burst of each port

/// One target begins or ends draining, as after a change of its health: the group's Maglev table
/// is built anew. On a thread of its own, as in the daemon: what the worker then reads was written
/// by another core.
/// Returns how many ticks compiling took.
std::uint64_t compile_next(World& world, std::size_t turn, int cpu) {
  std::uint64_t ticks = 0;
  std::thread control([&] {
    const OnCpu there(cpu);
    config::Availability& availability =
        world.facts.targets[turn / 2 % world.config.target_groups.front().targets.size()]
            .availability;
    availability = turn % 2 == 0 ? config::Availability::Draining : config::Availability::Serving;
    const std::uint64_t start = ticks_fenced();
    world.compile();
    ticks = ticks_fenced() - start;
  });
  control.join();
  return ticks;
}

template <class Family>
class Load {
 public:
  explicit Load(Scene<Family>& scene) : scene_(scene) {}

  /// Ticks of one turn of the worker.
  std::uint64_t turn() {
    scene_.lane.io.clear();
    for (std::size_t i = 0; i < turn_packets; ++i) {
      const std::uint32_t flow = pick_flow(Order::Uniform, flows, random_);
      if (i % 2 == 0) {
        scene_.offer_from_client(buffers_, flow, TcpHeader::ack);
      } else {
        scene_.offer_from_target(buffers_, flow, TcpHeader::ack);
      }
    }
    packets_ += turn_packets;
    return scene_.lane.run();
  }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }

 private:
  Scene<Family>& scene_;
  Buffers buffers_{Headers::Hot, turn_packets};
  Random random_{13};
  std::uint64_t packets_ = 0;
};

struct Found {
  Figures taking;
  Figures steady;
  Figures compiling;
};

template <class Family>
Found measure_all(Bench& bench, const PublishedShape& shape) {
  const std::vector<int> cpus = allowed_cpus();
  if (cpus.size() < 2) throw CaseImpossible("needs two CPUs");
  const OnCpu here(cpus[0]);
  Stage stage(make_world<Family>({.mode = Mode::FullNat,
                                  .algorithm = dataplane::Algorithm::Maglev,
                                  .targets = shape.targets}));
  Scene<Family> scene(stage, Protocol::Tcp, capacity_for(flows), flows, bench.clock());
  scene.establish_all(bench);
  Found found{.taking = {.flows = flows, .per_slice = turn_packets},
              .steady = {.flows = flows, .per_slice = turn_packets},
              .compiling = {.unit = Unit::Publication, .per_slice = 1}};
  Load<Family> load(scene);
  const Tally tally(scene.lane);
  const std::size_t publications = 1'000;
  constexpr int turns_between = 8;
  for (std::size_t publication = 0; publication < publications; ++publication) {
    const std::uint64_t ticks = compile_next(stage.world, publication, cpus[1]);
    found.compiling.slices.add(bench.clock().nanoseconds(ticks));
    for (int turn = 0; turn < turns_between; ++turn) load.turn();  // warm again after the pause
    for (int turn = 0; turn < turns_between; ++turn) {
      found.steady.slices.add(bench.clock().nanoseconds(load.turn()) / turn_packets);
    }
    stage.publication.publish(stage.world.snapshot);
    found.taking.slices.add(bench.clock().nanoseconds(load.turn()) / turn_packets);
  }
  expect_forwarded(tally, load.packets());
  expect_laws(scene.lane);
  for (Figures* figures : {&found.taking, &found.steady}) {
    record(*figures, tally, load.packets());
  }
  for (Figures* figures : {&found.taking, &found.steady, &found.compiling}) {
    figures->details = {{"p99_ns", figures->slices.p99()}};
  }
  return found;
}

template <class Family>
Group group(const PublishedShape& shape) {
  const std::string base =
      fmt::format("full_nat/{}/publication/{}_targets", Family::name, shape.targets);
  const std::string taking = base + "/taking", steady = base + "/steady",
                    compiling = base + "/compiling";
  const std::size_t memory = Scene<Family>::bytes_needed(capacity_for(flows), flows);
  return {.cases = {taking, steady, compiling},
          .flows = flows,
          .memory = memory,
          .run = [=](Bench& bench) {
            const Found found = measure_all<Family>(bench, shape);
            bench.measure(taking, [&] { return found.taking; });
            bench.measure(steady, [&] { return found.steady; });
            bench.measure(compiling, [&] { return found.compiling; });
          }};
}

}  // namespace

template <class Family>
void add_publication(std::vector<Group>& groups, bool quick) {
  for (const PublishedShape& shape : published_shapes) {
    if (!quick || shape.quick) groups.push_back(group<Family>(shape));
  }
}

template void add_publication<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_publication<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
