#include <bit>
#include <cstring>
#include <optional>

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

/// Cuts what follows the IP packet: Ethernet padding.
void cut(Packet& packet, std::size_t end) {
  packet.tailroom = static_cast<std::uint16_t>(packet.tailroom + (packet.length - end));
  packet.length = static_cast<std::uint16_t>(end);
}

/// A header's addresses with the ports behind it, written to `key` in words: see FlowKey::words().
template <class Address>
void copy_key(const HeaderOf<Address>& ip, const UdpHeader& ports, Protocol protocol,
              FlowKey<Address>& key) {
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(&ip.source);
  auto* words = reinterpret_cast<std::uint8_t*>(&key);
  for (std::size_t i = 0; i < 2 * sizeof(Address); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, addresses + i, sizeof word);
    std::memcpy(words + i, &word, sizeof word);
  }
  std::uint32_t both_ports;
  std::memcpy(&both_ports, &ports.source_port, sizeof both_ports);
  const std::uint64_t last = both_ports | std::uint64_t{static_cast<std::uint8_t>(protocol)} << 32;
  std::memcpy(words + 2 * sizeof(Address), &last, sizeof last);
}

/// Where the transport header of a quoted packet begins, and what it is; nullopt: there is none.
struct Transport {
  std::size_t offset;
  Protocol protocol;
};
std::optional<Transport> quoted_transport(const Ipv4Header& ip, std::size_t offset) {
  if (ip.version() != 4 || ip.header_bytes() < sizeof ip) return std::nullopt;
  if ((ip.fragment.value() & 0x1fff) != 0) return std::nullopt;
  return Transport{offset + ip.header_bytes(), static_cast<Protocol>(ip.protocol)};
}
std::optional<Transport> quoted_transport(const Ipv6Header& ip, std::size_t offset) {
  // What we forwarded had its transport header right behind: with extensions in between, the flow
  // is not found, and the error is dropped.
  if (ip.version() != 6) return std::nullopt;
  return Transport{offset + sizeof ip, static_cast<Protocol>(ip.next_header)};
}

/// The flow that an ICMP error is about, seen from the side that the error has to go to (RFC 792:
/// the error quotes the packet's IP header and at least 8 bytes behind it).
template <class Address>
bool quoted_key(const Packet& packet, FlowKey<Address>& key) {
  const std::size_t offset = packet.transport + sizeof(IcmpHeader);
  const auto* quoted = packet.at<HeaderOf<Address>>(offset);
  if (quoted == nullptr) return false;
  const auto transport = quoted_transport(*quoted, offset);
  if (!transport) return false;
  // UDP's header stands for TCP's too: ports, and 8 bytes in all.
  const auto* ports = packet.at<UdpHeader>(transport->offset);
  if (ports == nullptr) return false;
  if (transport->protocol != Protocol::Tcp && transport->protocol != Protocol::Udp) return false;
  FlowKey<Address> forward;
  copy_key<Address>(*quoted, *ports, transport->protocol, forward);
  key = forward.reversed();
  return true;
}

template <class Address>
void parse_icmp_error(Burst& burst, std::size_t i) {
  FlowKey<Address> key;
  if (!quoted_key<Address>(burst.packets[i], key)) return;
  burst.kinds[i] = Kind::IcmpError;
  burst.new_key<Address>(i) = key;
}

void parse_icmp(Burst& burst, std::size_t i) {
  const Packet& packet = burst.packets[i];
  const auto* icmp = packet.at<IcmpHeader>(packet.transport);
  if (icmp == nullptr) return burst.decide(i, Verdict::DropMalformed);
  burst.kinds[i] = Kind::OtherIp;
  if (icmp->type == IcmpHeader::echo_request) {
    burst.kinds[i] = Kind::Echo;
  } else if (icmp->type == IcmpHeader::unreachable || icmp->type == IcmpHeader::time_exceeded) {
    // We will compute a new checksum over it: that must not make damage look right.
    const std::size_t size = packet.length - packet.transport;
    if (fold_carries(sum_words(packet.data + packet.transport, size)) != 0xffff) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    parse_icmp_error<Ipv4Address>(burst, i);
  }
}

/// What RFC 4861 (6.1, 7.1, 8.1) asks of every message, so that none comes from beyond the link;
/// and all it asks of solicitations, which we answer.
bool neighbour_message_right(const Packet& packet, const Ipv6Header& ip, const IcmpHeader& icmp) {
  if (ip.hop_limit != 255 || icmp.code != 0) return false;
  if (icmp.type != icmpv6::neighbour_solicitation) return true;
  const auto* message = packet.at<NeighbourMessage>(packet.transport);
  // The answer is as long as a solicitation with its option.
  const std::size_t answer = sizeof(NeighbourMessage) + sizeof(LinkAddressOption);
  return message != nullptr && message->target.may_be_source() &&
         packet.transport == packet.network + sizeof(Ipv6Header) &&
         packet.transport + answer <= std::size_t{packet.length} + packet.tailroom;
}

