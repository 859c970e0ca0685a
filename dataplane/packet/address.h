// Addresses: IPv4, MAC, and the protocol numbers that go with them.
//
// Plain values in wire order. Text goes in through parse_*() (nullopt on anything but the one
// canonical notation) and out through to_string(); neither is used on the packet path.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/packet/net_order.h"

namespace dataplane {

struct Ipv4Address {
  Be32 bits;

  friend constexpr bool operator==(Ipv4Address, Ipv4Address) = default;
  /// Numeric order, for sorted containers and for Maglev's order of targets.
  friend constexpr std::strong_ordering operator<=>(Ipv4Address a, Ipv4Address b) {
    return a.bits.value() <=> b.bits.value();
  }
  [[nodiscard]] constexpr bool is_multicast() const { return (bits.value() >> 28) == 0xe; }
  [[nodiscard]] constexpr bool is_broadcast() const { return bits.value() == 0xffffffff; }
  /// 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and 240.0.0.0/4 never name the sender of a packet
  /// (RFC 1122, 3.2.1.3).
  [[nodiscard]] constexpr bool may_be_source() const {
    const std::uint32_t first = bits.value() >> 24;
    return first != 0 && first != 127 && first < 224;
  }
};

/// An IPv4 network, e.g. 10.0.1.0/24. `address` may have host bits set (an interface address).
struct Ipv4Prefix {
  Ipv4Address address;
  std::uint8_t length = 32;  // 0..32

  friend constexpr bool operator==(Ipv4Prefix, Ipv4Prefix) = default;
  [[nodiscard]] constexpr std::uint32_t mask() const {
    return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
  }
  [[nodiscard]] constexpr bool contains(Ipv4Address other) const {
    return ((address.bits.value() ^ other.bits.value()) & mask()) == 0;
  }
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  friend constexpr bool operator==(const MacAddress&, const MacAddress&) = default;
  [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1) != 0; }
  [[nodiscard]] constexpr bool is_zero() const { return *this == MacAddress{}; }
};

inline constexpr MacAddress broadcast_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/// IANA protocol numbers of what flows are made of.
enum class Protocol : std::uint8_t { Icmp = 1, Tcp = 6, Udp = 17 };

/// "198.51.100.7"; four decimal parts without leading zeros.
[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);
/// "198.51.100.2/24"; the length may not be left out.
[[nodiscard]] std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text);
/// "02:00:5e:10:00:01"; six pairs of hex digits.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

[[nodiscard]] std::string to_string(Ipv4Address address);
[[nodiscard]] std::string to_string(Ipv4Prefix prefix);
[[nodiscard]] std::string to_string(const MacAddress& address);
[[nodiscard]] std::string_view to_string(Protocol protocol);

static_assert(sizeof(Ipv4Address) == 4 && alignof(Ipv4Address) == 1);
static_assert(sizeof(MacAddress) == 6);

}  // namespace dataplane
