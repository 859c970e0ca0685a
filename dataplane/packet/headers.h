// The headers Spillway reads and writes, byte for byte.
//
// Every struct has alignment 1 and the size of its RFC; all numbers are Be16/Be32. They are views
// into a frame: obtained with Packet::at<T>(offset), which checks the length, never by pointer
// arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/packet/address.h"
#include "dataplane/packet/net_order.h"

namespace dataplane {

namespace ether_type {
inline constexpr Be16 ipv4{0x0800};
inline constexpr Be16 arp{0x0806};
inline constexpr Be16 vlan{0x8100};
inline constexpr Be16 ipv6{0x86dd};
}  // namespace ether_type

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 type;
};

/// IEEE 802.1Q: what follows the type 0x8100.
struct VlanTag {
  Be16 control;  // 3 bits priority, 1 bit drop-eligible, 12 bits id
  Be16 type;     // of what follows
  [[nodiscard]] constexpr std::uint16_t id() const { return control.value() & 0x0fff; }
};

/// RFC 826 for IPv4 over Ethernet.
struct ArpHeader {
  Be16 hardware_type;
  Be16 protocol_type;
  std::uint8_t hardware_size;
  std::uint8_t protocol_size;
  Be16 operation;
  MacAddress sender_mac;
  Ipv4Address sender_address;
  MacAddress target_mac;
  Ipv4Address target_address;

  static constexpr Be16 request{1};
  static constexpr Be16 reply{2};
};

/// RFC 791.
struct Ipv4Header {
  std::uint8_t version_and_words;
  std::uint8_t service;
  Be16 total_length;
  Be16 identification;
  Be16 fragment;  // 3 bits flags, 13 bits offset
  std::uint8_t ttl;
  std::uint8_t protocol;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  static constexpr std::uint16_t dont_fragment = 0x4000;
  [[nodiscard]] constexpr unsigned version() const { return version_and_words >> 4; }
  [[nodiscard]] constexpr unsigned header_bytes() const { return (version_and_words & 15u) * 4; }
  /// More-fragments set, or an offset: not a whole datagram.
  [[nodiscard]] constexpr bool is_fragment() const { return (fragment.value() & 0x3fff) != 0; }
  [[nodiscard]] constexpr bool may_fragment() const {
    return (fragment.value() & dont_fragment) == 0;
  }
};

/// RFC 8200.
struct Ipv6Header {
  Be32 version_and_flow;  // 4 bits version, 8 traffic class, 20 flow label
  Be16 payload_length;    // of what follows, extension headers included
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;

  static constexpr std::uint32_t version_6 = 6u << 28;
  [[nodiscard]] constexpr unsigned version() const { return version_and_flow.value() >> 28; }
};

/// The start of the extension headers that may stand in front of a transport header (RFC 8200, 4).
struct Ipv6Extension {
  std::uint8_t next_header;
  std::uint8_t length;  // in units of 8 bytes, the first not counted

  static constexpr std::uint8_t hop_by_hop = 0;
  static constexpr std::uint8_t routing = 43;
  static constexpr std::uint8_t fragment = 44;
  static constexpr std::uint8_t destination_options = 60;
  [[nodiscard]] constexpr std::size_t bytes() const { return (std::size_t{length} + 1) * 8; }
};

template <class Address>
using HeaderOf = std::conditional_t<std::is_same_v<Address, Ipv4Address>, Ipv4Header, Ipv6Header>;

/// RFC 9293.
struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgement;
  std::uint8_t words;  // upper 4 bits: header length in 32-bit words
  std::uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  static constexpr std::uint8_t fin = 0x01;
  static constexpr std::uint8_t syn = 0x02;
  static constexpr std::uint8_t rst = 0x04;
  static constexpr std::uint8_t psh = 0x08;
  static constexpr std::uint8_t ack = 0x10;
  [[nodiscard]] constexpr unsigned header_bytes() const { return (words >> 4) * 4u; }
};

/// RFC 768.
struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;  // 0: the sender did not compute one
};

/// RFC 792.
struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be16 identifier;  // echo; unused in errors
  Be16 sequence;    // echo; next-hop MTU in "fragmentation needed" (RFC 1191)

  static constexpr std::uint8_t echo_reply = 0;
  static constexpr std::uint8_t unreachable = 3;
  static constexpr std::uint8_t echo_request = 8;
  static constexpr std::uint8_t time_exceeded = 11;
  static constexpr std::uint8_t fragmentation_needed_code = 4;
  static constexpr std::uint8_t prohibited_code = 13;  // RFC 1812, 5.2.7.1
};

/// Types of ICMPv6 messages, whose header is ICMP's (RFC 4443; RFC 4861).
namespace icmpv6 {
inline constexpr std::uint8_t unreachable = 1;
inline constexpr std::uint8_t prohibited_code = 1;  // of unreachable
inline constexpr std::uint8_t packet_too_big = 2;   // the header's last 4 bytes: the MTU
inline constexpr std::uint8_t time_exceeded = 3;
inline constexpr std::uint8_t parameter_problem = 4;
inline constexpr std::uint8_t echo_request = 128;
inline constexpr std::uint8_t echo_reply = 129;
inline constexpr std::uint8_t neighbour_first = 133;  // router solicitation
inline constexpr std::uint8_t neighbour_solicitation = 135;
inline constexpr std::uint8_t neighbour_advertisement = 136;
inline constexpr std::uint8_t neighbour_last = 137;  // redirect
}  // namespace icmpv6

/// Neighbour solicitation and advertisement without options (RFC 4861, 4.3 and 4.4).
struct NeighbourMessage {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be32 flags;  // advertisements only
  Ipv6Address target;

  static constexpr std::uint32_t solicited = 1u << 30;
  static constexpr std::uint32_t override_cache = 1u << 29;
};

/// The option that carries a MAC address (RFC 4861, 4.6.1).
struct LinkAddressOption {
  std::uint8_t type;
  std::uint8_t length;  // in units of 8 bytes
  MacAddress address;

  static constexpr std::uint8_t source = 1;
  static constexpr std::uint8_t target = 2;
};

static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);
static_assert(sizeof(ArpHeader) == 28 && alignof(ArpHeader) == 1);
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);
static_assert(sizeof(Ipv6Extension) == 2 && alignof(Ipv6Extension) == 1);
static_assert(sizeof(NeighbourMessage) == 24 && alignof(NeighbourMessage) == 1);
static_assert(sizeof(LinkAddressOption) == 8 && alignof(LinkAddressOption) == 1);
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

}  // namespace dataplane
