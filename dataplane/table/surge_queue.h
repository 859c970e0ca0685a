// SurgeQueue: the line of clients that wait for a place at a target group, in the order in which
// their SYNs came, over all workers. Of each waiter it has a ticket, no more: its packet stays with
// the worker that received it (path/waiting_room).
//
//   cells      … | done | granted | done |  waits | waits | waits | (being written) |   …
//                  ▲                        ▲                                         ▲
//                  collected: the oldest    oldest that may wait: gets the next       next ticket
//                  whose worker has not     place                                     to be drawn
//                  seen what became of it
//
//   word       ticket 26 | state 3 | which places 3 | target's slot 16, incarnation 16
//
// A ticket's word decides, by one compare-and-swap, between the one who grants (any worker that has
// a free place in hand) and the waiter's own worker, which cancels when its time is over: exactly
// one of the two happens. So `oldest` only grows and places are granted strictly in order. A cell
// is used again only when its worker has collected what became of the ticket, so a grant cannot be
// overwritten.
//
// A place may be worth nothing by the time its waiter's worker sees it: its target has just been
// deregistered. Then the ticket is put back and waits again, before `oldest`. Those few are
// counted, and looked for between `collected` and `oldest` while there are any; so they keep their
// turn, and `oldest` still only grows.
//
// No place may stay free while somebody waits. Whoever gives one back looks for the oldest waiter
// afterwards; whoever has drawn a ticket and is the oldest looks for a place afterwards; both are
// sequentially consistent, so one sees the other. A ticket that is drawn but not written yet hides
// those behind it for a moment: its worker is going to look, and then is the oldest.
//
// Bounds: `cells` in memory, of which at most `length` wait; every loop makes progress with
// another's.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/packet/contract.h"
#include "dataplane/table/connection_limits.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// In which counts of ConnectionLimits a place is taken.
struct Reservation {
  bool target = false;
  bool group = false;
  [[nodiscard]] bool any() const { return target || group; }
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

/// A place that is handed to a waiter.
struct Grant {
  TargetId target;
  Reservation places;
};

class SurgeQueue {
 public:
  static constexpr std::size_t length_max = 16'384;

  SurgeQueue() = default;
  SurgeQueue(const SurgeQueue&) = delete;
  SurgeQueue& operator=(const SurgeQueue&) = delete;

  using Ticket = std::uint64_t;

  /// How many wait; those that have given up while others before them wait are among them.
  [[nodiscard]] std::size_t waiting() const {
    const Ticket oldest = oldest_.load(std::memory_order_seq_cst);
    const Ticket next = next_.load(std::memory_order_seq_cst);
    return (next > oldest ? static_cast<std::size_t>(next - oldest) : 0) +
           again_.load(std::memory_order_seq_cst);
  }

  /// Goes to the end of the line; nullopt: `length` wait already. Afterwards is_oldest() has to be
  /// asked, and if it is, a place looked for.
  [[nodiscard]] std::optional<Ticket> enter(std::size_t length) {
    Ticket ticket = next_.load(std::memory_order_seq_cst);
    do {
      const Ticket oldest = oldest_.load(std::memory_order_seq_cst);
      const Ticket collected = collected_.load(std::memory_order_acquire);  // pairs with trim()
      // One that is behind the others' knowledge is drawn again by the exchange.
      const Ticket before = again_.load(std::memory_order_seq_cst);
      if ((ticket > oldest ? ticket - oldest : 0) + before >= length) return std::nullopt;
      if (ticket > collected && ticket - collected >= cells) return std::nullopt;
    } while (!next_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_seq_cst));
    cell(ticket).store(word(ticket, State::Waits), std::memory_order_seq_cst);
    return ticket;
  }

  /// The ticket that is to get the next place; nullopt: nobody waits, or somebody is about to enter
  /// and will look for a place then.
  [[nodiscard]] std::optional<Ticket> oldest() {
    if (again_.load(std::memory_order_seq_cst) != 0) [[unlikely]] {
      if (const std::optional<Ticket> ticket = oldest_again()) return ticket;
    }
    return advance();
  }
  [[nodiscard]] bool is_oldest(Ticket ticket) { return oldest() == ticket; }

  /// Hands a place to a waiter; false: it waits no more, or somebody else was quicker.
  [[nodiscard]] bool grant(Ticket ticket, const Grant& place) {
    return end_waiting(ticket, word(ticket, State::Granted, place));
  }

