// Burst: up to 64 packets on their way through the path, as a structure of arrays.
//
// Each verb touches only its columns. `pending` has bit i set while packet i is undecided; decide()
// clears it. Burst belongs to one worker and is used again for every poll.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/contract.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/packet.h"
#include "dataplane/packet/verdict.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/ids.h"

namespace dataplane {

using Mask = std::uint64_t;

/// What parse found in a frame.
enum class Kind : std::uint8_t {
  Tcp,  // has a key
  Udp,  // has a key
  Arp,
  Neighbour,   // IPv6's ARP: any message of neighbour discovery
  Echo,        // ICMP echo request
  IcmpError,   // has the key of the flow it is about, as that flow's sender sees it
  Fragment,    // piece of an IP packet: has no ports
  OtherIp,     // any other IP packet
  OtherFrame,  // not IP, not ARP
};

struct Burst {
  static constexpr std::size_t capacity = 64;  // one bit each in Mask

  Instant now;  // time is an argument, never a call
  std::size_t size = 0;
  Mask pending = 0;     // bit i: packet i is undecided
  Mask v6 = 0;          // bit i: packet i is IPv6
  Mask keyed = 0;       // bit i: packet i has a flow key
  Mask known = 0;       // bit i: packet i has a flow, flows[i]
  Mask elsewhere = 0;   // bit i: packet i's flow may be in its secondary bucket
  Mask for_kernel = 0;  // bit i: match found it to be the kernel's; admit meters it
  Mask follows = 0;     // bit i: packet i belongs to a flow that an earlier packet is to start
  Mask started = 0;     // bit i: packet i started its flow
  Mask counted = 0;     // bit i: packet i is counted already, by the fast path
  Mask replies = 0;     // bit i: packet i is to be answered; translate writes the answer
  Mask stateless = 0;   // bit i: packet i goes on without a flow: path/stateless
  Mask released = 0;    // bit i: packet i has waited in a surge queue: path/waiting_room
  std::array<Packet, capacity> packets;
  std::array<Kind, capacity> kinds;
  std::array<FlowKey4, capacity> keys4;  // of those that are not in v6
  std::array<FlowKey6, capacity> keys6;  // of those that are
  std::array<FlowToken, capacity> tokens;
  std::array<FlowIndex, capacity> flows;       // no_flow: none known; set_flow() writes it
  std::array<ListenerId, capacity> listeners;  // no_listener: not known
  std::array<TargetGroupId, capacity> groups;  // of what match has found a listener for
  std::array<TargetId, capacity> targets;      // no_target: not known
  std::array<std::uint8_t, capacity> tcp_flags;
  std::array<Verdict, capacity> verdicts;

  [[nodiscard]] Mask all() const { return size == capacity ? ~Mask{0} : (Mask{1} << size) - 1; }
  /// Makes room for `count` packets that the caller fills in, all undecided.
  void reset(Instant at, std::size_t count) {
    CHECK(count <= capacity);
    now = at;
    size = count;
    pending = all();
    v6 = 0;
    keyed = 0;
    known = 0;
    elsewhere = 0;
    for_kernel = 0;
    follows = 0;
    started = 0;
    counted = 0;
    replies = 0;
    stateless = 0;
    released = 0;
    // Whole arrays of a known size: a dozen stores for all packets.
    flows.fill(no_flow);
    listeners.fill(no_listener);
    targets.fill(no_target);
  }

  /// The packets of `mask` that are of one family.
  template <class Address>
  [[nodiscard]] Mask of(Mask mask) const {
    return std::is_same_v<Address, Ipv4Address> ? mask & ~v6 : mask & v6;
  }
  template <class Address>
  [[nodiscard]] const FlowKey<Address>& key(std::size_t i) const {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return keys4[i];
    } else {
      return keys6[i];
    }
  }
  /// Where the key of a packet that is to have one is written.
  template <class Address>
  [[nodiscard]] FlowKey<Address>& new_key(std::size_t i) {
    keyed |= Mask{1} << i;
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return keys4[i];
    } else {
      return keys6[i];
    }
  }

  /// What find, track and choose know of packet i's flow.
  void set_flow(std::size_t i, FlowIndex flow) {
    flows[i] = flow;
    const Mask bit = Mask{1} << i;
    known = flow == no_flow ? known & ~bit : known | bit;
  }

  void decide(std::size_t i, Verdict verdict) {
    DCHECK(verdict != Verdict::Pending);
    DCHECK((pending >> i & 1) != 0);
    verdicts[i] = verdict;
    pending &= ~(Mask{1} << i);
    replies |= Mask{is_reply(verdict)} << i;
  }
};

/// Iterates over the set bits of a mask, lowest first: `for (std::size_t i : bits(mask))`.
class bits {
 public:
  explicit constexpr bits(Mask mask) : mask_(mask) {}
  class iterator {
   public:
    explicit constexpr iterator(Mask mask) : mask_(mask) {}
    constexpr std::size_t operator*() const {
      return static_cast<std::size_t>(std::countr_zero(mask_));
    }
    constexpr iterator& operator++() {
      mask_ &= mask_ - 1;
      return *this;
    }
    constexpr bool operator!=(iterator other) const { return mask_ != other.mask_; }

   private:
    Mask mask_;
  };
  [[nodiscard]] constexpr iterator begin() const { return iterator(mask_); }
  [[nodiscard]] constexpr iterator end() const { return iterator(0); }

 private:
  Mask mask_;
};

}  // namespace dataplane
