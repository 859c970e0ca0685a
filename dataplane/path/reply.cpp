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
Ipv4Header ipv4_header(Ipv4Address source, Ipv4Address destination, Protocol protocol,
                       std::size_t total) {
  Ipv4Header ip{.version_and_words = 0x45,
                .service = 0,
                .total_length = Be16{static_cast<std::uint16_t>(total)},
                .identification = Be16{0},
                .fragment = Be16{Ipv4Header::dont_fragment},
                .ttl = reply_ttl,
                .protocol = static_cast<std::uint8_t>(protocol),
                .checksum = Be16{0},
                .source = source,
                .destination = destination};
  set_header_checksum(ip);
  return ip;
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

void reply_echo(Packet& packet, const Port& port) {
  turn_around(packet, port);
  auto& ip = packet.header<Ipv4Header>(packet.network);
  std::swap(ip.source, ip.destination);
  ip.ttl = reply_ttl;
  set_header_checksum(ip);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  // Only the type changes, by −8 in the first byte of its word (RFC 1624).
  const std::uint16_t delta = difference(Be16{std::uint16_t{IcmpHeader::echo_reply} << 8}.wire(),
                                         Be16{std::uint16_t{IcmpHeader::echo_request} << 8}.wire());
  icmp.type = IcmpHeader::echo_reply;
  icmp.checksum = adjusted(icmp.checksum, delta);
}

void reply_reset(Packet& packet, const Port& port) {
  turn_around(packet, port);
  const Ipv4Header old_ip = packet.header<Ipv4Header>(packet.network);
  const TcpHeader old_tcp = packet.header<TcpHeader>(packet.transport);
  DCHECK((old_tcp.flags & TcpHeader::rst) == 0);
  const std::uint32_t payload =
      old_ip.total_length.value() - old_ip.header_bytes() - old_tcp.header_bytes();
  TcpHeader tcp{};
  tcp.source_port = old_tcp.destination_port;
  tcp.destination_port = old_tcp.source_port;
  tcp.words = sizeof(TcpHeader) / 4 << 4;
  tcp.flags = TcpHeader::rst;
  if ((old_tcp.flags & TcpHeader::ack) != 0) {
    tcp.sequence = old_tcp.acknowledgement;
  } else {
    // SYN and FIN each count as one byte.
    const std::uint32_t ends = ((old_tcp.flags & TcpHeader::syn) != 0 ? 1u : 0u) +
                               ((old_tcp.flags & TcpHeader::fin) != 0 ? 1u : 0u);
    tcp.acknowledgement = Be32{old_tcp.sequence.value() + payload + ends};
    tcp.flags |= TcpHeader::ack;
  }
  const std::uint64_t pseudo = sum_pseudo_header(
      old_ip.destination, old_ip.source, static_cast<std::uint8_t>(Protocol::Tcp), sizeof tcp);
  tcp.checksum =
      checksum_of(pseudo + sum_words(reinterpret_cast<const std::uint8_t*>(&tcp), sizeof tcp));
  const std::size_t total = sizeof(Ipv4Header) + sizeof tcp;
  resize(packet, total);
  packet.transport = static_cast<std::uint16_t>(packet.network + sizeof(Ipv4Header));
  packet.header<Ipv4Header>(packet.network) =
      ipv4_header(old_ip.destination, old_ip.source, Protocol::Tcp, total);
  packet.header<TcpHeader>(packet.transport) = tcp;
}

void reply_too_big(Packet& packet, const Port& port, std::uint16_t mtu) {
  turn_around(packet, port);
  const Ipv4Header old_ip = packet.header<Ipv4Header>(packet.network);
  constexpr std::size_t headers = sizeof(Ipv4Header) + sizeof(IcmpHeader);
  const std::size_t quoted = std::min<std::size_t>(packet.length - packet.network, 576 - headers);
  std::memmove(packet.data + packet.network + headers, packet.data + packet.network, quoted);
  resize(packet, headers + quoted);
  packet.transport = static_cast<std::uint16_t>(packet.network + sizeof(Ipv4Header));
  packet.header<Ipv4Header>(packet.network) =
      ipv4_header(old_ip.destination, old_ip.source, Protocol::Icmp, headers + quoted);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  icmp = IcmpHeader{.type = IcmpHeader::unreachable,
                    .code = IcmpHeader::fragmentation_needed_code,
                    .checksum = Be16{0},
                    .identifier = Be16{0},
                    .sequence = Be16{mtu}};
  icmp.checksum =
      checksum_of(sum_words(packet.data + packet.transport, packet.length - packet.transport));
}

}  // namespace dataplane
