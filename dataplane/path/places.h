// Places: one worker's side of connection limits: which targets it counts connections of, and what
// it does there when flows begin and end. Part of a Core; written by its worker alone.
//
// An invariant that every change of it keeps: for each target that is counted here, this worker's
// share of the common count is the number of its live flows there. Live: in the flow table, and not
// over (both ends said FIN, or the target said RST), for what is over takes no place at the target,
// though late packets are still to find it.
//
// A place that is given back while somebody waits is noted: path/surge hands it on in the same
// step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/counters.h"
#include "dataplane/table/connection_limits.h"
#include "dataplane/table/snapshot.h"
#include "dataplane/table/surge_queue.h"

namespace dataplane {

/// Who has become free; or, if there were too many to be noted, whoever may have.
struct Freed {
  static constexpr std::size_t noted_max = 64;
  std::array<TargetId, noted_max> targets;
  std::size_t count = 0;
  bool more = false;

  [[nodiscard]] bool any() const { return count != 0; }
  void note(TargetId target) {
    if (count != 0 && targets[count - 1] == target) return;
    if (count == noted_max) {
      more = true;
      return;
    }
    targets[count++] = target;
  }
  void clear() {
    count = 0;
    more = false;
  }
};

class Places {
 public:
  explicit Places(Gate& gate) : gate_(gate) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  /// Counts as this generation wants it, from now on. To be called before a generation is used.
  /// True: what it said about limits or targets may be other than before.
  bool enter(const Snapshot& snapshot, const WorkerBlock& block) {
    if (generation_ == snapshot.generation) [[likely]]
      return false;
    generation_ = snapshot.generation;
    if (snapshot.limited.empty() && counted_size_ == 0) return true;
    settle(snapshot, block);
    return true;
  }

  // --- new flows ---

  /// A place at a target, and in its group; nullopt: there is none. Of what has no limit nothing is
  /// taken.
  [[nodiscard]] std::optional<Reservation> reserve(const Target& target, const TargetGroup& group,
                                                   const Snapshot& snapshot);
  /// A place at another target of the group instead of the one that is held; nullopt: there is
  /// none, and it is held as before.
  [[nodiscard]] std::optional<Reservation> move(TargetId from, Reservation held, const Target& to,
                                                const Snapshot& snapshot);
  /// A burst's packets came before any of them is looked at: while that goes on, who was found full
  /// counts as full, unless this worker itself gives a place back. What other workers give back
  /// meanwhile, the next burst finds.
  void begin_burst() { ++search_; }
  /// No target of the group has a place.
  void note_full(TargetGroupId group) { full_in_[group.slot] = search_; }
  [[nodiscard]] bool found_full(TargetGroupId group) const {
    return full_in_[group.slot] == search_;
  }
  /// The group has as many connections as it may have in all.
  [[nodiscard]] bool at_limit(const TargetGroup& group) const {
    return group.max_connections != 0 &&
           gate_.limits.connections(limit_of(group.id)) >= group.max_connections;
  }

  /// For what was not used after all.
  void give_back(TargetId target, TargetGroupId group, Reservation places);

  // --- the ledger's: only while any() or with a reservation ---

  [[nodiscard]] bool any() const { return counted_size_ != 0; }
  /// A flow has begun (or goes on, after it seemed to be over), with what was reserved for it.
  void begin(TargetId target, TargetGroupId group, Reservation places);
  /// A live flow has ended, or is over.
  void end(TargetId target);

  [[nodiscard]] Freed& freed() { return freed_; }
  [[nodiscard]] Gate& gate() { return gate_; }

 private:
  /// How the connections of a target are counted.
  struct Counted {
    TargetGroupId group;
    bool target = false;    // against its own limit
    bool in_group = false;  // against its group's
    [[nodiscard]] bool any() const { return target || in_group; }
    friend bool operator==(const Counted&, const Counted&) = default;
  };

  void settle(const Snapshot& snapshot, const WorkerBlock& block);
  void recount(std::uint16_t slot, const Counted& now, std::uint32_t live);
  void note_free(TargetId target);

  Gate& gate_;
  Generation generation_;
  std::array<Counted, targets_max> counted_{};            // by target slot
  std::array<std::uint16_t, targets_max> counted_slots_;  // those that are
  std::size_t counted_size_ = 0;
  std::array<bool, target_groups_max> joined_{};  // groups whose limit this worker counts for
  std::array<std::uint16_t, target_groups_max> joined_slots_;
  std::size_t joined_size_ = 0;
  std::uint64_t search_ = 1;  // counts bursts, and places that were given back
  std::array<std::uint64_t, target_groups_max> full_in_{};  // search_ then, by target group slot
  Freed freed_;
};

/// Flows of a target's slot that take a place there.
[[nodiscard]] inline std::uint32_t live_flows(const TargetCounters& slot) {
  return static_cast<std::uint32_t>(slot.active_flows.read() - slot.over_flows.read());
}

}  // namespace dataplane
