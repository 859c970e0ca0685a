// Addresses: IPv4, IPv6, MAC, and the protocol numbers that go with them.
//
// Plain values in wire order. The packet path has a type for each family, so that a key is as small
// as its family allows; whatever is not done for each packet uses IpAddress, which is either. Text
// goes in through parse_*() (nullopt on anything else) and out through to_string(); neither is used
// on the packet path.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

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

struct Ipv6Address {
  std::array<std::uint8_t, 16> bytes{};

  friend constexpr bool operator==(const Ipv6Address&, const Ipv6Address&) = default;
  friend constexpr std::strong_ordering operator<=>(const Ipv6Address&,
                                                    const Ipv6Address&) = default;
  /// 8 bytes each, in wire order: what is hashed and summed.
  [[nodiscard]] constexpr std::array<std::uint64_t, 2> words() const {
    return std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
  }
  [[nodiscard]] constexpr bool is_multicast() const { return bytes[0] == 0xff; }
  [[nodiscard]] constexpr bool is_unspecified() const { return *this == Ipv6Address{}; }
  /// fe80::/10: means something on its own link only.
  [[nodiscard]] constexpr bool is_link_local() const {
    return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  }
  /// ::ffff:0:0/96 stands for an IPv4 address inside a host (RFC 4291, 2.5.5.2); never on a wire.
  [[nodiscard]] constexpr bool is_v4_mapped() const {
    for (std::size_t i = 0; i < 10; ++i) {
      if (bytes[i] != 0) return false;
    }
    return bytes[10] == 0xff && bytes[11] == 0xff;
  }
  /// Multicast, ::, ::1 and IPv4-mapped addresses never name the sender of a packet (RFC 4291).
  [[nodiscard]] constexpr bool may_be_source() const {
    constexpr Ipv6Address loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return !is_multicast() && !is_unspecified() && *this != loopback && !is_v4_mapped();
  }
};

/// May a packet to `destination` come from `source`? A DHCP client asks from 0.0.0.0 to everybody;
/// who has no IPv6 address yet sends from ::, to a group (RFC 4862, 5.4.2).
[[nodiscard]] constexpr bool may_send(const Ipv4Address& source, const Ipv4Address& destination) {
  return source.may_be_source() || destination.is_broadcast();
}
[[nodiscard]] constexpr bool may_send(const Ipv6Address& source, const Ipv6Address& destination) {
  return source.may_be_source() || (source.is_unspecified() && destination.is_multicast());
}

enum class Family : std::uint8_t { V4, V6 };

/// An address of either family, as IPv6 writes both: IPv4's are mapped into ::ffff:0:0/96. Ordered:
/// all of IPv4 in numeric order, then IPv6.
class IpAddress {
 public:
  constexpr IpAddress() : IpAddress(Ipv4Address{}) {}  // 0.0.0.0
  // Implicit on purpose: every address of a family is an IpAddress.
  constexpr IpAddress(Ipv4Address address) {
    const std::uint32_t host = address.bits.value();
    bits_.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    for (std::size_t i = 0; i < 4; ++i) {
      bits_.bytes[12 + i] = static_cast<std::uint8_t>(host >> (24 - 8 * i));
    }
  }
  constexpr IpAddress(const Ipv6Address& address) : bits_(address) {}

  [[nodiscard]] constexpr Family family() const {
    return bits_.is_v4_mapped() ? Family::V4 : Family::V6;
  }
  [[nodiscard]] constexpr bool is_v4() const { return bits_.is_v4_mapped(); }
  /// The last four bytes: the address itself if it is IPv4.
  [[nodiscard]] constexpr Ipv4Address v4() const {
    std::uint32_t host = 0;
    for (std::size_t i = 12; i < 16; ++i) host = host << 8 | bits_.bytes[i];
    return {Be32{host}};
  }
  [[nodiscard]] constexpr const Ipv6Address& v6() const { return bits_; }
  /// Of that family; and v4() or v6().
  template <class Address>
  [[nodiscard]] constexpr bool is_a() const {
    return is_v4() == std::is_same_v<Address, Ipv4Address>;
  }
  template <class Address>
  [[nodiscard]] constexpr Address as() const {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return v4();
    } else {
      return v6();
    }
  }
  [[nodiscard]] constexpr bool is_multicast() const {
    return is_v4() ? v4().is_multicast() : bits_.is_multicast();
  }
  [[nodiscard]] constexpr bool may_be_source() const {
    return is_v4() ? v4().may_be_source() : bits_.may_be_source();
  }
  /// 32 or 128.
  [[nodiscard]] constexpr std::uint8_t width() const { return is_v4() ? 32 : 128; }

  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;
  friend constexpr std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    if (a.family() != b.family()) return a.family() <=> b.family();
    return a.bits_ <=> b.bits_;
  }

 private:
  Ipv6Address bits_;
};

