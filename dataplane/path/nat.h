// The rewrite of nat and full_nat: a flow's entry says what addresses and ports become, so one code
// serves both modes and both directions.
#pragma once

#include "dataplane/packet/packet.h"
#include "dataplane/table/flow.h"
#include "dataplane/table/next_hop.h"

namespace dataplane {

/// Rewrites addresses, ports, TTL and checksums of a TCP or UDP packet (RFC 3022, 4; RFC 1624). The
/// TTL must be above 1.
template <class Address>
void rewrite_nat(Packet& packet, const Flow<Address>& flow);

/// The same for an ICMP error about a packet of the flow: outer addresses, and the quoted packet as
/// its sender knew it, which is how `twin` is keyed (RFC 5508, 4.2).
template <class Address>
void rewrite_icmp_error(Packet& packet, const Flow<Address>& flow, const Flow<Address>& twin);

/// Puts the next hop's link header in front of the IP packet, using headroom if it is longer than
/// the one that came (a VLAN tag).
void set_link_header(Packet& packet, const NextHop& hop);

}  // namespace dataplane
