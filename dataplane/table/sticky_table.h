// StickyTable: which target each known client was sent to, for target groups with stickiness.
//
// One for the whole instance, and the one table that all workers write: a client's flows arrive at
// whichever worker RSS or hashing gives them, and must meet the same answer there. Read and written
// for new flows only. Fixed memory, given at start; it outlives every snapshot, so that a reload
// forgets nobody. No locks: an entry is one word, so it is read whole or not at all.
//
//   set    [newest][older × 7]                                8 words, one cache line
//   word   tag 20 | target's slot 13 | incarnation 10 | end 21      end: in seconds, modulo 2^21
//
// The hash (keyed: an outsider cannot aim at a set) covers the target group and what of the packet
// the group sticks by. Its tag can mislead: of a million unknown clients some eight look like
// another one of their set, and share that one's target. The incarnation's low bits tell a reused
// slot from what was there before; that the target is one of the group's is the reader's to check.
//
// Two workers that meet a new client in the same instant end with one target: a client enters a set
// only at the place `newest`, by one compare-and-swap, after the one that was there has been copied
// among the older ones; whoever loses looks again and adopts. Full sets forget whoever's time would
// end first. What a worker does here is bounded: attempts_max, each of one set.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// What a client is looked up by: the hash of all that its flows are stuck by.
struct StickyToken {
  std::uint64_t hash = 0;
};

/// How long a client is remembered, and from when.
struct StickyTerm {
  Instant now;
  std::uint32_t seconds = 0;  // after its last new flow; up to 604,800
};

/// One remembered client. word == 0: none.
struct StickyEntry {
  std::uint64_t word = 0;

  static constexpr unsigned end_bits = 21, incarnation_bits = 10, slot_bits = 13, tag_bits = 20;
  static_assert(end_bits + incarnation_bits + slot_bits + tag_bits == 64);
  static_assert(targets_max <= 1u << slot_bits);

  [[nodiscard]] bool known() const { return word != 0; }
  [[nodiscard]] std::uint64_t tag() const { return word >> (64 - tag_bits); }
  [[nodiscard]] std::uint16_t slot() const {
    return static_cast<std::uint16_t>(part(end_bits + incarnation_bits, slot_bits));
  }
  /// As far as it is remembered.
  [[nodiscard]] bool names(TargetId target) const {
    return known() && slot() == target.slot &&
           part(end_bits, incarnation_bits) == (target.incarnation & mask(incarnation_bits));
  }
  [[nodiscard]] bool same_target(StickyEntry other) const {
    return known() && other.known() &&
           part(end_bits, incarnation_bits + slot_bits) ==
               other.part(end_bits, incarnation_bits + slot_bits);
  }
  /// Seconds until its end; 0: it is over. An end is never further than half of what it counts to,
  /// and the sweep clears what is over long before the other half is.
  [[nodiscard]] std::uint64_t left(std::uint64_t now_seconds) const {
    if (!known()) return 0;
    const std::uint64_t left = (part(0, end_bits) - now_seconds) & mask(end_bits);
    return left > mask(end_bits) / 2 ? 0 : left;
  }

  [[nodiscard]] static constexpr std::uint64_t mask(unsigned bits) {
    return (std::uint64_t{1} << bits) - 1;
  }

 private:
  [[nodiscard]] std::uint64_t part(unsigned first, unsigned bits) const {
    return word >> first & mask(bits);
  }
};

class StickyTable {
 public:
  static constexpr std::size_t ways = 8;
  /// Each lost attempt is another worker's success in the same set.
  static constexpr int attempts_max = static_cast<int>(workers_max);

  [[nodiscard]] static constexpr std::size_t sets_for(std::size_t clients) {
    return (clients + ways - 1) / ways;
  }
  [[nodiscard]] static constexpr std::size_t bytes_needed(std::size_t clients) {
    return sets_for(clients) * sizeof(Set);
  }

  /// `memory`: bytes_needed(clients) bytes, aligned to 64, which must outlive the table; cleared
  /// here. With room for 0 clients it remembers nobody.
  StickyTable(std::span<std::byte> memory, std::size_t clients, Seed seed);
  StickyTable(const StickyTable&) = delete;
  StickyTable& operator=(const StickyTable&) = delete;

  [[nodiscard]] std::size_t sets() const { return sets_count_; }
  [[nodiscard]] std::size_t capacity() const { return sets_count_ * ways; }

  /// `key`: what flows are stuck by, and nothing else that differs between them.
  template <class Address>
  [[nodiscard]] StickyToken prehash(const FlowKey<Address>& key) const {
    return {hash(key, seed_)};
  }
  void prefetch(StickyToken token) const {
    if (sets_count_ != 0) __builtin_prefetch(&sets_[set_of(token)]);
  }

  /// The client's entry if it is known and its time is not over.
  [[nodiscard]] StickyEntry find(StickyToken token, Instant now) const;

  /// The client's time begins anew, if more than a sixteenth of it has passed: a known client is
  /// written at most sixteen times a timeout.
  void keep(StickyToken token, StickyEntry entry, StickyTerm term);

  struct Settled {
    StickyEntry entry;     // the client's now
    bool evicted = false;  // another client was forgotten before its time
  };
  /// Sends the client to `wanted` from now on, unless another worker has sent it elsewhere
  /// meanwhile, which then holds: anywhere but where `seen` (the entry that find() gave) says.
  [[nodiscard]] Settled settle(StickyToken token, StickyEntry seen, TargetId wanted,
                               StickyTerm term);

  /// Clears what is over in sets `first` to `last`, and returns how many clients are left there.
  /// Every set must be visited once in twelve days: then an end tells past from future.
  std::size_t sweep(std::size_t first, std::size_t last, Instant now);

 private:
  struct alignas(64) Set {
    std::array<std::atomic<std::uint64_t>, ways> words;
  };
  static_assert(sizeof(Set) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

  /// Where in a set a tag is, and what is there; ways: nowhere.
  struct Found {
    std::size_t way = ways;
    StickyEntry entry;
  };

  [[nodiscard]] std::size_t set_of(StickyToken token) const {
    return static_cast<std::size_t>((token.hash & UINT32_MAX) * sets_count_ >> 32);
  }
  [[nodiscard]] static std::uint64_t tag_of(StickyToken token);
  [[nodiscard]] static StickyEntry entry_of(std::uint64_t tag, TargetId target, StickyTerm term);
  [[nodiscard]] static Found look(const Set& set, StickyEntry newest, std::uint64_t tag);
  [[nodiscard]] static bool replace(std::atomic<std::uint64_t>& word, StickyEntry from,
                                    StickyEntry to);
  [[nodiscard]] static bool push_down(Set& set, StickyEntry newest, std::uint64_t now,
                                      bool& evicted);

  Set* sets_ = nullptr;
  std::size_t sets_count_ = 0;
  Seed seed_;
};

}  // namespace dataplane
