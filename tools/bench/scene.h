// Scene: one worker in a world, and many flows, with what it takes to send their packets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/buffers.h"
#include "tools/bench/lane.h"
#include "tools/bench/plan.h"
#include "tools/bench/random.h"
#include "tools/bench/world.h"

namespace tools::bench {

/// Flows that a table for `flows` connections is made for: 64/63 of them, so that CSIT's counts
/// (64,512, 1,032,192, …) meet tables of a power of two and 89 % of the slots are in use.
[[nodiscard]] constexpr std::uint64_t capacity_for(std::uint64_t flows) {
  return flows + (flows + 62) / 63;
}

/// A world whose snapshots reach workers the way the daemon's do.
struct Stage {
  explicit Stage(World made)
      : world(std::move(made)), publication(world.config.workers, world.snapshot) {}
  World world;
  dataplane::Publication publication;
};

template <class Family>
class Scene {
 public:
  using Writer = typename Family::Writer;
  /// Packets of a slice: with both directions, four turns of the worker, two bursts each.
  static constexpr std::size_t slice_packets = 256;

  /// `capacity`: flows that the table holds; `flows`: that the plan has numbers for. With several
  /// workers in the world, all of them flows of `worker`.
  Scene(Stage& stage, dataplane::Protocol protocol, std::uint64_t capacity, std::uint32_t flows,
        const Clock& clock, dataplane::WorkerId worker = {});

  [[nodiscard]] static std::size_t bytes_needed(std::uint64_t capacity, std::uint64_t flows) {
    constexpr std::size_t buffers = std::size_t{160} << 20;
    return Family::capacity(capacity).bytes() + Plan<Family>::bytes_needed(flows) + buffers;
  }

  /// Lets a packet of the flow's client (or target) wait in the lane; returns its frame.
  std::uint8_t* offer_from_client(Buffers& buffers, std::uint32_t flow, std::uint8_t flags) {
    return offer(buffers, front, from_client, plan.to_listener(flow), flags);
  }
  std::uint8_t* offer_from_target(Buffers& buffers, std::uint32_t flow, std::uint8_t flags) {
    return offer(buffers, back, from_target, plan.to_client(flow), flags);
  }

  /// Opens flows `first` to `last` − 1: one datagram each, or a whole handshake. Throws CaseFailed
  /// if one is refused.
  void establish(std::uint32_t first, std::uint32_t last);
  /// All flows of the plan, with some words for who is waiting.
  void establish_all(Bench& bench);

  Lane lane;
  Plan<Family> plan;
  Writer from_client;
  Writer from_target;

 private:
  std::uint8_t* offer(Buffers& buffers, dataplane::PortId port, const Writer& writer,
                      const typename Family::Key& key, std::uint8_t flags) {
    std::uint8_t* frame = buffers.template put<Family::frame_room>(
        [&](std::uint8_t* to) { writer.write(to, key, flags); });
    lane.io.offer(port, frame);
    return frame;
  }
};

/// Random lines of the lane's own table, read before a case, during it if it says so, and after it.
class LineReference {
 public:
  LineReference(Bench& bench, const Lane& lane);
  void read();
  /// Reads once more, and fills in what the figures say about the table.
  void complete(Figures& figures);

 private:
  Bench& bench_;
  const Lane& lane_;
  Slices lines_;
};

/// Adds what was sent and what became of it.
void record(Figures& figures, const Tally& tally, std::uint64_t packets);
/// Throws CaseFailed unless exactly `packets` packets were forwarded since `tally` was made, and
/// none had another verdict.
void expect_forwarded(const Tally& tally, std::uint64_t packets);
/// Throws CaseFailed if one of the lane's laws does not hold.
void expect_laws(const Lane& lane);

}  // namespace tools::bench
