// Flow: one direction of one connection. For IPv4, in one cache line:
//
//   0        4        8        12       16       20       24       28       32
//   ├─ key: source, destination, ports, protocol ─┤├─ new addresses ─┤├ports┤├deltas┤
//   32                38 39 40       44       48  50             56       60       64
//   ├─ client's MAC ──┤port│state│ target │  twin │lst│─── bytes ──┤ packets│last seen│
//
// For IPv6 the same fields take two lines: the key, then what the packet becomes.
//
// A connection has two: `ToTarget`, found by what the client sends, and `ToClient`, found by what
// the target sends; each holds the other's index. A packet of an established flow touches one of
// them only. Written and read by the worker that owns the flow, nobody else.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/packet/clock.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/table/ids.h"

namespace dataplane {

/// Where a flow is in the flow table. Changes when an insert moves entries: see FlowTable::moves().
struct FlowIndex {
  std::uint32_t slot = 0xffff'ffff;
  friend constexpr bool operator==(FlowIndex, FlowIndex) = default;
};
inline constexpr FlowIndex no_flow{};

enum class Direction : std::uint8_t { ToTarget, ToClient };

/// How far a connection is. UDP flows are Established from their first packet.
enum class Phase : std::uint8_t {
  SynSent,      // client's SYN went to the target
  SynReceived,  // target's SYN-ACK went to the client
  Established,
  ClientFin,    // the client has closed its side
  TargetFin,    // the target has
  Closing,      // both have
  ClientReset,  // RST seen that came as the client's
  TargetReset,  // … as the target's; or from us, to the end that sends what this entry is found by
  Terminated,   // its target's flows end by force, and this entry's sender is still to be told
};

template <class Address>
struct alignas(64) Flow {
  FlowKey<Address> key;
  // What the packet's addresses become.
  Address new_source;
  Address new_destination;
  Be16 new_source_port;
  Be16 new_destination_port;
  // What that adds to the checksums: ones' complement sums in wire order (RFC 1624). The TTL's step
  // is part of the header's.
  std::uint16_t network_delta = 0;
  std::uint16_t transport_delta = 0;
  // Where the client's packets came from last: its replies go back there.
  MacAddress client_mac;
  PortId client_port;
  Phase phase : 4 = Phase::SynSent;
  Direction direction : 1 = Direction::ToTarget;
  // Of a ToTarget entry: the connection is over, and takes no place at the target any more.
  bool over : 1 = false;
  // The client has sent data that the target has not answered with any: path/answer. Both
  // directions know; ToClient's last_seen is then when that was.
  bool waiting : 1 = false;
  // Of a ToClient entry: FlowTable::opening() has what was noted when the target accepted it. Only
  // while there is a flow log.
  bool noted : 1 = false;
  TargetId target;
  FlowIndex twin;
  // In one word, so that a packet's bytes are one addition: the listener's slot in the low 16 bits,
  // the IP bytes of this direction in the others.
  std::uint64_t listener_and_bytes = no_listener.slot;
  std::uint32_t packets = 0;  // of this direction, modulo 2^32
  Tick last_seen;             // but see `waiting`

  [[nodiscard]] ListenerId listener() const {
    return {static_cast<std::uint16_t>(listener_and_bytes)};
  }
  void set_listener(ListenerId id) { listener_and_bytes = bytes() << 16 | id.slot; }
  [[nodiscard]] std::uint64_t bytes() const { return listener_and_bytes >> 16; }
  void count(std::uint32_t packet_bytes) {
    listener_and_bytes += std::uint64_t{packet_bytes} << 16;
    ++packets;
  }
};
using Flow4 = Flow<Ipv4Address>;
using Flow6 = Flow<Ipv6Address>;
static_assert(sizeof(Flow4) == 64, "one cache line");
static_assert(sizeof(Flow6) == 128, "two cache lines");

[[nodiscard]] std::string_view to_string(Phase phase);

}  // namespace dataplane
