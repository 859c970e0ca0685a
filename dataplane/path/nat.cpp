#include "dataplane/path/nat.h"

#include <cstring>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/headers.h"

namespace dataplane {
namespace {

/// The header in front of an ICMP error: towards the client the error comes from the listener's
/// address, since routers and targets behind us are not to be seen, and might not be routable from
/// there. Towards the target its sender is kept.
template <class Address>
void redirect_error(HeaderOf<Address>& ip, const Flow<Address>& flow) {
  if (flow.direction == Direction::ToClient) ip.source = flow.new_source;
  ip.destination = flow.new_destination;
}
void decrement_hops(Ipv4Header& ip) {
  ip.ttl = static_cast<std::uint8_t>(ip.ttl - 1);
  set_header_checksum(ip);
}
void decrement_hops(Ipv6Header& ip) { ip.hop_limit = static_cast<std::uint8_t>(ip.hop_limit - 1); }

/// How long the quoted packet's IP header is, and its checksum's change.
std::size_t readdress(Ipv4Header& ip, const FlowKey4& key, std::uint16_t delta) {
  ip.checksum = adjusted(ip.checksum, delta);
  ip.source = key.source;
  ip.destination = key.destination;
  return ip.header_bytes();
}
std::size_t readdress(Ipv6Header& ip, const FlowKey6& key, std::uint16_t) {
  ip.source = key.source;
  ip.destination = key.destination;
  return sizeof ip;
}

/// The quoted packet: as much of it as is there. Its addresses and ports become `key`'s.
template <class Address>
void rewrite_quote(Packet& packet, std::size_t offset, const FlowKey<Address>& key) {
  auto& ip = packet.header<HeaderOf<Address>>(offset);
  const std::uint64_t old_addresses = sum_words(ip.source) + sum_words(ip.destination);
  const std::uint64_t new_addresses = sum_words(key.source) + sum_words(key.destination);
  const std::size_t header = readdress(ip, key, difference(new_addresses, old_addresses));
  const std::size_t transport = offset + header;
  auto& ports = packet.header<UdpHeader>(transport);
  const std::uint64_t old_ports =
      std::uint64_t{ports.source_port.wire()} + ports.destination_port.wire();
  const std::uint64_t new_ports =
      std::uint64_t{key.source_port.wire()} + key.destination_port.wire();
  const std::uint16_t delta = difference(new_addresses + new_ports, old_addresses + old_ports);
  ports.source_port = key.source_port;
  ports.destination_port = key.destination_port;
  if (key.protocol == Protocol::Udp) {
    adjust_udp(ports.checksum, delta);
  } else if (auto* tcp = packet.at<TcpHeader>(transport)) {
    tcp->checksum = adjusted(tcp->checksum, delta);
  }
}

/// What the checksum of an ICMP message covers besides itself.
std::uint64_t sum_icmp_pseudo_header(const Ipv4Header&, std::size_t) { return 0; }
std::uint64_t sum_icmp_pseudo_header(const Ipv6Header& ip, std::size_t bytes) {
  return sum_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(Protocol::IcmpV6),
                           static_cast<std::uint16_t>(bytes));
}

}  // namespace

template <class Address>
void rewrite_icmp_error(Packet& packet, const Flow<Address>& flow, const Flow<Address>& twin) {
  auto& ip = packet.header<HeaderOf<Address>>(packet.network);
  redirect_error(ip, flow);
  decrement_hops(ip);
  // What the receiver of the error had sent has the key of the other direction.
  rewrite_quote(packet, packet.transport + sizeof(IcmpHeader), twin.key);
  auto& icmp = packet.header<IcmpHeader>(packet.transport);
  const std::size_t bytes = packet.length - packet.transport;
  icmp.checksum = Be16{0};
  icmp.checksum = checksum_of(sum_icmp_pseudo_header(ip, bytes) +
                              sum_words(packet.data + packet.transport, bytes));
}
template void rewrite_icmp_error(Packet&, const Flow4&, const Flow4&);
template void rewrite_icmp_error(Packet&, const Flow6&, const Flow6&);

}  // namespace dataplane
