// MemoryIo: the bench's NIC, and the only thing in it that is not the product's: frames wait in
// memory, two queues, one a port. It does what nic/queue_pair does around them (prefetch headers,
// fill the burst, sort by verdict and egress port) and neither copies nor frees.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/counters.h"
#include "dataplane/packet/own_frame.h"
#include "tools/bench/family.h"

namespace tools::bench {

class MemoryIo {
 public:
  static constexpr std::size_t burst_size = 32;

  /// All frames are `frame_bytes` long.
  explicit MemoryIo(std::uint16_t frame_bytes) : frame_bytes_(frame_bytes) {}

  /// Lets `frame`, with headroom, wait at a port.
  void offer(dataplane::PortId port, std::uint8_t* frame) {
    waiting_[port.number].frames.push_back(frame);
  }
  /// The frame that was the n-th to be offered at a port since clear(), as it is now.
  [[nodiscard]] const std::uint8_t* offered(dataplane::PortId port, std::size_t n) const {
    return waiting_[port.number].frames[n];
  }
  [[nodiscard]] bool empty() const { return waiting_[0].empty() && waiting_[1].empty(); }
  /// Before a new slice: what was offered and has been dealt with is forgotten.
  void clear() {
    for (Queue& queue : waiting_) {
      queue.frames.clear();
      queue.next = 0;
    }
  }

  // --- Io of dataplane::Worker ---

  bool receive(dataplane::Burst& burst, dataplane::Instant now) {
    while (next_source_ < waiting_.size()) {
      const std::size_t source = next_source_++;
      Queue& queue = waiting_[source];
      if (queue.empty()) continue;
      const std::size_t count = std::min(burst_size, queue.frames.size() - queue.next);
      burst.reset(now, count);
      fill(burst, queue.frames.data() + queue.next, static_cast<std::uint8_t>(source));
      queue.next += count;
      return true;
    }
    next_source_ = 0;
    return false;
  }

  void transmit(dataplane::Burst& burst, dataplane::Totals& totals) {
    std::array<std::size_t, 2> leaving{};
    for (std::size_t i = 0; i < burst.size; ++i) {
      const dataplane::Verdict verdict = burst.verdicts[i];
      if (!dataplane::is_forward(verdict) && !dataplane::is_reply(verdict)) continue;
      const dataplane::Packet& packet = burst.packets[i];
      const std::size_t port = packet.egress.number & 1;
      egress_[port][leaving[port]++] = packet.buffer;
    }
    totals.sent.add(leaving[0] + leaving[1]);
  }

  std::size_t idle(dataplane::Totals&) { return 0; }
  void originate(std::span<const dataplane::OwnFrame> frames, dataplane::Totals& totals) {
    totals.originated.add(frames.size());
  }

 private:
  static constexpr std::uint16_t headroom = 128;
  static constexpr std::uint16_t tailroom = 1024;
  struct Queue {
    std::vector<std::uint8_t*> frames;
    std::size_t next = 0;
    [[nodiscard]] bool empty() const { return next == frames.size(); }
  };

  void fill(dataplane::Burst& burst, std::uint8_t* const* frames, std::uint8_t port) const {
    for (std::size_t i = 0; i < burst.size; ++i) __builtin_prefetch(frames[i]);
    for (std::size_t i = 0; i < burst.size; ++i) {
      // Field by field: a copy of a struct that was just put together waits until all of its stores
      // have reached the cache, 6 ns a packet.
      dataplane::Packet& packet = burst.packets[i];
      packet.data = frames[i];
      packet.buffer = frames[i];
      packet.length = frame_bytes_;
      packet.headroom = headroom;
      packet.tailroom = tailroom;
      packet.ingress = dataplane::PortId{port};
      packet.handed_off = false;
      packet.segmented = false;
    }
  }

  std::uint16_t frame_bytes_;
  std::array<Queue, 2> waiting_;
  std::size_t next_source_ = 0;
  std::array<std::array<void*, dataplane::Burst::capacity>, 2> egress_;
};

}  // namespace tools::bench