void parse_icmpv6(Burst& burst, std::size_t i, const Ipv6Header& ip) {
  const Packet& packet = burst.packets[i];
  const auto* icmp = packet.at<IcmpHeader>(packet.transport);
  const std::size_t size = packet.length - packet.transport;
  const std::uint64_t pseudo =
      sum_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(Protocol::IcmpV6),
                        static_cast<std::uint16_t>(size));
  if (icmp == nullptr ||
      fold_carries(pseudo + sum_words(packet.data + packet.transport, size)) != 0xffff) {
    return burst.decide(i, Verdict::DropMalformed);
  }
  burst.kinds[i] = Kind::OtherIp;
  if (icmp->type >= icmpv6::neighbour_first && icmp->type <= icmpv6::neighbour_last) {
    if (!neighbour_message_right(packet, ip, *icmp)) return burst.decide(i, Verdict::DropMalformed);
    burst.kinds[i] = Kind::Neighbour;
  } else if (icmp->type == icmpv6::echo_request) {
    burst.kinds[i] = Kind::Echo;
  } else if (icmp->type >= icmpv6::unreachable && icmp->type <= icmpv6::parameter_problem) {
    parse_icmp_error<Ipv6Address>(burst, i);
  }
}

/// TCP or UDP at packet.transport.
template <class Address>
void parse_ports(Burst& burst, std::size_t i, const HeaderOf<Address>& ip, Protocol protocol) {
  const Packet& packet = burst.packets[i];
  const std::size_t room = packet.length - packet.transport;
  const auto* ports = packet.at<UdpHeader>(packet.transport);
  if (protocol == Protocol::Tcp) {
    const auto* tcp = packet.at<TcpHeader>(packet.transport);
    if (tcp == nullptr || tcp->header_bytes() < sizeof(TcpHeader) || tcp->header_bytes() > room) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    burst.kinds[i] = Kind::Tcp;
    burst.tcp_flags[i] = tcp->flags;
  } else {
    if (ports == nullptr || ports->length.value() < sizeof(UdpHeader) ||
        ports->length.value() > room) {
      return burst.decide(i, Verdict::DropMalformed);
    }
    burst.kinds[i] = Kind::Udp;
  }
  copy_key<Address>(ip, *ports, protocol, burst.new_key<Address>(i));
}

void parse_ipv4(Burst& burst, std::size_t i) {
  Packet& packet = burst.packets[i];
  const Ipv4Header* ip = ipv4_at(packet, packet.network);
  if (ip == nullptr) return burst.decide(i, Verdict::DropMalformed);
  cut(packet, packet.network + std::size_t{ip->total_length.value()});
  packet.transport = static_cast<std::uint16_t>(packet.network + ip->header_bytes());
  if (!may_send(ip->source, ip->destination)) return burst.decide(i, Verdict::DropSource);
  const auto protocol = static_cast<Protocol>(ip->protocol);
  burst.kinds[i] = Kind::OtherIp;
  if (ip->is_fragment()) {
    burst.kinds[i] = Kind::Fragment;
  } else if (packet.header<EthernetHeader>(0).destination.is_group()) {
    return;  // a flow is between two hosts (RFC 1122, 3.3.6)
  } else if (protocol == Protocol::Tcp || protocol == Protocol::Udp) {
    parse_ports<Ipv4Address>(burst, i, *ip, protocol);
  } else if (protocol == Protocol::Icmp) {
    parse_icmp(burst, i);
  }
}

/// Steps over extension headers, as many as make sense. Sets packet.transport; nullopt: cut off.
std::optional<std::uint8_t> skip_extensions(Packet& packet, std::uint8_t next) {
  constexpr int extensions_max = 8;  // each at most once, destination options twice (RFC 8200, 4.1)
  std::size_t offset = packet.network + sizeof(Ipv6Header);
  for (int n = 0; n < extensions_max; ++n) {
    if (next != Ipv6Extension::hop_by_hop && next != Ipv6Extension::routing &&
        next != Ipv6Extension::destination_options) {
      break;
    }
    const auto* extension = packet.at<Ipv6Extension>(offset);
    if (extension == nullptr || offset + extension->bytes() > packet.length) return std::nullopt;
    offset += extension->bytes();
    next = extension->next_header;
  }
  packet.transport = static_cast<std::uint16_t>(offset);
  return next;
}

