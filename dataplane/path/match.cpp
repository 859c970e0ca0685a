#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

void for_kernel(Burst& burst, std::size_t i, const Snapshot& snapshot, Verdict otherwise) {
  if (snapshot.ports[burst.packets[i].ingress.number].kernel_path) {
    burst.for_kernel |= Mask{1} << i;
  } else {
    burst.decide(i, otherwise);
  }
}

/// Local addresses are behind one port; asked elsewhere, they are nobody's.
bool answers_for(const Snapshot& snapshot, PortId port, Ipv4Address address, Owner owner) {
  if (owner == Owner::Port) return !snapshot.ports[port.number].kernel_path;
  if (owner != Owner::Local) return owner == Owner::Listener;
  for (const Ipv4Address local : snapshot.locals[port.number].addresses) {
    if (local == address) return true;
  }
  return false;
}

void match_arp(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const Packet& packet = burst.packets[i];
  const auto& arp = packet.header<ArpHeader>(packet.network);
  // Replies teach the kernel who its neighbours are; so do announcements (RFC 5227), which are
  // requests for the sender's own address.
  if (arp.operation == ArpHeader::reply || arp.sender_address == arp.target_address) {
    return for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
  }
  const Owner owner = snapshot.owner_of(arp.target_address);
  if (arp.operation != ArpHeader::request || owner == Owner::Nobody) {
    return burst.decide(i, Verdict::DropNotOurs);
  }
  if (answers_for(snapshot, packet.ingress, arp.target_address, owner)) {
    return burst.decide(i, Verdict::ReplyArp);
  }
  if (owner == Owner::Port) return for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
  burst.decide(i, Verdict::DropNotOurs);
}

/// IPv4 that is neither a flow's nor a listener's.
void match_other(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const Packet& packet = burst.packets[i];
  const auto& ip = packet.header<Ipv4Header>(packet.network);
  const bool to_group = packet.header<EthernetHeader>(0).destination.is_group() ||
                        ip.destination.is_multicast() || ip.destination.is_broadcast();
  const Owner owner = snapshot.owner_of(ip.destination);
  if (to_group) return for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
  if (burst.kinds[i] == Kind::Echo &&
      answers_for(snapshot, packet.ingress, ip.destination, owner)) {
    return burst.decide(i, Verdict::ReplyEcho);
  }
  if (owner == Owner::Port) {
    return for_kernel(
        burst, i, snapshot,
        burst.kinds[i] == Kind::Fragment ? Verdict::DropFragment : Verdict::DropProtocol);
  }
  if (burst.kinds[i] == Kind::Fragment) return burst.decide(i, Verdict::DropFragment);
  if (burst.kinds[i] == Kind::IcmpError) return burst.decide(i, Verdict::DropUnknownFlow);
  burst.decide(i, owner == Owner::Nobody ? Verdict::DropNotOurs : Verdict::DropProtocol);
}

/// TCP and UDP without a flow.
void match_keyed(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const FlowKey4& key = burst.keys[i];
  if (snapshot.owner_of(key.source) != Owner::Nobody) return burst.decide(i, Verdict::DropSource);
  const Endpoint to{key.destination, key.destination_port, key.protocol};
  if (const ListenerId* listener = snapshot.listener_at.find(to)) {
    burst.listeners[i] = *listener;
    return;
  }
  switch (snapshot.owner_of(key.destination)) {
    case Owner::Port: return for_kernel(burst, i, snapshot, Verdict::DropNoListener);
    case Owner::Listener: return burst.decide(i, Verdict::DropNoListener);
    case Owner::Local: return;  // admit tells the target that the flow is over
    case Owner::Nobody: break;
  }
  const Endpoint from{key.source, key.source_port, key.protocol};
  if (const TargetId* target = snapshot.nat_target_at.find(from)) {
    burst.targets[i] = *target;
  } else {
    burst.decide(i, Verdict::DropNotOurs);
  }
}

}  // namespace

void match(Burst& burst, const Snapshot& snapshot) {
  for (std::size_t i : bits(burst.pending)) {
    if (burst.flows[i] != no_flow) continue;
    switch (burst.kinds[i]) {
      case Kind::Tcp:
      case Kind::Udp: match_keyed(burst, i, snapshot); break;
      case Kind::Arp: match_arp(burst, i, snapshot); break;
      case Kind::Echo:
      case Kind::IcmpError:
      case Kind::Fragment:
      case Kind::OtherIpv4: match_other(burst, i, snapshot); break;
      case Kind::OtherFrame: for_kernel(burst, i, snapshot, Verdict::DropNotOurs); break;
    }
  }
}

}  // namespace dataplane
