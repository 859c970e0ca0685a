#include "dataplane/path/track.h"

#include "dataplane/path/fast_path.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

/// The packet shows that the connection is over and another begins with it.
template <class Address>
bool starts_anew(const Flow<Address>& flow, const Target* target, Kind kind, std::uint8_t flags) {
  if (kind == Kind::Udp) {
    // Nothing ties a datagram to a target that is gone: the client's next one moves the flow.
    return flow.direction == Direction::ToTarget && (target == nullptr || target->terminated);
  }
  if (!is_client_syn(flow, flags)) return false;
  if (may_start_anew(flow.phase)) return true;
  // A retransmitted SYN whose target meanwhile turned out not to be there tries another one.
  return flow.phase == Phase::SynSent && (target == nullptr || !target->eligible);
}

/// The sender of what `flow` is found by is told that the connection is over, the other end is not
/// yet, unless the connection was over anyhow.
template <class Address>
void terminate(Flow<Address>& flow, FlowTable<Address>& table) {
  Flow<Address>& twin = table[flow.twin];
  const bool over = twin.phase == Phase::Closing || is_reset(twin.phase);
  flow.phase = Phase::TargetReset;
  twin.phase = over ? Phase::TargetReset : Phase::Terminated;
  hurry(flow, table);
}

/// A flow whose target was taken away: TCP ends are told, anything else is dropped.
void refuse(Burst& burst, std::size_t i) {
  const bool tell = burst.kinds[i] == Kind::Tcp && (burst.tcp_flags[i] & TcpHeader::rst) == 0;
  burst.decide(i, tell ? Verdict::ReplyResetTargetGone : Verdict::DropTargetGone);
}

template <class Address>
void track_family(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows,
                  WorkerBlock& counters) {
  FlowTable<Address>& table = flows.table();
  FastPath<Address> fast(burst, snapshot, flows, counters);
  const std::uint64_t moves = table.moves();
  // In order of arrival: what one packet does to its flow, the next one of the burst must see.
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.known))) {
    if (table.moves() != moves || !(table[burst.flows[i]].key == burst.key<Address>(i)))
        [[unlikely]] {
      // Entries have moved, or another of that tag was looked at first.
      burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
      if (burst.flows[i] == no_flow) continue;
    }
    if (burst.kinds[i] == Kind::IcmpError) continue;
    if (fast.forward(i)) continue;
    Flow<Address>& flow = table[burst.flows[i]];
    const Target* target = snapshot.target(flow.target);
    if (starts_anew(flow, target, burst.kinds[i], burst.tcp_flags[i])) {
      const bool over = burst.kinds[i] == Kind::Tcp && may_start_anew(flow.phase);
      flows.end(burst.flows[i], over ? FlowEnd::Removed : FlowEnd::Moved);
      burst.set_flow(i, no_flow);
    } else if (target == nullptr || target->terminates(flow.key.protocol)) {
      if (burst.kinds[i] == Kind::Tcp) terminate(flow, table);
      burst.targets[i] = flow.target;
      refuse(burst, i);
    } else if (burst.kinds[i] == Kind::Tcp) {
      advance_opening(flow, flows, burst.tcp_flags[i], counters, Tick::of(burst.now));
    }
  }
  fast.finish();
  if (table.moves() == moves) return;
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.known))) {
    burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
    // The last words of a connection that a later packet of this burst has replaced: they must not
    // start or join the new one.
    if (burst.flows[i] == no_flow) burst.decide(i, Verdict::DropUnknownFlow);
  }
}

}  // namespace

Phase next_phase(Phase phase, Direction direction, std::uint8_t tcp_flags) {
  const bool from_client = direction == Direction::ToTarget;
  const Phase reset_by_sender = from_client ? Phase::ClientReset : Phase::TargetReset;
  // Its target is back before this end was told.
  if (phase == Phase::Terminated) phase = Phase::TargetReset;
  if ((tcp_flags & TcpHeader::rst) != 0) return reset_by_sender;
  if (phase == reset_by_sender && (tcp_flags & TcpHeader::syn) == 0) phase = Phase::Established;
  if (phase == Phase::SynSent) {
    const bool answered =
        !from_client && (tcp_flags & deciding_flags) == (TcpHeader::syn | TcpHeader::ack);
    return answered ? Phase::SynReceived : phase;
  }
  if (phase == Phase::SynReceived && from_client && (tcp_flags & TcpHeader::ack) != 0) {
    phase = Phase::Established;
  }
  if ((tcp_flags & TcpHeader::fin) == 0) return phase;
  switch (phase) {
    case Phase::SynReceived:
    case Phase::Established: return from_client ? Phase::ClientFin : Phase::TargetFin;
    case Phase::ClientFin: return from_client ? phase : Phase::Closing;
    case Phase::TargetFin: return from_client ? Phase::Closing : phase;
    default: return phase;
  }
}

void track(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, WorkerBlock& counters) {
  track_family(burst, snapshot, flows.v4, counters);
  track_family(burst, snapshot, flows.v6, counters);
}

}  // namespace dataplane
