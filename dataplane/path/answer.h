// Answer: how long a target takes from a request's first data to its answer's first data, turn by
// turn. A client that sends data begins to wait; the target's next data ends that, and is measured.
//
// A packet has its own direction's entry in hand. So both have `waiting`, and only a change of turn
// touches the other one, which is written, not read:
//
//                        ToTarget                    ToClient
//   client's first data  waiting                  ─▶ waiting, last_seen = now
//   target's mere ACK    last_seen = now   ◀─        last_seen stays: since when the client waits
//   target's first data  not waiting       ◀─        not waiting; now − last_seen is measured
//
// Sequence numbers are not looked at: a request sent again after its answer was lost beyond us is
// taken for another one. A single byte is no data: keep-alive probes may bring one (RFC 1122,
// 4.2.3.6), and a wait that begins with a probe would be hours long.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/flow_histograms.h"
#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet.h"
#include "dataplane/table/flow_table.h"

namespace dataplane {

/// A datagram, or a segment with more than one byte of data.
[[nodiscard, gnu::always_inline]] inline bool has_data(const Packet& packet, Protocol protocol) {
  if (protocol != Protocol::Tcp) return true;
  const std::size_t header = packet.header<TcpHeader>(packet.transport).header_bytes();
  return packet.length > packet.transport + header + 1;
}

template <class Address>
[[gnu::noinline]] void begin_to_wait(Flow<Address>& flow, FlowTable<Address>& table, Tick now) {
  Flow<Address>& twin = table[flow.twin];
  flow.waiting = twin.waiting = true;
  twin.last_seen = now;
}

/// A packet of a target whose client waits.
template <class Address>
[[gnu::noinline]] void answer(Flow<Address>& flow, FlowTable<Address>& table, bool data,
                              const FlowMeasures& measures, Tick now) {
  Flow<Address>& twin = table[flow.twin];
  if (!data) {
    twin.last_seen = now;
    return;
  }
  measures.add(flow.target, flow.listener(), &FlowHistograms::response,
               now.nanoseconds_since(flow.last_seen));
  flow.waiting = twin.waiting = false;
  flow.last_seen = now;
}

/// What a forwarded packet does to its flow's time and turn.
template <Direction direction, class Address>
[[gnu::always_inline]] inline void see(Flow<Address>& flow, FlowTable<Address>& table,
                                       const Packet& packet, const FlowMeasures& measures,
                                       Tick now) {
  if constexpr (direction == Direction::ToTarget) {
    if (!flow.waiting && has_data(packet, flow.key.protocol)) [[unlikely]]
      begin_to_wait(flow, table, now);
    flow.last_seen = now;
  } else if (flow.waiting) [[unlikely]] {
    answer(flow, table, has_data(packet, flow.key.protocol), measures, now);
  } else {
    flow.last_seen = now;
  }
}

}  // namespace dataplane
