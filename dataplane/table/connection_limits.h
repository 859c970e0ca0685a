// ConnectionLimits: how many connections each limited target, and each limited target group, has
// now, over all workers: exactly, so that max_connections is never exceeded, not by one.
//
// One for the whole instance, and like the sticky table one that all workers write: for new flows
// and at the end of flows of limited targets only. A limited target's word is the truth of these:
//
//   word   workers that count here 32 | connections 32                  one cache line each
//
//   connections = Σ live flows of the workers that count here + places that are taken, but whose
//                 flow has not begun yet (a place handed to a waiter, see surge_queue.h)
//
// When a limit appears, each worker joins with the flows that it has, when it enters the generation
// that has the limit; until all have, nobody is given a place, since nobody knows how many are
// taken. When the limit goes, each leaves with the flows that it has then. So no flow has to
// remember whether it was counted, and nothing can leak (path/places).
//
// Order: sequentially consistent, since whoever gives a place back looks for waiters afterwards,
// and whoever begins to wait looks for a place afterwards: one of the two must see the other.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet/contract.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// What has a limit: a target or a target group.
struct LimitId {
  std::uint16_t slot = 0;
};
[[nodiscard]] constexpr LimitId limit_of(TargetId id) { return {id.slot}; }
[[nodiscard]] constexpr LimitId limit_of(TargetGroupId id) {
  return {static_cast<std::uint16_t>(targets_max + id.slot)};
}

class ConnectionLimits {
 public:
  explicit ConnectionLimits(std::size_t workers) : workers_(workers) {}
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;

  /// Takes a place below `limit`; false: all are taken, or not every worker counts here yet.
  [[nodiscard]] bool try_take(LimitId id, std::uint32_t limit) {
    std::atomic<std::uint64_t>& word = word_of(id);
    std::uint64_t seen = word.load(std::memory_order_seq_cst);
    while (seen >> count_bits == workers_ && connections_in(seen) < limit) {
      if (word.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst)) return true;
    }
    return false;
  }
  /// A connection that exists already is found: it has a place, whatever the limit.
  void take(LimitId id, std::uint32_t connections = 1) {
    word_of(id).fetch_add(connections, std::memory_order_seq_cst);
  }
  void give_back(LimitId id, std::uint32_t connections = 1) {
    [[maybe_unused]] const std::uint64_t before =
        word_of(id).fetch_sub(connections, std::memory_order_seq_cst);
    DCHECK(connections_in(before) >= connections);
  }

  /// A worker begins to count here, with so many connections that it has.
  void join(LimitId id, std::uint32_t connections) {
    word_of(id).fetch_add(one_worker + connections, std::memory_order_seq_cst);
  }
  void leave(LimitId id, std::uint32_t connections) {
    [[maybe_unused]] const std::uint64_t before =
        word_of(id).fetch_sub(one_worker + connections, std::memory_order_seq_cst);
    DCHECK(before >> count_bits != 0);
    DCHECK(connections_in(before) >= connections);
  }

  [[nodiscard]] std::uint32_t connections(LimitId id) const {
    return connections_in(words_[id.slot].word.load(std::memory_order_seq_cst));
  }
  /// All workers count here.
  [[nodiscard]] bool complete(LimitId id) const {
    return words_[id.slot].word.load(std::memory_order_seq_cst) >> count_bits == workers_;
  }

 private:
  static constexpr unsigned count_bits = 32;
  static constexpr std::uint64_t one_worker = std::uint64_t{1} << count_bits;

  [[nodiscard]] static constexpr std::uint32_t connections_in(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
  }
  [[nodiscard]] std::atomic<std::uint64_t>& word_of(LimitId id) { return words_[id.slot].word; }

  struct alignas(64) Word {
    std::atomic<std::uint64_t> word{0};
  };
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

  std::uint64_t workers_;
  std::array<Word, targets_max + target_groups_max> words_{};
};

}  // namespace dataplane