/// A network, e.g. 10.0.1.0/24 or 2001:db8::/64. `address` may have host bits set (an interface's
/// address).
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 32;  // 0..address.width()

  friend constexpr bool operator==(const IpPrefix&, const IpPrefix&) = default;
  /// Names one host only.
  [[nodiscard]] constexpr bool is_host() const { return length == address.width(); }
  /// Without the host's bits: 10.0.1.2/24 → 10.0.1.0/24.
  [[nodiscard]] constexpr IpPrefix network() const { return {with_host_bits(0x00), length}; }
  /// With all of the host's bits set: in IPv4 the broadcast address.
  [[nodiscard]] constexpr IpAddress last() const { return with_host_bits(0xff); }
  [[nodiscard]] constexpr bool contains(const IpAddress& other) const {
    return other.family() == address.family() &&
           IpPrefix{other, length}.with_host_bits(0) == with_host_bits(0);
  }

 private:
  [[nodiscard]] constexpr IpAddress with_host_bits(std::uint8_t fill) const {
    Ipv6Address bits = address.v6();
    const unsigned kept = length + 128u - address.width();
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned network_bits = kept <= i * 8 ? 0 : kept - i * 8 < 8 ? kept - i * 8 : 8;
      const auto host_mask = static_cast<std::uint8_t>(0xffu >> network_bits);
      bits.bytes[i] = static_cast<std::uint8_t>((bits.bytes[i] & ~host_mask) | (fill & host_mask));
    }
    return bits;
  }
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// In two words: compared for every packet, and the library's way is a call.
  friend bool operator==(const MacAddress& a, const MacAddress& b) {
    return ((a.low() ^ b.low()) | (a.high() ^ b.high())) == 0;
  }
  [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1) != 0; }
  [[nodiscard]] bool is_zero() const { return (low() | high()) == 0; }

 private:
  [[nodiscard]] std::uint32_t low() const {
    std::uint32_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
  }
  [[nodiscard]] std::uint32_t high() const {
    std::uint16_t word;
    std::memcpy(&word, bytes.data() + 4, sizeof word);
    return word;
  }
};

inline constexpr MacAddress broadcast_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/// IANA protocol numbers of what flows are made of.
enum class Protocol : std::uint8_t { Icmp = 1, Tcp = 6, Udp = 17, IcmpV6 = 58 };

/// What a listener or a target group is for: one protocol, or TCP and UDP alike.
class Protocols {
 public:
  constexpr Protocols() = default;  // TCP
  // Implicit on purpose: a protocol is the set of itself.
  constexpr Protocols(Protocol only) : number_(static_cast<std::uint8_t>(only)) {}
  [[nodiscard]] static constexpr Protocols tcp_udp() { return from_number(0); }
  /// As number() gives it.
  [[nodiscard]] static constexpr Protocols from_number(std::uint8_t number) {
    Protocols protocols;
    protocols.number_ = number;
    return protocols;
  }

  /// The IANA number of the one protocol, 0 for TCP and UDP: for shared memory.
  [[nodiscard]] constexpr std::uint8_t number() const { return number_; }
  [[nodiscard]] constexpr bool has(Protocol one) const {
    return number_ == static_cast<std::uint8_t>(one) ||
           (number_ == 0 && (one == Protocol::Tcp || one == Protocol::Udp));
  }
  [[nodiscard]] constexpr bool has_all_of(Protocols others) const {
    return number_ == others.number_ || (number_ == 0 && has(Protocol{others.number_}));
  }
  [[nodiscard]] constexpr bool has_any_of(Protocols others) const {
    return has_all_of(others) || others.has_all_of(*this);
  }
  friend constexpr auto operator<=>(Protocols, Protocols) = default;

 private:
  std::uint8_t number_ = static_cast<std::uint8_t>(Protocol::Tcp);
};

/// Ports from `first` to `last`, both included.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  [[nodiscard]] constexpr bool has(std::uint16_t port) const {
    return first <= port && port <= last;
  }
  [[nodiscard]] constexpr bool overlaps(PortRange other) const {
    return first <= other.last && other.first <= last;
  }
  friend constexpr bool operator==(PortRange, PortRange) = default;
};
inline constexpr PortRange all_ports{1, 65'535};

/// "198.51.100.7" (four decimal parts without leading zeros) or "2001:db8::7" (RFC 4291, 2.2;
/// not the form that ends in an IPv4 address).
[[nodiscard]] std::optional<IpAddress> parse_address(std::string_view text);
/// "198.51.100.2/24", "2001:db8::2/64"; the length may not be left out.
[[nodiscard]] std::optional<IpPrefix> parse_prefix(std::string_view text);
/// "02:00:5e:10:00:01"; six pairs of hex digits.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

/// IPv6 as RFC 5952 has it: lower case, the longest run of zeros shortened.
[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] std::string to_string(const IpPrefix& prefix);
[[nodiscard]] std::string to_string(const MacAddress& address);
[[nodiscard]] std::string_view to_string(Protocol protocol);
[[nodiscard]] std::string_view to_string(Protocols protocols);
/// "80", "5000-5999", "all"
[[nodiscard]] std::string to_string(PortRange ports);

/// An address with a port: "198.51.100.7:80", "[2001:db8::7]:80" (RFC 5952, 6).
[[nodiscard]] std::string with_port(const IpAddress& address, std::uint16_t port);
struct AddressAndPort {
  IpAddress address;
  std::uint16_t port = 0;  // 1..65535
};
/// What with_port() writes.
[[nodiscard]] std::optional<AddressAndPort> parse_with_port(std::string_view text);

/// How a target is named: as with_port(), or "10.0.1.11:same" (port 0) where its flows keep the
/// port that the client asked for.
[[nodiscard]] std::string target_text(const IpAddress& address, std::uint16_t port);
/// What target_text() writes.
[[nodiscard]] std::optional<AddressAndPort> parse_target(std::string_view text);

static_assert(sizeof(Ipv4Address) == 4 && alignof(Ipv4Address) == 1);
static_assert(sizeof(Ipv6Address) == 16 && alignof(Ipv6Address) == 1);
static_assert(sizeof(IpAddress) == 16);
static_assert(sizeof(MacAddress) == 6);

}  // namespace dataplane
