// WaitingRoom: the SYNs that one worker holds for its part of the surge queues. Part of a Core.
//
// A packet with the verdict Wait stays where it is, in its Io's buffer; here is the view of it, its
// ticket in its group's queue (table/surge_queue) and since when it waits. It leaves in a burst of
// its own (path/surge) and takes the ordinary path once more, with a place or with its refusal.
//
// Fixed memory: as many as all queues of the instance may hold. In each group's line the waiters
// are in the order of their tickets, so who is granted a place, and whose time is over, is at its
// beginning. Found by key, for the SYN that comes again.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/packet/contract.h"
#include "dataplane/table/surge_queue.h"

namespace dataplane {

struct Waiter {
  static constexpr std::uint32_t nobody = 0xffff'ffff;

  Packet packet;
  FlowKey4 key4;
  FlowKey6 key6;
  FlowToken token;
  SurgeQueue::Ticket ticket = 0;
  Instant since;
  TargetGroupId group;
  bool v6 = false;
  std::uint32_t next = nobody;  // in the group's line
  std::uint32_t same_hash = nobody;

  template <class Address>
  [[nodiscard]] FlowKey<Address>& key() {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return key4;
    } else {
      return key6;
    }
  }
};

class WaitingRoom {
 public:
  explicit WaitingRoom(std::size_t capacity)
      : waiters_(capacity), heads_(std::bit_ceil(capacity + 1), Waiter::nobody) {
    for (std::size_t i = capacity; i-- != 0;) {
      waiters_[i].next = free_;
      free_ = static_cast<std::uint32_t>(i);
    }
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// The waiter with that key, or nullptr.
  template <class Address>
  [[nodiscard]] Waiter* find(FlowToken token, const FlowKey<Address>& key) {
    constexpr bool v6 = std::is_same_v<Address, Ipv6Address>;
    for (std::uint32_t i = heads_[head_of(token)]; i != Waiter::nobody; i = waiters_[i].same_hash) {
      Waiter& waiter = waiters_[i];
      if (waiter.v6 == v6 && waiter.key<Address>() == key) return &waiter;
    }
    return nullptr;
  }

  /// At the end of its group's line; the caller fills in the rest. There must be room: whoever
  /// holds a packet has asked SurgeQueues::try_hold().
  [[nodiscard]] Waiter& add(TargetGroupId group, FlowToken token);

  /// The groups that somebody waits for here, in no order.
  [[nodiscard]] std::span<const TargetGroupId> groups() const {
    return {active_.data(), active_size_};
  }
  /// Who has waited longest for a group of groups().
  [[nodiscard]] Waiter& first(TargetGroupId group) {
    DCHECK(lines_[group.slot].first != Waiter::nobody);
    return waiters_[lines_[group.slot].first];
  }
  /// Who comes after a waiter in its group's line, or nullptr.
  [[nodiscard]] const Waiter* next(const Waiter& waiter) const {
    return waiter.next == Waiter::nobody ? nullptr : &waiters_[waiter.next];
  }
  /// How many wait for a group here.
  [[nodiscard]] std::size_t waiting_for(TargetGroupId group) const {
    return lines_[group.slot].count;
  }
  /// Forgets it. The group may not be one of groups() any more.
  void remove_first(TargetGroupId group);

  /// What the packets of the burst in hand, those in Burst::released, come out of the queue with.
  struct Released {
    /// Pending: to go on; else what it is to be refused with.
    std::array<Verdict, Burst::capacity> fates;
    std::array<Grant, Burst::capacity> grants;  // Reservation used up: {}
    std::array<TargetGroupId, Burst::capacity> groups;
    std::array<Instant, Burst::capacity> since;
  };
  [[nodiscard]] Released& released() { return released_; }

 private:
  struct Line {
    std::uint32_t first = Waiter::nobody;
    std::uint32_t last = Waiter::nobody;
    std::uint32_t count = 0;
    std::uint32_t place = 0;  // in active_
  };

  // Other bits than those that the flow table goes by do not matter: it is another table.
  [[nodiscard]] std::size_t head_of(FlowToken token) const {
    return static_cast<std::size_t>(token.hash) & (heads_.size() - 1);
  }

  std::vector<Waiter> waiters_;
  std::vector<std::uint32_t> heads_;  // by hash
  std::uint32_t free_ = Waiter::nobody;
  std::size_t size_ = 0;
  std::array<Line, target_groups_max> lines_{};
  std::array<TargetGroupId, target_groups_max> active_;
  std::size_t active_size_ = 0;
  Released released_;
};

}  // namespace dataplane
