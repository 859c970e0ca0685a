// Publication: how a Snapshot reaches the workers and when the one before may be freed.
//
// One writer (control), one pointer. Each worker enters once per step: it loads the pointer and
// reports the generation it will use from now on. A snapshot is freed when every worker has
// reported a newer one: the top of the poll loop is the quiescent state. Workers never wait;
// control never blocks.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "dataplane/packet/contract.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

class Publication {
 public:
  Publication(std::size_t workers, std::shared_ptr<const Snapshot> first) : workers_(workers) {
    CHECK(workers <= workers_max);
    publish(std::move(first));
  }

  // --- control ---

  void publish(std::shared_ptr<const Snapshot> snapshot) {
    CHECK(snapshot != nullptr);
    CHECK(alive_.empty() || snapshot->generation > alive_.back()->generation);
    // release: the worker that sees the pointer sees the snapshot's contents (acquire in enter).
    current_.store(snapshot.get(), std::memory_order_release);
    alive_.push_back(std::move(snapshot));
    reclaim();
  }
  [[nodiscard]] const std::shared_ptr<const Snapshot>& newest() const { return alive_.back(); }

  /// Frees what no worker can still see. Call from time to time; publish() does.
  void reclaim() {
    const Generation oldest = oldest_applied();
    while (alive_.size() > 1 && alive_.front()->generation < oldest) alive_.pop_front();
  }
  [[nodiscard]] std::size_t snapshots_alive() const { return alive_.size(); }

  /// The generation that every running worker has reached.
  [[nodiscard]] Generation oldest_applied() const {
    Generation oldest{left};
    for (std::size_t i = 0; i < workers_; ++i) {
      // acquire: what the worker read from older snapshots happened before we free them (enter).
      oldest = std::min(oldest, Generation{seen_[i].generation.load(std::memory_order_acquire)});
    }
    return oldest;
  }

  // --- worker ---

  /// The snapshot to use until the next enter(). What an earlier enter() gave may be gone after
  /// this.
  [[nodiscard]] const Snapshot& enter(WorkerId worker) {
    DCHECK(worker.number < workers_);
    const Snapshot* snapshot = current_.load(std::memory_order_acquire);
    std::atomic<std::uint64_t>& seen = seen_[worker.number].generation;
    DCHECK(seen.load(std::memory_order_relaxed) != left);
    if (seen.load(std::memory_order_relaxed) != snapshot->generation.number) {
      seen.store(snapshot->generation.number, std::memory_order_release);  // see oldest_applied
    }
    return *snapshot;
  }
  /// The worker has stopped and reads nothing any more. It may not enter again: until its report
  /// nobody would keep alive what it has just loaded.
  void leave(WorkerId worker) {
    seen_[worker.number].generation.store(left, std::memory_order_release);  // see oldest_applied
  }

 private:
  static constexpr std::uint64_t left = UINT64_MAX;
  struct alignas(64) Seen {
    std::atomic<std::uint64_t> generation{0};  // 0: has not entered yet, holds everything
  };
  std::size_t workers_;
  std::atomic<const Snapshot*> current_{nullptr};
  std::array<Seen, workers_max> seen_;
  std::deque<std::shared_ptr<const Snapshot>> alive_;  // oldest first
};

}  // namespace dataplane
