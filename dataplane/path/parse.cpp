#include "dataplane/packet/checksum.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

/// Finds the network header behind an optional VLAN tag; sets packet.network and returns its
/// EtherType, or decides.
bool parse_link(Burst& burst, std::size_t i, const Port& port, Be16& type) {
  Packet& packet = burst.packets[i];
  const auto* ethernet = packet.at<EthernetHeader>(0);
  if (ethernet == nullptr || ethernet->source.is_group()) {
    burst.decide(i, Verdict::DropMalformed);
    return false;
  }
  packet.network = sizeof(EthernetHeader);
  type = ethernet->type;
  std::uint16_t vlan = 0;
  if (type == ether_type::vlan) {
    const auto* tag = packet.at<VlanTag>(packet.network);
    if (tag == nullptr) {
      burst.decide(i, Verdict::DropMalformed);
      return false;
    }
    vlan = tag->id();  // 0: a priority tag, which is no VLAN (IEEE 802.1Q, 6.9.1)
    type = tag->type;
    packet.network += sizeof(VlanTag);
  }
  if (vlan != port.vlan) {
    burst.decide(i, Verdict::DropVlan);
    return false;
  }
  if (ethernet->destination != port.mac && !ethernet->destination.is_group()) {
    burst.decide(i, Verdict::DropNotOurs);
    return false;
  }
  return true;
}

void parse_arp(Burst& burst, std::size_t i) {
  const auto* arp = burst.packets[i].at<ArpHeader>(burst.packets[i].network);
  if (arp == nullptr || arp->hardware_type != Be16{1} || arp->protocol_type != ether_type::ipv4 ||
      arp->hardware_size != 6 || arp->protocol_size != 4) {
    return burst.decide(i, Verdict::DropMalformed);
  }
  burst.kinds[i] = Kind::Arp;
}

/// A whole, true IPv4 header whose packet is all there; nullptr otherwise.
const Ipv4Header* ipv4_at(const Packet& packet, std::size_t offset) {
  const auto* ip = packet.at<Ipv4Header>(offset);
  if (ip == nullptr || ip->version() != 4 || ip->header_bytes() < sizeof(Ipv4Header))
    return nullptr;
  const std::size_t total = ip->total_length.value();
  if (total < ip->header_bytes() || offset + total > packet.length) return nullptr;
  return header_checksum_right(*ip) ? ip : nullptr;
}

/// The flow that an ICMP error is about, seen from the side that the error has to go to (RFC 792:
/// the error quotes the packet's IP header and at least 8 bytes behind it).
bool quoted_key(const Packet& packet, FlowKey4& key) {
  const std::size_t offset = packet.transport + sizeof(IcmpHeader);
  const auto* quoted = packet.at<Ipv4Header>(offset);
  if (quoted == nullptr || quoted->version() != 4 || quoted->header_bytes() < sizeof(Ipv4Header) ||
      (quoted->fragment.value() & 0x1fff) != 0) {
    return false;
  }
  const auto protocol = static_cast<Protocol>(quoted->protocol);
  // UDP's header stands for TCP's too: ports, and 8 bytes in all.
  const auto* ports = packet.at<UdpHeader>(offset + quoted->header_bytes());
  if (ports == nullptr || (protocol != Protocol::Tcp && protocol != Protocol::Udp)) return false;
  key = FlowKey4{quoted->source,     quoted->destination,
                 ports->source_port, ports->destination_port,
                 protocol,           {0, 0, 0}}
            .reversed();
  return true;
}

