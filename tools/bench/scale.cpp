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

template <class Family>
struct Seat {
  Player<Family>* player;
  int cpu;
  Slices* measured;
};

/// Has all of them play at once, each on its CPU. Throws what one of them throws.
template <class Family>
void play_together(const std::vector<Seat<Family>>& seats, std::size_t slices) {
  std::vector<std::string> failures(seats.size());
  std::atomic<int> playing{static_cast<int>(seats.size())};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    threads.emplace_back([&, i] {
      const OnCpu own(seats[i].cpu);
      try {
        seats[i].measured->append(seats[i].player->play(slices, playing));
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
  const Tally tally(first.scene.lane);
  const std::uint64_t before = first.sent();
  Slices first_alone, second_alone, first_of_both, second_of_both;
  // In turns, so that what others do on this machine meets all of them.
  constexpr std::size_t rounds = 8;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t slices = bench.slices() / rounds;
    play_together<Family>({{&first, cpus[0], &first_alone}}, slices);
    play_together<Family>({{&second, cpus[1], &second_alone}}, slices);
    play_together<Family>({{&first, cpus[0], &first_of_both}, {&second, cpus[1], &second_of_both}},
                          slices);
  }
  Figures figures{.flows = 2 * std::uint64_t{size.flows},
                  .per_slice = Scene<Family>::slice_packets,
                  .slices = first_of_both};
  figures.slices.append(second_of_both);
  lines.complete(figures);
  record(figures, tally, first.sent() - before);
  // Each against itself alone on the same CPU.
  const auto times_one = [&](double share) {
    return first_alone.quantile(share) / first_of_both.quantile(share) +
           second_alone.quantile(share) / second_of_both.quantile(share);
  };
  figures.details = {{"times_one_worker_p10", times_one(0.10)},
                     {"times_one_worker_p50", times_one(0.50)},
                     {"first_alone_p50_ns", first_alone.p50()},
                     {"second_alone_p50_ns", second_alone.p50()}};
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
template void add_scale<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
