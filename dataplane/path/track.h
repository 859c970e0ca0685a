// How one TCP packet moves its connection on. Pure, so that the model test can ask it the same.
#pragma once

#include <cstdint>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/table/flow_table.h"

namespace dataplane {

[[nodiscard]] constexpr bool is_reset(Phase phase) {
  return phase == Phase::ClientReset || phase == Phase::TargetReset;
}

/// TCP flags that say what a packet is for.
inline constexpr std::uint8_t deciding_flags = TcpHeader::syn | TcpHeader::ack | TcpHeader::rst;

template <class Address>
[[nodiscard]] bool is_client_syn(const Flow<Address>& flow, std::uint8_t flags) {
  return flow.direction == Direction::ToTarget && (flags & deciding_flags) == TcpHeader::syn;
}

/// The phase after a packet with these TCP flags went in `direction`. Sequence numbers are not
/// looked at: the ends decide what is valid, the phase only says how soon an idle flow may be
/// forgotten. An end that goes on talking after "its" RST never sent one that counted (forged, or
/// out of window: RFC 5961, 3): the connection lives.
[[nodiscard]] Phase next_phase(Phase phase, Direction direction, std::uint8_t tcp_flags);

/// The sweep is told that a connection may end sooner than it knew: the phase has changed.
template <class Address>
void hurry(const Flow<Address>& flow, FlowTable<Address>& table) {
  const bool to_target = flow.direction == Direction::ToTarget;
  table.hurry(to_target ? table[flow.twin].twin : flow.twin);  // that entry is the marked one
}

/// Moves a connection on by one packet of `flow`; both its directions know the phase.
template <class Address>
void advance(Flow<Address>& flow, FlowLedger<Address>& flows, std::uint8_t tcp_flags) {
  const Phase next = next_phase(flow.phase, flow.direction, tcp_flags);
  const Phase before = flow.phase;
  if (next == before) return;
  flow.phase = flows.table()[flow.twin].phase = next;
  hurry(flow, flows.table());
  flows.follow(flow, before);
}

/// The way back to the client is the way it came last: no look-up, and right behind several
/// routers.
template <class Address>
void learn_client(const Packet& packet, Flow<Address>& flow, FlowTable<Address>& flows) {
  const MacAddress& mac = packet.header<EthernetHeader>(0).source;
  if (flow.client_mac == mac && flow.client_port == packet.ingress) return;
  Flow<Address>& twin = flows[flow.twin];
  flow.client_mac = twin.client_mac = mac;
  flow.client_port = twin.client_port = packet.ingress;
}

/// A client's SYN that comes again sooner than this says nothing about the target: no client has
/// waited in vain for so short a time (RFC 6298, 2.1: 1 s).
inline constexpr std::uint32_t retransmission_milliseconds = 500;

/// The same for a connection that is opening; counts how that went, once. A target that answers is
/// not to blame for what the client does then.
template <class Address>
void advance_opening(Flow<Address>& flow, FlowLedger<Address>& flows, std::uint8_t tcp_flags,
                     WorkerBlock& counters, Tick now) {
  const bool opening = flow.phase == Phase::SynSent;
  advance(flow, flows, tcp_flags);
  if (!opening) return;
  if (flow.phase == Phase::SynReceived) {
    counters_of(counters, flow.target).handshakes_answered.add(1);
    // If this is the target's first packet, its entry's time is still that of the first SYN.
    if (flow.packets == 0) {
      const std::uint64_t connect = now.nanoseconds_since(flow.last_seen);
      flows.measures().add(flow.target, flow.listener(), &FlowHistograms::connect, connect);
      flows.accepted(flow, connect);
    } else {
      flows.accepted(flow, std::nullopt);
    }
  } else if (flow.phase == Phase::TargetReset) {
    counters_of(counters, flow.target).handshakes_failed.add(1);
  } else if (is_client_syn(flow, tcp_flags) && flow.packets == 1 &&
             now.since(flow.last_seen) >= retransmission_milliseconds) {
    // Its second SYN. Those that follow, and its end in silence, are not counted again.
    counters_of(counters, flow.target).handshakes_failed.add(1);
  }
}

/// A client's SYN in this phase starts a new connection on the same addresses and ports (RFC 9293,
/// 3.6.1; RFC 6191), instead of being one more packet of the old one.
[[nodiscard]] constexpr bool may_start_anew(Phase phase) {
  return phase == Phase::Closing || phase == Phase::Terminated || is_reset(phase);
}

}  // namespace dataplane
