#include "dataplane/path/reply.h"

#include <algorithm>
#include <cstring>

#include "dataplane/packet/checksum.h"

namespace dataplane {
namespace {

constexpr std::uint8_t reply_ttl = 64;

void turn_around(Packet& packet, const Port& port) {
  auto& ethernet = packet.header<EthernetHeader>(0);
  ethernet.destination = ethernet.source;
  ethernet.source = port.mac;
  packet.egress = packet.ingress;
}

/// Sets length and tailroom so that `bytes` of IP packet remain.
void resize(Packet& packet, std::size_t bytes) {
  const std::size_t end = packet.network + bytes;
  DCHECK(end <= std::size_t{packet.length} + packet.tailroom);
  packet.tailroom = static_cast<std::uint16_t>(packet.length + packet.tailroom - end);
  packet.length = static_cast<std::uint16_t>(end);
}

/// A fresh header without options. Identification 0 is right for what may not be fragmented (RFC
/// 6864).
void put_header(Packet& packet, Ipv4Address source, Ipv4Address destination, Protocol protocol,
                std::size_t payload) {
  auto& ip = packet.header<Ipv4Header>(packet.network);
  ip = {.version_and_words = 0x45,
        .service = 0,
        .total_length = Be16{static_cast<std::uint16_t>(sizeof ip + payload)},
        .identification = Be16{0},
        .fragment = Be16{Ipv4Header::dont_fragment},
        .ttl = reply_ttl,
        .protocol = static_cast<std::uint8_t>(protocol),
        .checksum = Be16{0},
        .source = source,
        .destination = destination};
  set_header_checksum(ip);
}
void put_header(Packet& packet, const Ipv6Address& source, const Ipv6Address& destination,
                Protocol protocol, std::size_t payload) {
  packet.header<Ipv6Header>(packet.network) = {
      .version_and_flow = Be32{Ipv6Header::version_6},
      .payload_length = Be16{static_cast<std::uint16_t>(payload)},
      .next_header = static_cast<std::uint8_t>(protocol),
      .hop_limit = reply_ttl,
      .source = source,
      .destination = destination};
}

bool is_ipv6(const Packet& packet) { return packet.data[packet.network] >> 4 == 6; }

/// Everything behind the IP header counts for an ICMPv6 checksum, and a pseudo header does.
void set_icmpv6_checksum(Packet& packet) {
  const auto& ip = packet.header<Ipv6Header>(packet.network);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  const std::size_t bytes = packet.length - packet.transport;
  icmp.checksum = Be16{0};
  icmp.checksum = checksum_of(sum_pseudo_header(ip.source, ip.destination,
                                                static_cast<std::uint8_t>(Protocol::IcmpV6),
                                                static_cast<std::uint16_t>(bytes)) +
                              sum_words(packet.data + packet.transport, bytes));
}

/// The type is the first byte of its word (RFC 1624).
void change_type(IcmpHeader& icmp, std::uint8_t to) {
  const auto word = [](std::uint8_t type) {
    return Be16{static_cast<std::uint16_t>(type << 8)}.wire();
  };
  icmp.checksum = adjusted(icmp.checksum, difference(word(to), word(icmp.type)));
  icmp.type = to;
}

/// The RST for a segment (RFC 9293, 3.10.7.1) that had `payload` bytes behind its header.
TcpHeader reset_of(const TcpHeader& old, std::uint32_t payload) {
  TcpHeader tcp{};
  tcp.source_port = old.destination_port;
  tcp.destination_port = old.source_port;
  tcp.words = sizeof(TcpHeader) / 4 << 4;
  tcp.flags = TcpHeader::rst;
  if ((old.flags & TcpHeader::ack) != 0) {
    tcp.sequence = old.acknowledgement;
  } else {
    // SYN and FIN each count as one byte.
    const std::uint32_t ends = ((old.flags & TcpHeader::syn) != 0 ? 1u : 0u) +
                               ((old.flags & TcpHeader::fin) != 0 ? 1u : 0u);
    tcp.acknowledgement = Be32{old.sequence.value() + payload + ends};
    tcp.flags |= TcpHeader::ack;
  }
  return tcp;
}

template <class Header>
void put_reset(Packet& packet) {
  const Header old_ip = packet.header<Header>(packet.network);
  const TcpHeader old = packet.header<TcpHeader>(packet.transport);
  DCHECK((old.flags & TcpHeader::rst) == 0);
  const auto payload =
      static_cast<std::uint32_t>(packet.length - packet.transport - old.header_bytes());
  TcpHeader tcp = reset_of(old, payload);
  const std::uint64_t pseudo = sum_pseudo_header(
      old_ip.destination, old_ip.source, static_cast<std::uint8_t>(Protocol::Tcp), sizeof tcp);
  tcp.checksum =
      checksum_of(pseudo + sum_words(reinterpret_cast<const std::uint8_t*>(&tcp), sizeof tcp));
  resize(packet, sizeof(Header) + sizeof tcp);
  packet.transport = static_cast<std::uint16_t>(packet.network + sizeof(Header));
  put_header(packet, old_ip.destination, old_ip.source, Protocol::Tcp, sizeof tcp);
  packet.header<TcpHeader>(packet.transport) = tcp;
}

/// Puts an ICMP error in front of the packet it is about: `quoted_max` bytes of that stay.
template <class Header>
void put_error(Packet& packet, Protocol protocol, const IcmpHeader& error, std::size_t total_max) {
  const Header old_ip = packet.header<Header>(packet.network);
  constexpr std::size_t headers = sizeof(Header) + sizeof(IcmpHeader);
  const std::size_t quoted =
      std::min<std::size_t>(packet.length - packet.network, total_max - headers);
  std::memmove(packet.data + packet.network + headers, packet.data + packet.network, quoted);
  resize(packet, headers + quoted);
  packet.transport = static_cast<std::uint16_t>(packet.network + sizeof(Header));
  put_header(packet, old_ip.destination, old_ip.source, protocol, sizeof(IcmpHeader) + quoted);
  packet.header<IcmpHeader>(packet.transport) = error;
}

/// What an ICMP error says: its type, its code, and what is in its last two bytes.
struct IcmpWords {
  std::uint8_t type;
  std::uint8_t code;
  std::uint16_t last;
  [[nodiscard]] IcmpHeader header() const {
    return {.type = type,
            .code = code,
            .checksum = Be16{0},
            .identifier = Be16{0},
            .sequence = Be16{last}};
  }
};

/// As large as it may be: RFC 1812, 4.3.2.3; RFC 4443, 3.
void reply_error(Packet& packet, const Port& port, const IcmpWords& v4, const IcmpWords& v6) {
  turn_around(packet, port);
  if (is_ipv6(packet)) {
    put_error<Ipv6Header>(packet, Protocol::IcmpV6, v6.header(), 1280);
    return set_icmpv6_checksum(packet);
  }
  put_error<Ipv4Header>(packet, Protocol::Icmp, v4.header(), 576);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  icmp.checksum =
      checksum_of(sum_words(packet.data + packet.transport, packet.length - packet.transport));
}

}  // namespace

void reply_arp(Packet& packet, const Port& port) {
  turn_around(packet, port);
  auto& arp = packet.header<ArpHeader>(packet.network);
  const Ipv4Address ours = arp.target_address;
  arp.operation = ArpHeader::reply;
  arp.target_mac = arp.sender_mac;
  arp.target_address = arp.sender_address;
  arp.sender_mac = port.mac;
  arp.sender_address = ours;
}

void reply_neighbour(Packet& packet, const Port& port) {
  turn_around(packet, port);
  const Ipv6Address asker = packet.header<Ipv6Header>(packet.network).source;
  const Ipv6Address ours = packet.header<NeighbourMessage>(packet.transport).target;
  const bool probe = asker.is_unspecified();  // wants the address itself: all nodes must hear it
  constexpr Ipv6Address all_nodes{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  if (probe) {
    packet.header<EthernetHeader>(0).destination = MacAddress{{0x33, 0x33, 0, 0, 0, 1}};
  }
  constexpr std::size_t bytes = sizeof(NeighbourMessage) + sizeof(LinkAddressOption);
  resize(packet, sizeof(Ipv6Header) + bytes);
  packet.transport = static_cast<std::uint16_t>(packet.network + sizeof(Ipv6Header));
  put_header(packet, ours, probe ? all_nodes : asker, Protocol::IcmpV6, bytes);
  packet.header<Ipv6Header>(packet.network).hop_limit = 255;  // else it is not believed
  packet.header<NeighbourMessage>(packet.transport) = {
      .type = icmpv6::neighbour_advertisement,
      .code = 0,
      .checksum = Be16{0},
      .flags = Be32{NeighbourMessage::override_cache | (probe ? 0 : NeighbourMessage::solicited)},
      .target = ours};
  packet.header<LinkAddressOption>(packet.transport + sizeof(NeighbourMessage)) = {
      .type = LinkAddressOption::target, .length = 1, .address = port.mac};
  set_icmpv6_checksum(packet);
}

void reply_echo(Packet& packet, const Port& port) {
  turn_around(packet, port);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  if (is_ipv6(packet)) {
    auto& ip = packet.header<Ipv6Header>(packet.network);
    std::swap(ip.source, ip.destination);
    ip.hop_limit = reply_ttl;
    return change_type(icmp, icmpv6::echo_reply);
  }
  auto& ip = packet.header<Ipv4Header>(packet.network);
  std::swap(ip.source, ip.destination);
  ip.ttl = reply_ttl;
  set_header_checksum(ip);
  change_type(icmp, IcmpHeader::echo_reply);
}

void reply_reset(Packet& packet, const Port& port) {
  turn_around(packet, port);
  if (is_ipv6(packet)) {
    put_reset<Ipv6Header>(packet);
  } else {
    put_reset<Ipv4Header>(packet);
  }
}

void reply_too_big(Packet& packet, const Port& port, std::uint16_t mtu) {
  reply_error(packet, port, {IcmpHeader::unreachable, IcmpHeader::fragmentation_needed_code, mtu},
              {icmpv6::packet_too_big, 0, mtu});
}

void reply_prohibited(Packet& packet, const Port& port) {
  reply_error(packet, port, {IcmpHeader::unreachable, IcmpHeader::prohibited_code, 0},
              {icmpv6::unreachable, icmpv6::prohibited_code, 0});
}

template <class Address>
void write_question(OwnFrame& frame, const Flow<Address>& flow, const NextHop& hop,
                    std::uint32_t sequence) {
  DCHECK(hop.resolved());
  Packet packet;
  packet.data = frame.bytes.data();
  packet.network = hop.header_size;
  packet.transport = static_cast<std::uint16_t>(hop.header_size + sizeof(HeaderOf<Address>));
  packet.length = static_cast<std::uint16_t>(packet.transport + sizeof(TcpHeader));
  DCHECK(packet.length <= OwnFrame::bytes_max);
  std::memcpy(packet.data, hop.header.data(), hop.header_size);
  put_header(packet, flow.new_source, flow.new_destination, Protocol::Tcp, sizeof(TcpHeader));
  TcpHeader tcp{};
  tcp.source_port = flow.new_source_port;
  tcp.destination_port = flow.new_destination_port;
  tcp.sequence = Be32{sequence};
  tcp.words = sizeof(TcpHeader) / 4 << 4;
  tcp.flags = TcpHeader::ack;
  const std::uint64_t pseudo = sum_pseudo_header(
      flow.new_source, flow.new_destination, static_cast<std::uint8_t>(Protocol::Tcp), sizeof tcp);
  tcp.checksum =
      checksum_of(pseudo + sum_words(reinterpret_cast<const std::uint8_t*>(&tcp), sizeof tcp));
  packet.header<TcpHeader>(packet.transport) = tcp;
  frame.length = packet.length;
  frame.egress = hop.port;
}
template void write_question(OwnFrame&, const Flow4&, const NextHop&, std::uint32_t);
template void write_question(OwnFrame&, const Flow6&, const NextHop&, std::uint32_t);

}  // namespace dataplane
