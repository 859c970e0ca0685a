#include <fmt/core.h>

#include <atomic>
#include <thread>

#include "tools/bench/cases.h"
#include "tools/bench/cpu.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TcpHeader;
using dataplane::WorkerId;

struct Size {
  std::string_view name;
  std::uint32_t flows;  // of each worker
  bool quick;
};
constexpr Size sizes[] = {{"64512", 64'512, true}, {"1032192", 1'032'192, false}};

/// Sends packets of one worker's flows, both directions, until it has measured enough and the
/// others have too.
template <class Family>
class Player {
 public:
  Player(Stage& stage, std::uint32_t flows, const Clock& clock, WorkerId worker)
      : scene(stage, Protocol::Tcp, capacity_for(flows), flows, clock, worker), clock_(clock) {}

  /// Returns after `slices` slices and, so that none measures alone, when `playing` is 0.
  Slices play(std::size_t slices, std::atomic<int>& playing) {
    Buffers buffers(Headers::Hot, packets);
    Random random(17 + scene.lane.core().id.number);
    Slices measured;
    const Tally tally(scene.lane);
    std::uint64_t sent = 0;
    // relaxed: nothing is handed over with it; the measuring thread joins the players.
    while (playing.load(std::memory_order_relaxed) > 0) {
      offer(buffers, random);
      const double cost = clock_.nanoseconds(scene.lane.run()) / packets;
      sent += packets;
      sent_ += packets;
      if (measured.size() == slices) continue;
      measured.add(cost);
      if (measured.size() == slices) playing.fetch_sub(1, std::memory_order_relaxed);
    }
    expect_forwarded(tally, sent);
    expect_laws(scene.lane);
    return measured;
  }

  [[nodiscard]] std::uint64_t sent() const { return sent_; }

  Scene<Family> scene;

 private:
  static constexpr std::size_t packets = Scene<Family>::slice_packets;

  void offer(Buffers& buffers, Random& random) {
    scene.lane.io.clear();
    for (std::size_t i = 0; i < packets; ++i) {
      const std::uint32_t flow = pick_flow(Order::Uniform, scene.plan.flows(), random);
      if (i % 2 == 0) {
        scene.offer_from_client(buffers, flow, TcpHeader::ack);
      } else {
        scene.offer_from_target(buffers, flow, TcpHeader::ack);
      }
    }
  }
  const Clock& clock_;
  std::uint64_t sent_ = 0;  // in all plays
};

/// Has all of them play at once, each on a CPU of its own. Rethrows what one of them throws.
template <class Family>
std::vector<Slices> play_together(std::vector<Player<Family>*> players,
                                  const std::vector<int>& cpus, std::size_t slices) {
  std::vector<Slices> measured(players.size());
  std::vector<std::string> failures(players.size());
  std::atomic<int> playing{static_cast<int>(players.size())};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < players.size(); ++i) {
    threads.emplace_back([&, i] {
      const OnCpu own(cpus[i]);
      try {
        measured[i] = players[i]->play(slices, playing);
      } catch (const CaseFailed& failure) {
        failures[i] = failure.what();
        playing.store(0, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) {
    if (!failure.empty()) throw CaseFailed(failure);
  }
  return measured;
}

template <class Family>
Figures measure(Bench& bench, Mode mode, const Size& size) {
  const std::vector<int> cpus = allowed_cpus();
  if (cpus.size() < 2) throw CaseImpossible("needs two CPUs");
  Stage stage(make_world<Family>({.mode = mode, .workers = 2}));
  Player<Family> first(stage, size.flows, bench.clock(), WorkerId{0});
  Player<Family> second(stage, size.flows, bench.clock(), WorkerId{1});
  for (Player<Family>* player : {&first, &second}) player->scene.establish_all(bench);
  LineReference lines(bench, first.scene.lane);
  const std::vector<Slices> alone = play_together<Family>({&first}, cpus, bench.slices());
  const Tally tally(first.scene.lane);
  const std::uint64_t before = first.sent();
  const std::vector<Slices> both = play_together<Family>({&first, &second}, cpus, bench.slices());
  Figures figures{.flows = 2 * std::uint64_t{size.flows},
                  .per_slice = Scene<Family>::slice_packets,
                  .slices = both[0]};
  figures.slices.append(both[1]);
  lines.complete(figures);
  record(figures, tally, first.sent() - before);
  const double rate_alone = 1 / alone[0].p50();
  const double rate_both = 1 / both[0].p50() + 1 / both[1].p50();
  figures.details = {
      {"alone_p50_ns", alone[0].p50()},
      {"first_p50_ns", both[0].p50()},
      {"second_p50_ns", both[1].p50()},
      {"times_one_worker", rate_both / rate_alone},
      {"times_one_worker_p10", (1 / both[0].p10() + 1 / both[1].p10()) * alone[0].p10()}};
  return figures;
}

}  // namespace

template <class Family>
void add_scale(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const Size& size : sizes) {
      if (quick && !size.quick) continue;
      const std::string name =
          fmt::format("{}/{}/two_workers/{}", name_of(mode), Family::name, size.name);
      groups.push_back(
          {.cases = {name},
           .flows = 2 * std::uint64_t{size.flows},
           .memory = 2 * Scene<Family>::bytes_needed(capacity_for(size.flows), size.flows),
           .run = [=](Bench& bench) {
             bench.measure(name, [&] { return measure<Family>(bench, mode, size); });
           }});
    }
  }
}

template void add_scale<Ipv4>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