void parse_ipv6(Burst& burst, std::size_t i) {
  Packet& packet = burst.packets[i];
  burst.v6 |= Mask{1} << i;
  const auto* ip = packet.at<Ipv6Header>(packet.network);
  if (ip == nullptr || ip->version() != 6) return burst.decide(i, Verdict::DropMalformed);
  const std::size_t end =
      packet.network + sizeof(Ipv6Header) + std::size_t{ip->payload_length.value()};
  if (end > packet.length) return burst.decide(i, Verdict::DropMalformed);
  cut(packet, end);
  if (!may_send(ip->source, ip->destination)) return burst.decide(i, Verdict::DropSource);
  // What stands for an IPv4 address inside a host must not meet IPv4's tables.
  if (ip->destination.is_v4_mapped()) return burst.decide(i, Verdict::DropNotOurs);
  const auto next = skip_extensions(packet, ip->next_header);
  if (!next) return burst.decide(i, Verdict::DropMalformed);
  const auto protocol = static_cast<Protocol>(*next);
  burst.kinds[i] = Kind::OtherIp;
  if (*next == Ipv6Extension::fragment) {
    burst.kinds[i] = Kind::Fragment;
  } else if (protocol == Protocol::IcmpV6) {
    parse_icmpv6(burst, i, *ip);
  } else if (packet.header<EthernetHeader>(0).destination.is_group()) {
    return;  // as above
  } else if (protocol == Protocol::Tcp || protocol == Protocol::Udp) {
    parse_ports<Ipv6Address>(burst, i, *ip, protocol);
  }
}

/// Where an IP packet without options or extensions ends, counted from its header.
std::size_t end_of(const Ipv4Header& ip) { return ip.total_length.value(); }
std::size_t end_of(const Ipv6Header& ip) { return sizeof ip + ip.payload_length.value(); }
Protocol protocol_of(const Ipv4Header& ip) { return static_cast<Protocol>(ip.protocol); }
Protocol protocol_of(const Ipv6Header& ip) { return static_cast<Protocol>(ip.next_header); }
bool plain_header_right(const Ipv4Header& ip) { return plain_header_checksum_right(ip); }
bool plain_header_right(const Ipv6Header&) { return true; }
void mark_family(Burst&, std::size_t, const Ipv4Header&) {}
void mark_family(Burst& burst, std::size_t i, const Ipv6Header&) { burst.v6 |= Mask{1} << i; }

/// The usual packet: TCP or UDP, whole, without options or extensions, to our MAC address. All that
/// may be odd about it is asked at once, so that a burst of such packets has two branches a packet,
/// always taken alike. False: look closer, and say what it is.
template <class Address>
bool parse_usual(Burst& burst, std::size_t i, const Port& port) {
  using Header = HeaderOf<Address>;
  Packet& packet = burst.packets[i];
  const FramePattern& usual = port.usual<Address>();
  const std::size_t network = usual.network;
  const std::size_t transport = network + sizeof(Header);
  if (packet.length < transport + sizeof(TcpHeader)) return false;  // shorter than Ethernet frames
  if (!usual.matches(packet.data)) return false;
  const auto& ip = packet.header<Header>(network);
  const auto& tcp = packet.header<TcpHeader>(transport);
  const auto& udp = packet.header<UdpHeader>(transport);
  const Protocol protocol = protocol_of(ip);
  const bool is_tcp = protocol == Protocol::Tcp;
  const std::size_t end = end_of(ip);
  const std::size_t least = is_tcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  const std::size_t bytes = is_tcp ? tcp.header_bytes() : udp.length.value();
  // Each is 1 where something is odd; |, not ||, so that there is one branch.
  const unsigned odd = unsigned{!is_tcp && protocol != Protocol::Udp} |
                       unsigned{network + end > packet.length} | unsigned{bytes < least} |
                       unsigned{sizeof ip + bytes > end} | unsigned{!plain_header_right(ip)};
  if (odd != 0) [[unlikely]]
    return false;
  packet.network = static_cast<std::uint16_t>(network);
  packet.transport = static_cast<std::uint16_t>(transport);
  cut(packet, network + end);
  burst.kinds[i] = is_tcp ? Kind::Tcp : Kind::Udp;
  burst.tcp_flags[i] = is_tcp ? tcp.flags : std::uint8_t{0};
  mark_family(burst, i, ip);
  copy_key<Address>(ip, udp, protocol, burst.new_key<Address>(i));
  return true;
}

void parse_closer(Burst& burst, std::size_t i, const Port& port) {
  burst.tcp_flags[i] = 0;
  Be16 type;
  if (!parse_link(burst, i, port, type)) return;
  if (type == ether_type::ipv4) {
    parse_ipv4(burst, i);
  } else if (type == ether_type::ipv6) {
    parse_ipv6(burst, i);
  } else if (type == ether_type::arp) {
    parse_arp(burst, i);
  } else {
    burst.kinds[i] = Kind::OtherFrame;
  }
}

}  // namespace

void parse(Burst& burst, Mask group, const Snapshot& snapshot) {
  for (std::size_t i : bits(group)) {
    const Packet& packet = burst.packets[i];
    if (packet.segmented) {
      burst.decide(i, Verdict::DropSegmented);
      continue;
    }
    DCHECK(packet.ingress.number < snapshot.ports.size());
    const Port& port = snapshot.ports[packet.ingress.number];
    if (parse_usual<Ipv4Address>(burst, i, port)) continue;
    if (parse_usual<Ipv6Address>(burst, i, port)) continue;
    parse_closer(burst, i, port);
  }
}

}  // namespace dataplane