  // --- the waiter's own worker ---

  /// What was handed to a ticket; nullopt: nothing yet.
  [[nodiscard]] std::optional<Grant> granted(Ticket ticket) const {
    // acquire: pairs with grant()
    const std::uint64_t seen = cells_[ticket % cells].load(std::memory_order_acquire);
    DCHECK(is_of(seen, ticket));
    if (state_in(seen) != State::Granted) return std::nullopt;
    return grant_in(seen);
  }
  /// It waits no more; false: it has just been granted a place.
  [[nodiscard]] bool cancel(Ticket ticket) {
    if (!end_waiting(ticket, word(ticket, State::Done))) return false;
    static_cast<void>(advance());  // so that waiting() does not count it for longer than it has to
    trim();
    return true;
  }
  /// What was granted has been seen: the cell may be used again.
  void collect(Ticket ticket) {
    cell(ticket).store(word(ticket, State::Done), std::memory_order_seq_cst);
    static_cast<void>(advance());
    trim();
  }
  /// What was granted has been seen and is of no use: the ticket waits on, in its turn. The place
  /// is the caller's again; afterwards it has to look for another one.
  void put_back(Ticket ticket) {
    DCHECK(granted(ticket).has_value());
    // Places are granted in order, so nobody up to here waits but others that were put back.
    static_cast<void>(advance());
    DCHECK(oldest_.load(std::memory_order_seq_cst) > ticket);
    // Who gives a place back and does not find the word has done so before the caller looks for
    // one.
    again_.fetch_add(1, std::memory_order_seq_cst);
    cell(ticket).store(word(ticket, State::WaitsAgain), std::memory_order_seq_cst);
  }

 private:
  static constexpr std::size_t cells = 2 * length_max;
  enum class State : std::uint8_t { Unwritten, Waits, Granted, Done, WaitsAgain };
  static constexpr unsigned target_bits = 32, places_bits = 3, state_bits = 3;
  static constexpr unsigned state_shift = target_bits + places_bits;
  static constexpr unsigned ticket_shift = state_shift + state_bits;
  static constexpr std::uint64_t ticket_mask = (std::uint64_t{1} << (64 - ticket_shift)) - 1;

  [[nodiscard]] static std::uint64_t word(Ticket ticket, State state, const Grant& place = {}) {
    const std::uint64_t places = (place.places.target ? 1u : 0u) | (place.places.group ? 2u : 0u);
    return (ticket & ticket_mask) << ticket_shift |
           static_cast<std::uint64_t>(state) << state_shift | places << target_bits |
           std::uint64_t{place.target.slot} << 16 | place.target.incarnation;
  }
  [[nodiscard]] static State state_in(std::uint64_t word) {
    return static_cast<State>(word >> state_shift & 7);
  }
  [[nodiscard]] static Grant grant_in(std::uint64_t word) {
    return {{static_cast<std::uint16_t>(word >> 16), static_cast<std::uint16_t>(word)},
            {(word >> target_bits & 1) != 0, (word >> target_bits & 2) != 0}};
  }
  /// Written for that ticket, and not for the one that had the cell before.
  [[nodiscard]] static bool is_of(std::uint64_t word, Ticket ticket) {
    return word >> ticket_shift == (ticket & ticket_mask) && state_in(word) != State::Unwritten;
  }
  [[nodiscard]] std::atomic<std::uint64_t>& cell(Ticket ticket) { return cells_[ticket % cells]; }

