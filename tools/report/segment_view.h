// SegmentView: the parts of a mapped shared memory segment, and sums over them.
//
// Made by whoever has mapped one: control/segment (the writer) and SegmentReader (tools). Points
// into the mapping, owns nothing. Figures may change between two calls; each sum is bounded by the
// number of workers, each look-up by the size of its table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/packet/verdict.h"
#include "dataplane/segment.h"

namespace report {

template <std::size_t N>
[[nodiscard]] std::string text(const dataplane::Text<N>& value) {
  return std::string(value.view());
}

struct SegmentView {
  const dataplane::SegmentHeader* header = nullptr;
  const dataplane::ControlBlock* control = nullptr;
  std::span<const dataplane::WorkerBlock> workers;
  /// One per worker. Sparse: see flow_figures.h.
  std::span<const dataplane::HistogramBlock> histograms{};
};

/// The parts of the segment that starts at `base`. Its header must have been checked.
[[nodiscard]] SegmentView view_of(const std::byte* base, std::size_t workers);

/// Sum over all workers.
[[nodiscard]] std::uint64_t total(const SegmentView& view,
                                  dataplane::Counter dataplane::Totals::*figure);
[[nodiscard]] std::uint64_t total(const SegmentView& view, dataplane::Verdict verdict);
/// The smallest of all workers' figures; 0 without workers.
[[nodiscard]] std::uint64_t least(const SegmentView& view,
                                  dataplane::Counter dataplane::Totals::*figure);
/// The generation that every worker has reached.
[[nodiscard]] std::uint64_t oldest_generation(const SegmentView& view);

/// What all workers have counted at a rule's place, also what rules before it have.
[[nodiscard]] std::uint64_t hits(const SegmentView& view, dataplane::RuleId rule);

/// Sums over those workers whose figures belong to this incarnation of the slot; the others have
/// not met it yet and count as zero (counters.h).
[[nodiscard]] std::uint64_t total(const SegmentView& view, dataplane::TargetId target,
                                  dataplane::Counter dataplane::TargetCounters::*figure);
[[nodiscard]] std::uint64_t new_flows_udp(const SegmentView& view, dataplane::TargetId target);
[[nodiscard]] std::uint64_t active_flows_udp(const SegmentView& view, dataplane::TargetId target);

/// What went through a target with UDP, whatever the protocol of its group: what is counted apart
/// only where the group has both.
struct UdpTraffic {
  std::uint64_t packets_to_target = 0;
  std::uint64_t bytes_to_target = 0;
  std::uint64_t packets_to_client = 0;
  std::uint64_t bytes_to_client = 0;
};
[[nodiscard]] UdpTraffic udp_traffic(const SegmentView& view,
                                     const dataplane::TargetRecord& target);
[[nodiscard]] std::uint64_t total(const SegmentView& view, dataplane::ListenerId listener,
                                  std::uint16_t incarnation,
                                  dataplane::Counter dataplane::ListenerCounters::*figure);

[[nodiscard]] std::uint64_t total(const SegmentView& view, dataplane::TargetGroupId group,
                                  std::uint16_t incarnation,
                                  dataplane::Counter dataplane::TargetGroupCounters::*figure);
/// The greatest of those workers' figures, where each has seen the whole.
[[nodiscard]] std::uint64_t greatest(const SegmentView& view, dataplane::TargetGroupId group,
                                     std::uint16_t incarnation,
                                     dataplane::Counter dataplane::TargetGroupCounters::*figure);

/// The record of that target, if it is still there.
[[nodiscard]] std::optional<dataplane::TargetRecord> target(const SegmentView& view,
                                                            dataplane::TargetId id);

/// How much the figures can be trusted to be those of now.
struct Liveness {
  bool running = false;  // a daemon holds the segment and has not said that it stopped
  bool stale = true;     // not running, or no heartbeat for heartbeat_stale_milliseconds
  std::uint64_t silent_milliseconds = 0;  // since the last heartbeat
};
/// `held`: the daemon's lock on the segment is still there (it goes with the process).
[[nodiscard]] Liveness liveness(const SegmentView& view, bool held,
                                std::uint64_t now_unix_milliseconds);

}  // namespace report
