// Lane: one worker of the product (dataplane::Worker over its Core and flow tables) on a NIC that
// is memory, with a clock that stands still between slices.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/core.h"
#include "dataplane/publication.h"
#include "dataplane/worker.h"
#include "tools/bench/clock.h"
#include "tools/bench/memory.h"
#include "tools/bench/memory_io.h"

namespace tools::bench {

/// Every target's and listener's histograms: addresses for all that there can be, memory for those
/// that are touched, in small pages, as the shared memory's are.
class Histograms {
 public:
  Histograms();
  ~Histograms();
  Histograms(const Histograms&) = delete;
  Histograms& operator=(const Histograms&) = delete;

  /// For the targets and listeners of a snapshot.
  [[nodiscard]] dataplane::FlowMeasures measures(const dataplane::Snapshot& snapshot);
  [[nodiscard]] const dataplane::HistogramBlock& block() const { return *block_; }
  [[nodiscard]] const dataplane::HistogramMarks& marks() const { return *marks_; }

 private:
  dataplane::HistogramBlock* block_;
  std::unique_ptr<dataplane::HistogramMarks> marks_;
};

class Lane {
 public:
  /// `capacity`: the tables'; `frame_bytes`: of all frames. Throws std::bad_alloc.
  Lane(dataplane::WorkerId id, dataplane::FlowCapacity capacity, std::uint16_t frame_bytes,
       dataplane::Publication& publication, const Clock& clock);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Latency and the like are measured, as in the daemon, from the start on; or not.
  void measure(bool on) { core_.measures = on ? measures_ : dataplane::FlowMeasures(); }
  /// How many answers of targets to requests have been measured.
  [[nodiscard]] std::uint64_t answers() const;

  /// Takes all that waits in `io` through the worker, two bursts (one a port) a turn. Returns how
  /// many ticks that took; the lane's time goes on by as much.
  std::uint64_t run();

  /// Time passes, and nothing happens in it.
  void skip(std::chrono::nanoseconds time) { now_ += static_cast<double>(time.count()); }
  [[nodiscard]] dataplane::Instant now() const { return {static_cast<std::uint64_t>(now_)}; }

  /// Packets with a verdict since start.
  [[nodiscard]] std::uint64_t verdicts(dataplane::Verdict verdict) const {
    return block_->verdicts[static_cast<std::size_t>(verdict)].read();
  }
  /// Clients that the lane can remember.
  static constexpr std::size_t sticky_clients = std::size_t{1} << 20;
  /// Flows that the tables have been made for, and that are in them.
  [[nodiscard]] std::uint64_t capacity() const { return block_->totals.flow_capacity.read(); }
  [[nodiscard]] std::uint64_t flows_alive() const { return block_->totals.flows_alive.read(); }
  [[nodiscard]] std::uint64_t flows_expired() const { return block_->totals.flows_expired.read(); }
  /// received = Σ verdicts, sent = forwards + replies, flows alive = inserted − expired − removed =
  /// half the tables' entries; what does not hold, or "".
  [[nodiscard]] std::string broken_law() const;

  MemoryIo io;
  [[nodiscard]] dataplane::Core& core() { return core_; }
  [[nodiscard]] const dataplane::Core& core() const { return core_; }
  /// The memory of both tables, of which one is next to nothing.
  [[nodiscard]] const Memory& table() const { return table_; }

 private:
  const Clock& clock_;
  Memory table_;
  std::unique_ptr<dataplane::WorkerBlock> block_;
  Memory sticky_memory_;
  dataplane::StickyTable sticky_;
  std::unique_ptr<dataplane::Gate> gate_;
  Histograms histograms_;
  dataplane::FlowMeasures measures_;
  dataplane::Core core_;
  dataplane::Worker<MemoryIo> worker_;
  double now_ = 1e9;  // nanoseconds
};

/// Packets of one lane that have met each verdict since this was made.
class Tally {
 public:
  explicit Tally(const Lane& lane);
  [[nodiscard]] std::uint64_t count(dataplane::Verdict verdict) const;
  /// Forwarded in either direction.
  [[nodiscard]] std::uint64_t forwarded() const;
  /// Every verdict that occurred, and how often.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> all() const;
  /// "17 DropTableFull, 3 DropTtl", or "" if all were forwarded.
  [[nodiscard]] std::string others() const;

 private:
  const Lane& lane_;
  std::array<std::uint64_t, dataplane::verdict_count> before_{};
};

}  // namespace tools::bench