  /// Passes over those that wait no more, to the first that does and never did anything else.
  [[nodiscard]] std::optional<Ticket> advance() {
    Ticket ticket = oldest_.load(std::memory_order_seq_cst);
    while (ticket < next_.load(std::memory_order_seq_cst)) {
      const std::uint64_t seen = cell(ticket).load(std::memory_order_seq_cst);
      if (!is_of(seen, ticket)) {
        const Ticket now = oldest_.load(std::memory_order_seq_cst);
        if (now == ticket) return std::nullopt;  // drawn, not written
        ticket = now;
        continue;
      }
      if (state_in(seen) == State::Waits) return ticket;
      if (oldest_.compare_exchange_strong(ticket, ticket + 1, std::memory_order_seq_cst)) ++ticket;
    }
    return std::nullopt;
  }
  /// The oldest of those that were put back; nullopt: one is about to be, or has just got a place.
  [[nodiscard]] std::optional<Ticket> oldest_again() {
    const Ticket end = oldest_.load(std::memory_order_seq_cst);
    for (Ticket ticket = collected_.load(std::memory_order_acquire); ticket < end; ++ticket) {
      const std::uint64_t seen = cell(ticket).load(std::memory_order_seq_cst);
      if (is_of(seen, ticket) && state_in(seen) == State::WaitsAgain) return ticket;
    }
    return std::nullopt;
  }
  /// From either way of waiting to `then`; false: it waits no more, or somebody else was quicker.
  [[nodiscard]] bool end_waiting(Ticket ticket, std::uint64_t then) {
    for (const State state : {State::Waits, State::WaitsAgain}) {
      std::uint64_t waits = word(ticket, state);
      if (!cell(ticket).compare_exchange_strong(waits, then, std::memory_order_seq_cst)) continue;
      if (state == State::WaitsAgain) again_.fetch_sub(1, std::memory_order_seq_cst);
      return true;
    }
    return false;
  }

  /// Lets go of the cells at the beginning that nobody needs any more.
  void trim() {
    Ticket ticket = collected_.load(std::memory_order_acquire);
    while (ticket < oldest_.load(std::memory_order_seq_cst)) {
      const std::uint64_t seen = cell(ticket).load(std::memory_order_seq_cst);
      if (!is_of(seen, ticket) || state_in(seen) != State::Done) {
        const Ticket now = collected_.load(std::memory_order_acquire);
        if (now == ticket) return;
        ticket = now;
        continue;
      }
      // release: pairs with enter(), which writes the cell anew.
      if (collected_.compare_exchange_strong(ticket, ticket + 1, std::memory_order_acq_rel)) {
        ++ticket;
      }
    }
  }

  alignas(64) std::atomic<Ticket> next_{0};
  alignas(64) std::atomic<Ticket> oldest_{0};
  alignas(64) std::atomic<Ticket> collected_{0};
  std::atomic<Ticket> again_{0};  // how many were put back and wait
  alignas(64) std::array<std::atomic<std::uint64_t>, cells> cells_{};
};

/// All groups' queues, and how many SYNs they may hold together: each is a packet buffer.
class SurgeQueues {
 public:
  explicit SurgeQueues(std::size_t capacity) : capacity_(capacity) {}
  SurgeQueues(const SurgeQueues&) = delete;
  SurgeQueues& operator=(const SurgeQueues&) = delete;

  /// Makes a group's queue if there is none yet. Control's, before it publishes a snapshot in which
  /// the group has one; it stays until the end.
  void prepare(TargetGroupId group) {
    if (queues_[group.slot].load(std::memory_order_relaxed) != nullptr) return;
    made_[group.slot] = std::make_unique<SurgeQueue>();
    // release: pairs with of()
    queues_[group.slot].store(made_[group.slot].get(), std::memory_order_release);
  }
  /// Null: none was prepared.
  [[nodiscard]] SurgeQueue* of(TargetGroupId group) const {
    return queues_[group.slot].load(std::memory_order_acquire);
  }

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t held() const { return held_.load(std::memory_order_seq_cst); }
  [[nodiscard]] bool anybody_waits() const { return held() != 0; }
  /// Room for one more; false: all of it is used.
  [[nodiscard]] bool try_hold() {
    std::size_t held = held_.load(std::memory_order_seq_cst);
    while (held < capacity_) {
      if (held_.compare_exchange_weak(held, held + 1, std::memory_order_seq_cst)) return true;
    }
    return false;
  }
  void let_go() { held_.fetch_sub(1, std::memory_order_seq_cst); }

 private:
  std::size_t capacity_;
  alignas(64) std::atomic<std::size_t> held_{0};
  alignas(64) std::array<std::atomic<SurgeQueue*>, target_groups_max> queues_{};
  std::array<std::unique_ptr<SurgeQueue>, target_groups_max> made_;  // control's
};

/// What all workers share to keep limits: nic/ or a test makes one and hands it to every Core.
struct Gate {
  Gate(std::size_t workers, std::size_t capacity) : limits(workers), queues(capacity) {}

  ConnectionLimits limits;
  SurgeQueues queues;
};

}  // namespace dataplane
