// How one TCP packet moves its connection on. Pure, so that the model test can ask it the same.
#pragma once

#include <cstdint>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet.h"
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

/// Both directions know the phase; and the sweep, that the connection may end sooner than it was
/// told.
template <class Address>
void set_phase(Flow<Address>& flow, FlowTable<Address>& table, Phase phase) {
  Flow<Address>& twin = table[flow.twin];
  flow.phase = twin.phase = phase;
  table.hurry(flow.direction == Direction::ToTarget ? twin.twin : flow.twin);
}

/// Moves a connection on by one packet of `flow`.
template <class Address>
void advance(Flow<Address>& flow, FlowTable<Address>& table, std::uint8_t tcp_flags) {
  const Phase next = next_phase(flow.phase, flow.direction, tcp_flags);
  if (next != flow.phase) set_phase(flow, table, next);
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

/// A client's SYN in this phase starts a new connection on the same addresses and ports (RFC 9293,
/// 3.6.1; RFC 6191), instead of being one more packet of the old one.
[[nodiscard]] constexpr bool may_start_anew(Phase phase) {
  return phase == Phase::Closing || is_reset(phase);
}

}  // namespace dataplane
