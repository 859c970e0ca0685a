// FlowHistograms: how the flows of one target, or of one listener, went on one worker: how long
// connecting, answering and waiting took, how long they lived and how much they carried.
//
//   HistogramBlock (one per worker, sparse)      36 KiB each, whole pages:
//   ┌──────────────────────────────┐ 0           connect, response, queue, duration, bytes
//   │ targets[targets_max]         │   index: TargetId.slot
//   ├──────────────────────────────┤
//   │ listeners[listeners_max]     │   index: ListenerId.slot
//   └──────────────────────────────┘
//
// A block is 324 MiB of addresses; memory is behind those places only that have a mark. Control
// allocates a place, clears it and sets its mark before a snapshot with that target or listener is
// published, and takes both away when it is gone from the snapshot (control/flow_histograms). Who
// touches a place without a mark would make the kernel find memory for it: the worker in the middle
// of a packet, a reader for nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/histogram.h"
#include "dataplane/table/ids.h"

namespace dataplane {

inline constexpr std::size_t page_bytes = 4096;

struct alignas(page_bytes) FlowHistograms {
  Histogram connect;   // nanoseconds from the client's first SYN sent on to the target's SYN-ACK
  Histogram response;  // nanoseconds from a request's first data to the answer's first data
  Histogram queue;     // nanoseconds that a SYN was held in the surge queue, of those admitted
  Histogram duration;  // microseconds from a flow's first packet to its last
  Histogram bytes;     // IP bytes of a flow, both ways
  void clear() {
    for (Histogram* each : {&connect, &response, &queue, &duration, &bytes}) each->clear();
  }
};
static_assert(sizeof(FlowHistograms) == 9 * page_bytes);

struct HistogramBlock {
  std::array<FlowHistograms, targets_max> targets;
  std::array<FlowHistograms, listeners_max> listeners;
};
static_assert(sizeof(HistogramBlock) == (targets_max + listeners_max) * sizeof(FlowHistograms));

/// Whose values a place has, on all workers: nobody's, or those of one incarnation of the slot.
class HistogramMark {
 public:
  // release: who sees the mark (acquire below) sees the place cleared.
  void set(std::uint16_t incarnation) {
    value_.store(std::uint32_t{incarnation} + 1, std::memory_order_release);
  }
  void clear() { value_.store(0, std::memory_order_release); }
  [[nodiscard]] bool any() const { return value_.load(std::memory_order_acquire) != 0; }
  [[nodiscard]] bool is(std::uint16_t incarnation) const {
    return value_.load(std::memory_order_acquire) == std::uint32_t{incarnation} + 1;
  }

 private:
  std::atomic<std::uint32_t> value_{0};
};

struct HistogramMarks {
  std::array<HistogramMark, targets_max> targets;
  std::array<HistogramMark, listeners_max> listeners;
};
static_assert(sizeof(HistogramMarks) == 4 * (targets_max + listeners_max));

/// One worker's way to its block. Made from nothing it measures nothing.
class FlowMeasures {
 public:
  FlowMeasures() = default;
  FlowMeasures(HistogramBlock& block, const HistogramMarks& marks)
      : block_(&block), marks_(&marks) {}

  /// Counts `value` for the target and for the listener, where they have a place. A flow's listener
  /// is told by its slot alone: that is not given to another one while the flow lives.
  void add(TargetId target, ListenerId listener, Histogram FlowHistograms::*measure,
           std::uint64_t value) const {
    if (block_ == nullptr) return;
    if (target.slot < targets_max && marks_->targets[target.slot].is(target.incarnation)) {
      (block_->targets[target.slot].*measure).add(value);
    }
    if (listener.slot < listeners_max && marks_->listeners[listener.slot].any()) {
      (block_->listeners[listener.slot].*measure).add(value);
    }
  }

 private:
  HistogramBlock* block_ = nullptr;
  const HistogramMarks* marks_ = nullptr;
};

}  // namespace dataplane
