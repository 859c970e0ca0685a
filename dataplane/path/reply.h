// Packets we send ourselves, made in the buffer of the packet they answer. The frame goes back to
// where it came from: same port, same VLAN tag, MAC addresses swapped; so no next hop is needed.
#pragma once

#include <cstdint>

#include "dataplane/packet/own_frame.h"
#include "dataplane/packet/packet.h"
#include "dataplane/table/flow.h"
#include "dataplane/table/next_hop.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// ARP request → reply for the address it asks for (RFC 826).
void reply_arp(Packet& packet, const Port& port);

/// Neighbour solicitation → advertisement of the address it asks for (RFC 4861, 7.2.4).
void reply_neighbour(Packet& packet, const Port& port);

/// ICMP echo request → echo reply (RFC 792; RFC 4443, 4.2).
void reply_echo(Packet& packet, const Port& port);

/// TCP segment → the RST that RFC 9293, 3.10.7.1 prescribes for a connection that does not exist.
/// Never for a segment with RST.
void reply_reset(Packet& packet, const Port& port);

/// IPv4 packet → ICMP "fragmentation needed" with the MTU of the next link (RFC 1191), quoting as
/// much as fits into 576 bytes (RFC 1812, 4.3.2.3). IPv6 packet → ICMPv6 "packet too big", quoting
/// as much as fits into 1,280 (RFC 4443, 3.2).
void reply_too_big(Packet& packet, const Port& port, std::uint16_t mtu);

/// UDP packet → ICMP "communication administratively prohibited" (RFC 1812, 5.2.7.1; RFC
/// 4443, 3.1), quoting as reply_too_big() does.
void reply_prohibited(Packet& packet, const Port& port);

/// What asks the receiver of a TCP flow's packets where it is: an ACK without data as the flow's
/// sender's, with a sequence number that is probably in no window. It is answered with an ACK that
/// says which one is expected (RFC 9293, 3.10.7.4); a RST has to carry that one, or it is not
/// believed (RFC 5961, 3.2). `hop` must be resolved.
template <class Address>
void write_question(OwnFrame& frame, const Flow<Address>& flow, const NextHop& hop,
                    std::uint32_t sequence);

}  // namespace dataplane