void parse_icmp(Burst& burst, std::size_t i) {
  const Packet& packet = burst.packets[i];
  const auto* icmp = packet.at<IcmpHeader>(packet.transport);
  if (icmp == nullptr) return burst.decide(i, Verdict::DropMalformed);
  burst.kinds[i] = Kind::OtherIpv4;
  if (icmp->type == IcmpHeader::echo_request) {
    burst.kinds[i] = Kind::Echo;
  } else if (icmp->type == IcmpHeader::unreachable || icmp->type == IcmpHeader::time_exceeded) {
    // We will compute a new checksum over it: that must not make damage look right.
    const std::size_t size = packet.length - packet.transport;
    if (fold_carries(sum_words(packet.data + packet.transport, size)) != 0xffff) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    if (!quoted_key(packet, burst.keys[i])) return;
    burst.kinds[i] = Kind::IcmpError;
    burst.keyed |= Mask{1} << i;
  }
}

void parse_transport(Burst& burst, std::size_t i, const Ipv4Header& ip) {
  const Packet& packet = burst.packets[i];
  const std::size_t room = packet.length - packet.transport;
  const auto protocol = static_cast<Protocol>(ip.protocol);
  const auto* ports = packet.at<UdpHeader>(packet.transport);
  if (protocol == Protocol::Tcp) {
    const auto* tcp = packet.at<TcpHeader>(packet.transport);
    if (tcp == nullptr || tcp->header_bytes() < sizeof(TcpHeader) || tcp->header_bytes() > room) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    burst.kinds[i] = Kind::Tcp;
    burst.tcp_flags[i] = tcp->flags;
  } else if (protocol == Protocol::Udp) {
    if (ports == nullptr || ports->length.value() < sizeof(UdpHeader) ||
        ports->length.value() > room) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    burst.kinds[i] = Kind::Udp;
    burst.tcp_flags[i] = 0;
  } else if (protocol == Protocol::Icmp) {
    return parse_icmp(burst, i);
  } else {
    burst.kinds[i] = Kind::OtherIpv4;
    return;
  }
  burst.keys[i] = FlowKey4{ip.source, ip.destination, ports->source_port, ports->destination_port,
                           protocol,  {0, 0, 0}};
  burst.keyed |= Mask{1} << i;
}

void parse_ipv4(Burst& burst, std::size_t i) {
  Packet& packet = burst.packets[i];
  const Ipv4Header* ip = ipv4_at(packet, packet.network);
  if (ip == nullptr) return burst.decide(i, Verdict::DropMalformed);
  const auto end = static_cast<std::uint16_t>(packet.network + ip->total_length.value());
  packet.tailroom = static_cast<std::uint16_t>(packet.tailroom + (packet.length - end));
  packet.length = end;  // without Ethernet padding
  packet.transport = static_cast<std::uint16_t>(packet.network + ip->header_bytes());
  if (!ip->source.may_be_source()) {
    // A DHCP client asks from 0.0.0.0; its packet is the kernel's, if anybody's.
    if (!ip->destination.is_broadcast()) return burst.decide(i, Verdict::DropSource);
  }
  if (ip->is_fragment()) {
    burst.kinds[i] = Kind::Fragment;
  } else if (packet.header<EthernetHeader>(0).destination.is_group()) {
    burst.kinds[i] = Kind::OtherIpv4;  // a flow is between two hosts (RFC 1122, 3.3.6)
  } else {
    parse_transport(burst, i, *ip);
  }
}

}  // namespace

void parse(Burst& burst, const Snapshot& snapshot) {
  for (std::size_t i : bits(burst.pending)) {
    Packet& packet = burst.packets[i];
    burst.listeners[i] = no_listener;
    burst.targets[i] = no_target;
    burst.flows[i] = no_flow;
    burst.tcp_flags[i] = 0;
    packet.egress = no_port;
    if (packet.segmented) {
      burst.decide(i, Verdict::DropSegmented);
      continue;
    }
    DCHECK(packet.ingress.number < snapshot.ports.size());
    Be16 type;
    if (!parse_link(burst, i, snapshot.ports[packet.ingress.number], type)) continue;
    if (type == ether_type::ipv4) {
      parse_ipv4(burst, i);
    } else if (type == ether_type::arp) {
      parse_arp(burst, i);
    } else {
      burst.kinds[i] = Kind::OtherFrame;
    }
  }
}

}  // namespace dataplane
