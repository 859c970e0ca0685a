// The headers Spillway reads and writes, byte for byte.
//
// Every struct has alignment 1 and the size of its RFC; all numbers are Be16/Be32. They are views
// into a frame: obtained with Packet::at<T>(offset), which checks the length, never by pointer
// arithmetic.
#pragma once

#include <cstdint>

#include "dataplane/packet/address.h"
#include "dataplane/packet/net_order.h"

namespace dataplane {

namespace ether_type {
inline constexpr Be16 ipv4{0x0800};
inline constexpr Be16 arp{0x0806};
inline constexpr Be16 vlan{0x8100};
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
};

static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);
static_assert(sizeof(ArpHeader) == 28 && alignof(ArpHeader) == 1);
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

}  // namespace dataplane
