#include "dataplane/path/answer.h"
#include "dataplane/path/flow_hop.h"
#include "dataplane/path/nat.h"
#include "dataplane/path/reply.h"
#include "dataplane/path/stateless.h"
#include "dataplane/path/track.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

template <class Address>
void forward(Burst& burst, std::size_t i, const Snapshot& snapshot, FlowLedger<Address>& ledger,
             MissingHops& missing, ErrorMeter& errors) {
  Packet& packet = burst.packets[i];
  FlowTable<Address>& flows = ledger.table();
  Flow<Address>& flow = flows[burst.flows[i]];
  const bool icmp_error = burst.kinds[i] == Kind::IcmpError;
  burst.targets[i] = flow.target;
  burst.listeners[i] = flow.listener();
  const NextHop hop = hop_for(flow, snapshot);
  if (!hop.resolved()) {
    missing.note(flow.new_destination);
    return burst.decide(i, Verdict::DropNoNextHop);
  }
  const auto& ip = packet.header<HeaderOf<Address>>(packet.network);
  if (hops_left(ip) <= 1) return burst.decide(i, Verdict::DropTtl);
  const auto bytes = static_cast<std::uint16_t>(packet.length - packet.network);
  if (bytes > hop.mtu) {
    if (may_fragment(ip) || icmp_error) return burst.decide(i, Verdict::DropTooBig);
    if (!errors.take(burst.now, snapshot)) return burst.decide(i, Verdict::DropErrorRate);
    reply_too_big(packet, snapshot.ports[packet.ingress.number], hop.mtu);
    return burst.decide(i, Verdict::ReplyTooBig);
  }
  if (flow.direction == Direction::ToTarget && !icmp_error) learn_client(packet, flow, flows);
  if (icmp_error) {
    rewrite_icmp_error(packet, flow, flows[flow.twin]);
  } else {
    rewrite_nat(packet, flow);
    flow.count(bytes);
    if (flow.direction == Direction::ToTarget) {
      see<Direction::ToTarget>(flow, flows, packet, ledger.measures(), Tick::of(burst.now));
    } else {
      see<Direction::ToClient>(flow, flows, packet, ledger.measures(), Tick::of(burst.now));
    }
  }
  set_link_header(packet, hop);
  burst.decide(i, flow.direction == Direction::ToTarget ? Verdict::ForwardToTarget
                                                        : Verdict::ForwardToClient);
}

/// What ICMP adds to a short packet, at most.
constexpr std::size_t error_headers = sizeof(Ipv6Header) + sizeof(IcmpHeader);

/// A refused flow's client is told so, as long as we do not tell too many.
void prohibit(Burst& burst, std::size_t i, const Port& port, const Snapshot& snapshot,
              ErrorMeter& errors) {
  Packet& packet = burst.packets[i];
  const bool room = packet.tailroom >= error_headers;
  if (room && errors.take(burst.now, snapshot)) return reply_prohibited(packet, port);
  burst.verdicts[i] = Verdict::DropSpillover;
  burst.replies &= ~(Mask{1} << i);
}

void write_replies(Burst& burst, const Snapshot& snapshot, ErrorMeter& errors) {
  for (std::size_t i : bits(burst.replies)) {
    Packet& packet = burst.packets[i];
    const Verdict verdict = burst.verdicts[i];
    if (verdict == Verdict::ReplyTooBig) continue;  // that one is written
    const Port& port = snapshot.ports[packet.ingress.number];
    if (verdict == Verdict::ReplyArp) {
      reply_arp(packet, port);
    } else if (verdict == Verdict::ReplyNeighbour) {
      reply_neighbour(packet, port);
    } else if (verdict == Verdict::ReplyEcho) {
      reply_echo(packet, port);
    } else if (verdict == Verdict::ReplyProhibited) {
      prohibit(burst, i, port, snapshot, errors);
    } else {
      reply_reset(packet, port);
    }
  }
}

template <class Address>
void translate_family(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows,
                      MissingHops& missing, ErrorMeter& errors) {
  for (std::size_t i : bits(burst.of<Address>(burst.pending))) {
    DCHECK(burst.flows[i] != no_flow);
    forward(burst, i, snapshot, flows, missing, errors);
  }
}

}  // namespace

void translate(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, MissingHops& missing,
               ErrorMeter& errors) {
  if (burst.stateless != 0) [[unlikely]]
    forward_stateless(burst, snapshot, missing, errors);
  translate_family(burst, snapshot, flows.v4, missing, errors);
  translate_family(burst, snapshot, flows.v6, missing, errors);
  write_replies(burst, snapshot, errors);
}

}  // namespace dataplane
