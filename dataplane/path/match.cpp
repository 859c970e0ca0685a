#include "dataplane/path/security.h"
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
template <class Address>
bool answers_for(const Snapshot& snapshot, PortId port, const Address& address, Owner owner) {
  if (owner == Owner::Port) return !snapshot.ports[port.number].kernel_path;
  if (owner != Owner::Local) return owner == Owner::Listener;
  for (const Address& local : snapshot.locals[port.number].of<Address>()) {
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

/// Solicitations for what is ours are answered; all else is the kernel's, who has the port's own
/// addresses and must learn his neighbours'.
void match_neighbour(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const Packet& packet = burst.packets[i];
  const auto& icmp = packet.header<IcmpHeader>(packet.transport);
  if (icmp.type == icmpv6::neighbour_solicitation) {
    const Ipv6Address& wanted = packet.header<NeighbourMessage>(packet.transport).target;
    const Owner owner = snapshot.owner_of(wanted);
    if (answers_for(snapshot, packet.ingress, wanted, owner)) {
      return burst.decide(i, Verdict::ReplyNeighbour);
    }
    const bool kernels = owner == Owner::Port || wanted.is_link_local();
    if (!kernels) return burst.decide(i, Verdict::DropNotOurs);
  }
  for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
}

/// Addresses that mean something only here: groups, and what a link's hosts gave themselves.
bool is_kernels(const Ipv4Address& address) {
  return address.is_multicast() || address.is_broadcast();
}
bool is_kernels(const Ipv6Address& address) {
  return address.is_multicast() || address.is_link_local();
}

/// Such a sender cannot be answered from another link (RFC 4291, 2.5.6).
bool is_of_one_link(const Ipv4Address&) { return false; }
bool is_of_one_link(const Ipv6Address& address) { return address.is_link_local(); }

/// What a client sends: its listener, and the group that it is or would be with.
template <class Address>
void set_listener(Burst& burst, std::size_t i, ListenerId id, const Snapshot& snapshot) {
  burst.listeners[i] = id;
  burst.groups[i] = snapshot.listeners[id.slot].group_of(burst.key<Address>(i));
}

/// IP that is neither a flow's nor a listener's.
template <class Address>
void match_other(Burst& burst, std::size_t i, const Snapshot& snapshot, RuleHits& hits) {
  const Packet& packet = burst.packets[i];
  const auto& ip = packet.header<HeaderOf<Address>>(packet.network);
  const bool to_group =
      packet.header<EthernetHeader>(0).destination.is_group() || is_kernels(ip.destination);
  const Owner owner = snapshot.owner_of(ip.destination);
  if (to_group) return for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
  if (burst.kinds[i] == Kind::Echo &&
      answers_for(snapshot, packet.ingress, ip.destination, owner)) {
    const bool may = lets_ping(snapshot, ip.destination, ip.source, hits);
    return burst.decide(i, may ? Verdict::ReplyEcho : Verdict::DropSecurityGroupInbound);
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

bool stands_for_v4(const Ipv4Address&) { return false; }
bool stands_for_v4(const Ipv6Address& address) { return address.is_v4_mapped(); }

/// TCP and UDP without a flow.
template <class Address>
void match_keyed(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const FlowKey<Address>& key = burst.key<Address>(i);
  // Asked of strangers only: no flow begins with such a key.
  if (!may_send(key.source, key.destination)) return burst.decide(i, Verdict::DropSource);
  // What stands for an IPv4 address inside a host must not meet IPv4's tables.
  if (stands_for_v4(key.destination)) return burst.decide(i, Verdict::DropNotOurs);
  if (snapshot.owner_of(key.source) != Owner::Nobody) return burst.decide(i, Verdict::DropSource);
  const Endpoint to{key.destination, key.destination_port, key.protocol};
  const ListenerId* listener = snapshot.listener_for(to);
  if (listener == nullptr) {
    switch (snapshot.owner_of(key.destination)) {
      case Owner::Port: return for_kernel(burst, i, snapshot, Verdict::DropNoListener);
      case Owner::Listener: return burst.decide(i, Verdict::DropNoListener);
      case Owner::Local: return;  // admit tells the target that the flow is over
      case Owner::Nobody: break;
    }
    if (is_kernels(key.destination)) return for_kernel(burst, i, snapshot, Verdict::DropNotOurs);
  }
  if (is_of_one_link(key.source)) return burst.decide(i, Verdict::DropSource);
  if (listener != nullptr) return set_listener<Address>(burst, i, *listener, snapshot);
  const Endpoint from{key.source, key.source_port, key.protocol};
  if (const TargetId* target = snapshot.nat_target_for(from)) {
    burst.targets[i] = *target;
  } else {
    burst.decide(i, Verdict::DropNotOurs);
  }
}

/// An ICMP error of no flow: it may be about a packet that was sent on without one. Its key is that
/// of packets which go the way that it goes.
template <class Address>
bool match_stateless_error(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  if ((burst.keyed >> i & 1) == 0) return false;
  const FlowKey<Address>& key = burst.key<Address>(i);
  if (const ListenerId* listener =
          snapshot.listener_for({key.destination, key.destination_port, key.protocol})) {
    const TargetGroupId group = snapshot.listeners[listener->slot].group_of(key);
    if (snapshot.target_groups[group.slot].overload != Overload::Forward) return false;
    set_listener<Address>(burst, i, *listener, snapshot);
    return true;
  }
  const TargetId* target = snapshot.nat_target_for({key.source, key.source_port, key.protocol});
  if (target == nullptr || !snapshot.targets[target->slot].stateless) return false;
  burst.targets[i] = *target;
  return true;
}

template <class Address>
void match_ip(Burst& burst, std::size_t i, const Snapshot& snapshot, RuleHits& hits) {
  const Kind kind = burst.kinds[i];
  if (kind == Kind::IcmpError && match_stateless_error<Address>(burst, i, snapshot)) return;
  if (kind == Kind::Tcp || kind == Kind::Udp) {
    match_keyed<Address>(burst, i, snapshot);
  } else {
    match_other<Address>(burst, i, snapshot, hits);
  }
}

}  // namespace

void match(Burst& burst, const Snapshot& snapshot, RuleHits& hits) {
  for (std::size_t i : bits(burst.pending & ~burst.known)) {
    switch (burst.kinds[i]) {
      case Kind::Arp: match_arp(burst, i, snapshot); break;
      case Kind::Neighbour: match_neighbour(burst, i, snapshot); break;
      case Kind::OtherFrame: for_kernel(burst, i, snapshot, Verdict::DropNotOurs); break;
      default:
        if ((burst.v6 >> i & 1) != 0) {
          match_ip<Ipv6Address>(burst, i, snapshot, hits);
        } else {
          match_ip<Ipv4Address>(burst, i, snapshot, hits);
        }
    }
  }
}

}  // namespace dataplane
