#include "dataplane/path/stateless.h"

#include "dataplane/packet/headers.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/nat.h"
#include "dataplane/path/reply.h"

namespace dataplane {
namespace {

std::uint8_t hops_left(const Ipv4Header& ip) { return ip.ttl; }
std::uint8_t hops_left(const Ipv6Header& ip) { return ip.hop_limit; }
bool may_fragment(const Ipv4Header& ip) { return ip.may_fragment(); }
bool may_fragment(const Ipv6Header&) { return false; }  // only its sender may (RFC 8200, 5)

/// The flow that the packet would be of.
template <class Address>
FlowStart<Address> flow_of(const Burst& burst, std::size_t i, const Target& target,
                           const Listener& listener, Direction direction) {
  const FlowKey<Address>& key = burst.key<Address>(i);
  FlowStart<Address> flow{.to_target = key,
                          .to_client = key,
                          .target = target.id,
                          .listener = &listener,
                          .now = Tick::of(burst.now),
                          .client_mac = {},
                          .client_port = no_port};
  if (direction == Direction::ToTarget) {
    flow.to_client = reply_of(key, target);
  } else {
    flow.to_target = {key.destination,      listener.address.as<Address>(),
                      key.destination_port, listener.port,
                      key.protocol,         {0, 0, 0}};
  }
  return flow;
}

/// True: the packet may leave towards `hop`. Else it is decided.
template <class Address>
bool may_leave(Burst& burst, std::size_t i, const Snapshot& snapshot, const NextHop& hop) {
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
  reply_too_big(packet, snapshot.ports[packet.ingress.number], hop.mtu);
  burst.decide(i, Verdict::ReplyTooBig);
  return false;
}

template <class Address>
void forward(Burst& burst, std::size_t i, const Snapshot& snapshot, MissingHops& missing) {
  Packet& packet = burst.packets[i];
  const Target& target = snapshot.targets[burst.targets[i].slot];
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  // Only what a client sends is for the listener's address and port.
  const bool from_client = burst.key<Address>(i).destination == listener.address.as<Address>() &&
                           burst.key<Address>(i).destination_port == listener.port;
  const Direction direction = from_client ? Direction::ToTarget : Direction::ToClient;
  const FlowStart<Address> start = flow_of<Address>(burst, i, target, listener, direction);
  Flow<Address> flow;
  fill(flow, start, direction);
  const NextHop hop = from_client ? target.next_hop : snapshot.next_hop_to(flow.new_destination);
  if (!hop.resolved()) {
    missing.note(flow.new_destination);
    return burst.decide(i, Verdict::DropNoNextHop);
  }
  if (!may_leave<Address>(burst, i, snapshot, hop)) return;
  if (burst.kinds[i] == Kind::IcmpError) {
    Flow<Address> twin;
    fill(twin, start, from_client ? Direction::ToClient : Direction::ToTarget);
    rewrite_icmp_error(packet, flow, twin);
  } else {
    rewrite_nat(packet, flow);
  }
  set_link_header(packet, hop);
  burst.decide(i, from_client ? Verdict::ForwardToTarget : Verdict::ForwardToClient);
}

}  // namespace

void forward_stateless(Burst& burst, const Snapshot& snapshot, MissingHops& missing) {
  const Mask todo = burst.pending & burst.stateless;
  for (std::size_t i : bits(burst.of<Ipv4Address>(todo))) {
    forward<Ipv4Address>(burst, i, snapshot, missing);
  }
  for (std::size_t i : bits(burst.of<Ipv6Address>(todo))) {
    forward<Ipv6Address>(burst, i, snapshot, missing);
  }
}

}  // namespace dataplane
