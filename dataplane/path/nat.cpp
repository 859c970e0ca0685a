#include "dataplane/path/nat.h"

#include <cstring>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/headers.h"

namespace dataplane {
namespace {

/// UDP's zero means "none" and stays; a computed zero is sent as its other form (RFC 768).
void adjust_udp(Be16& checksum, std::uint32_t delta) {
  if (checksum == Be16{0}) return;
  checksum = adjusted(checksum, delta);
  if (checksum == Be16{0}) checksum = Be16{0xffff};
}

void rewrite_ports(Be16& source, Be16& destination, const Flow4& flow) {
  source = flow.new_source_port;
  destination = flow.new_destination_port;
}

/// The quoted packet: as much of it as is there. Its addresses and ports become `key`'s.
void rewrite_quote(Packet& packet, std::size_t offset, const FlowKey4& key) {
  auto& ip = packet.header<Ipv4Header>(offset);
  const std::size_t transport = offset + ip.header_bytes();
  auto& ports = packet.header<UdpHeader>(transport);
  const std::uint64_t old_addresses = sum_words(ip.source) + sum_words(ip.destination);
  const std::uint64_t new_addresses = sum_words(key.source) + sum_words(key.destination);
  const std::uint64_t old_ports =
      std::uint64_t{ports.source_port.wire()} + ports.destination_port.wire();
  const std::uint64_t new_ports =
      std::uint64_t{key.source_port.wire()} + key.destination_port.wire();
  const std::uint16_t delta = difference(new_addresses + new_ports, old_addresses + old_ports);
  ip.checksum = adjusted(ip.checksum, difference(new_addresses, old_addresses));
  ip.source = key.source;
  ip.destination = key.destination;
  ports.source_port = key.source_port;
  ports.destination_port = key.destination_port;
  if (key.protocol == Protocol::Udp) {
    adjust_udp(ports.checksum, delta);
  } else if (auto* tcp = packet.at<TcpHeader>(transport)) {
    tcp->checksum = adjusted(tcp->checksum, delta);
  }
}

}  // namespace

void rewrite_nat(Packet& packet, const Flow4& flow) {
  auto& ip = packet.header<Ipv4Header>(packet.network);
  DCHECK(ip.ttl > 1);
  ip.source = flow.new_source;
  ip.destination = flow.new_destination;
  ip.ttl = static_cast<std::uint8_t>(ip.ttl - 1);
  ip.checksum = adjusted(ip.checksum, std::uint32_t{flow.network_delta} + ttl_decrement_delta);
  if (flow.key.protocol == Protocol::Tcp) {
    auto& tcp = packet.header<TcpHeader>(packet.transport);
    rewrite_ports(tcp.source_port, tcp.destination_port, flow);
    tcp.checksum = adjusted(tcp.checksum, flow.transport_delta);
  } else {
    auto& udp = packet.header<UdpHeader>(packet.transport);
    rewrite_ports(udp.source_port, udp.destination_port, flow);
    adjust_udp(udp.checksum, flow.transport_delta);
  }
}

void rewrite_icmp_error(Packet& packet, const Flow4& flow, const Flow4& twin) {
  auto& ip = packet.header<Ipv4Header>(packet.network);
  DCHECK(ip.ttl > 1);
  ip.ttl = static_cast<std::uint8_t>(ip.ttl - 1);
  // Towards the client the error comes from the listener's address: routers and targets behind us
  // are not to be seen, and might not be routable from there. Towards the target its sender is
  // kept.
  if (flow.direction == Direction::ToClient) ip.source = flow.new_source;
  ip.destination = flow.new_destination;
  set_header_checksum(ip);
  // What the receiver of the error had sent has the key of the other direction.
  rewrite_quote(packet, packet.transport + sizeof(IcmpHeader), twin.key);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  icmp.checksum = Be16{0};
  icmp.checksum =
      checksum_of(sum_words(packet.data + packet.transport, packet.length - packet.transport));
}

void set_link_header(Packet& packet, const NextHop& hop) {
  DCHECK(hop.resolved());
  const int growth = hop.header_size - packet.network;  // −4, 0 or 4: a VLAN tag
  DCHECK(growth <= packet.headroom);
  packet.data -= growth;
  packet.headroom = static_cast<std::uint16_t>(packet.headroom - growth);
  packet.length = static_cast<std::uint16_t>(packet.length + growth);
  packet.transport = static_cast<std::uint16_t>(packet.transport + growth);
  packet.network = hop.header_size;
  std::memcpy(packet.data, hop.header.data(), hop.header_size);
  packet.egress = hop.port;
}

}  // namespace dataplane
