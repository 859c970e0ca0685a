// Scene: a world, one worker and many flows in it, with what it takes to send their packets.
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

template <class Family>
class Scene {
 public:
  using Writer = typename Family::Writer;
  /// Packets of a slice: with both directions, four turns of the worker, two bursts each.
  static constexpr std::size_t slice_packets = 256;

  /// `capacity`: flows that the table holds; `flows`: that the plan has numbers for.
  Scene(const Terms& terms, dataplane::Protocol protocol, std::uint64_t capacity,
        std::uint32_t flows, const Clock& clock)
      : world(make_world<Family>(terms)),
        publication(1, world.snapshot),
        lane(dataplane::WorkerId{0}, capacity, publication, clock),
        plan(flows, terms.mode, protocol),
        from_client(protocol, router_mac, front_mac),
        from_target(protocol, target_mac, back_mac) {}

  [[nodiscard]] static std::size_t bytes_needed(std::uint64_t capacity, std::uint64_t flows) {
    constexpr std::size_t buffers = std::size_t{160} << 20;
    return table_bytes(capacity) + Plan<Family>::bytes_needed(flows) + buffers;
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

  World world;
  dataplane::Publication publication;
  Lane lane;
  Plan<Family> plan;
  Writer from_client;
  Writer from_target;

 private:
  std::uint8_t* offer(Buffers& buffers, dataplane::PortId port, const Writer& writer,
                      const typename Family::Key& key, std::uint8_t flags) {
    std::uint8_t* frame = buffers.put([&](std::uint8_t* to) { writer.write(to, key, flags); });
    lane.io.offer(port, frame);
    return frame;
  }
};

/// Throws CaseFailed unless exactly `packets` packets were forwarded since `tally` was made, and
/// none had another verdict.
void expect_forwarded(const Tally& tally, std::uint64_t packets);
/// Throws CaseFailed if one of the lane's laws does not hold.
void expect_laws(const Lane& lane);

}  // namespace tools::bench
