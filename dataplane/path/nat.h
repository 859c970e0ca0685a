// The rewrite of nat and full_nat: a flow's entry says what addresses and ports become, so one code
// serves both modes and both directions.
#pragma once

#include <cstring>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet.h"
#include "dataplane/table/flow.h"
#include "dataplane/table/next_hop.h"

namespace dataplane {

/// UDP's zero means "none" and stays; a computed zero is sent as its other form (RFC 768).
inline void adjust_udp(Be16& checksum, std::uint16_t delta) {
  if (checksum == Be16{0}) return;
  checksum = adjusted(checksum, delta);
  if (checksum == Be16{0}) checksum = Be16{0xffff};
}

[[nodiscard]] inline std::uint8_t hops_left(const Ipv4Header& ip) { return ip.ttl; }
[[nodiscard]] inline std::uint8_t hops_left(const Ipv6Header& ip) { return ip.hop_limit; }
[[nodiscard]] inline bool may_fragment(const Ipv4Header& ip) { return ip.may_fragment(); }
/// Only its sender may (RFC 8200, 5).
[[nodiscard]] inline bool may_fragment(const Ipv6Header&) { return false; }

/// Addresses, TTL and header checksum of the packet itself.
inline void rewrite_header(Ipv4Header& ip, const Flow4& flow) {
  DCHECK(ip.ttl > 1);
  ip.source = flow.new_source;
  ip.destination = flow.new_destination;
  ip.ttl = static_cast<std::uint8_t>(ip.ttl - 1);
  ip.checksum = adjusted(ip.checksum, flow.network_delta);
}
inline void rewrite_header(Ipv6Header& ip, const Flow6& flow) {
  DCHECK(ip.hop_limit > 1);
  ip.source = flow.new_source;
  ip.destination = flow.new_destination;
  ip.hop_limit = static_cast<std::uint8_t>(ip.hop_limit - 1);
}

/// Rewrites addresses, ports, TTL and checksums of a TCP or UDP packet (RFC 3022, 4; RFC 1624). The
/// TTL must be above 1.
template <class Address>
void rewrite_nat(Packet& packet, const Flow<Address>& flow) {
  rewrite_header(packet.header<HeaderOf<Address>>(packet.network), flow);
  // Source and destination port lie at the same place in both.
  auto& udp = packet.header<UdpHeader>(packet.transport);
  udp.source_port = flow.new_source_port;
  udp.destination_port = flow.new_destination_port;
  if (flow.key.protocol == Protocol::Tcp) {
    auto& tcp = packet.header<TcpHeader>(packet.transport);
    tcp.checksum = adjusted(tcp.checksum, flow.transport_delta);
  } else {
    adjust_udp(udp.checksum, flow.transport_delta);
  }
}

/// The same for an ICMP error about a packet of the flow: outer addresses, and the quoted packet as
/// its sender knew it, which is how `twin` is keyed (RFC 5508, 4.2).
template <class Address>
void rewrite_icmp_error(Packet& packet, const Flow<Address>& flow, const Flow<Address>& twin);

/// Puts the next hop's link header in front of the IP packet, using headroom if it is longer than
/// the one that came (a VLAN tag).
inline void set_link_header(Packet& packet, const NextHop& hop) {
  DCHECK(hop.resolved());
  const int growth = hop.header_size - packet.network;  // −4, 0 or 4: a VLAN tag
  DCHECK(growth <= packet.headroom);
  packet.data -= growth;
  packet.headroom = static_cast<std::uint16_t>(packet.headroom - growth);
  packet.length = static_cast<std::uint16_t>(packet.length + growth);
  packet.transport = static_cast<std::uint16_t>(packet.transport + growth);
  packet.network = hop.header_size;
  // Two copies of a size that the compiler knows.
  std::memcpy(packet.data, hop.header.data(), sizeof(EthernetHeader));
  if (hop.header_size != sizeof(EthernetHeader)) {
    std::memcpy(packet.data + sizeof(EthernetHeader), hop.header.data() + sizeof(EthernetHeader),
                sizeof(VlanTag));
  }
  packet.egress = hop.port;
}

}  // namespace dataplane
