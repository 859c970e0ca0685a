#include "dataplane/path/stateless.h"

#include "dataplane/packet/headers.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/nat.h"
#include "dataplane/path/reply.h"

namespace dataplane {
namespace {

/// What the packet's key becomes.
template <class Address>
FlowKey<Address> leaves_as(const FlowKey<Address>& key, const Target& target,
                           const Listener& listener, Direction direction) {
  if (direction == Direction::ToTarget) {
    return reply_of(key, target).reversed();
  }
  return {listener.address.as<Address>(),
          key.destination,
          asked_port(listener, target, key.source_port),
          key.destination_port,
          key.protocol,
          {0, 0, 0}};
}

/// True: the packet may leave towards `hop`. Else it is decided.
template <class Address>
bool may_leave(Burst& burst, std::size_t i, const Snapshot& snapshot, const NextHop& hop,
               ErrorMeter& errors) {
  Packet& packet = burst.packets[i];
  const auto& ip = packet.header<HeaderOf<Address>>(packet.network);
  if (hops_left(ip) <= 1) {
    burst.decide(i, Verdict::DropTtl);
    return false;
  }
  if (packet.length - packet.network <= hop.mtu) return true;
  if (may_fragment(ip) || burst.kinds[i] == Kind::IcmpError) {
    burst.decide(i, Verdict::DropTooBig);
    return false;
  }
  if (!errors.take(burst.now, snapshot)) {
    burst.decide(i, Verdict::DropErrorRate);
    return false;
  }
  reply_too_big(packet, snapshot.ports[packet.ingress.number], hop.mtu);
  burst.decide(i, Verdict::ReplyTooBig);
  return false;
}

template <class Address>
void forward(Burst& burst, std::size_t i, const Snapshot& snapshot, MissingHops& missing,
             ErrorMeter& errors) {
  Packet& packet = burst.packets[i];
  const Target& target = snapshot.targets[burst.targets[i].slot];
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  const FlowKey<Address>& key = burst.key<Address>(i);
  const bool from_client = is_from_client(key, listener);
  Flow<Address> flow;  // that the packet would be of
  flow.key = key;
  flow.direction = from_client ? Direction::ToTarget : Direction::ToClient;
  const FlowKey<Address> leaves = leaves_as(key, target, listener, flow.direction);
  set_rewrite(flow, leaves);
  const NextHop hop = from_client ? target.next_hop : snapshot.next_hop_to(key.destination);
  if (!hop.resolved()) {
    missing.note(leaves.destination);
    return burst.decide(i, Verdict::DropNoNextHop);
  }
  if (!may_leave<Address>(burst, i, snapshot, hop, errors)) return;
  if (burst.kinds[i] == Kind::IcmpError) {
    Flow<Address> twin;
    twin.key = leaves.reversed();
    rewrite_icmp_error(packet, flow, twin);
  } else {
    rewrite_nat(packet, flow);
  }
  set_link_header(packet, hop);
  burst.decide(i, from_client ? Verdict::ForwardToTarget : Verdict::ForwardToClient);
}

}  // namespace

void forward_stateless(Burst& burst, const Snapshot& snapshot, MissingHops& missing,
                       ErrorMeter& errors) {
  const Mask todo = burst.pending & burst.stateless;
  for (std::size_t i : bits(burst.of<Ipv4Address>(todo))) {
    forward<Ipv4Address>(burst, i, snapshot, missing, errors);
  }
  for (std::size_t i : bits(burst.of<Ipv6Address>(todo))) {
    forward<Ipv6Address>(burst, i, snapshot, missing, errors);
  }
}

}  // namespace dataplane
