// Frame: a packet builder for tests. Reads as prose, computes every checksum whole, knows nothing
// of the code under test but the header structs. `tcp("198.51.100.7:5555",
// "203.0.113.10:80").flags(syn)`
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/packet/headers.h"

namespace tests {

using dataplane::Be16;
using dataplane::Be32;
using dataplane::IpAddress;
using dataplane::MacAddress;
using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t syn = dataplane::TcpHeader::syn;
inline constexpr std::uint8_t ack = dataplane::TcpHeader::ack;
inline constexpr std::uint8_t fin = dataplane::TcpHeader::fin;
inline constexpr std::uint8_t rst = dataplane::TcpHeader::rst;
inline constexpr std::uint8_t psh = dataplane::TcpHeader::psh;

[[nodiscard]] IpAddress ip(std::string_view text);
[[nodiscard]] MacAddress mac(std::string_view text);

struct SocketAddress {
  IpAddress address;
  std::uint16_t port = 0;
};
/// "10.0.1.11:8080", "[2001:db8::11]:8080", or an address alone
[[nodiscard]] SocketAddress endpoint(std::string_view text);

/// One Ethernet frame being described; bytes() renders it. IPv6 if its addresses are: ttl() is then
/// the hop limit, icmp() ICMPv6, options() extension headers (the first one's type first),
/// fragment() puts a fragment header in front.
class Frame {
 public:
  Frame& from_mac(MacAddress m) {
    source_mac_ = m;
    return *this;
  }
  Frame& to_mac(MacAddress m) {
    destination_mac_ = m;
    return *this;
  }
  Frame& vlan(std::uint16_t id) {
    vlan_ = id;
    return *this;
  }
  Frame& ttl(std::uint8_t value) {
    ttl_ = value;
    return *this;
  }
  Frame& fragment(std::uint16_t field) {
    fragment_ = field;
    return *this;
  }
  Frame& identification(std::uint16_t value) {
    identification_ = value;
    return *this;
  }
  Frame& flow_label(std::uint32_t value) {
    flow_label_ = value;
    return *this;
  }  // IPv6
  Frame& options(Bytes value) {
    options_ = std::move(value);
    return *this;
  }  // multiple of 4 bytes
  Frame& flags(std::uint8_t value) {
    tcp_flags_ = value;
    return *this;
  }
  Frame& sequence(std::uint32_t value) {
    sequence_ = value;
    return *this;
  }
  Frame& acknowledgement(std::uint32_t value) {
    acknowledgement_ = value;
    return *this;
  }
  Frame& window(std::uint16_t value) {
    window_ = value;
    return *this;
  }
  Frame& payload(std::string_view text) {
    payload_.assign(text.begin(), text.end());
    return *this;
  }
  Frame& payload(Bytes bytes) {
    payload_ = std::move(bytes);
    return *this;
  }
  Frame& no_udp_checksum() {
    udp_checksum_ = false;
    return *this;
  }
  Frame& icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest);

  /// The frame, not padded.
  [[nodiscard]] Bytes bytes() const;
  /// The IP packet alone: what an ICMP error quotes.
  [[nodiscard]] Bytes ip_packet() const;

  std::uint8_t protocol = 6;
  SocketAddress source;
  SocketAddress destination;

 private:
  [[nodiscard]] Bytes transport() const;
  [[nodiscard]] Bytes ipv4_packet() const;
  [[nodiscard]] Bytes ipv6_packet() const;

  MacAddress source_mac_{{2, 0, 0, 0, 0xcc, 1}};
  MacAddress destination_mac_{{2, 0, 0, 0, 0, 0}};
  std::optional<std::uint16_t> vlan_;
  std::uint8_t ttl_ = 64;
  std::optional<std::uint16_t> fragment_;  // IPv4 without: don't fragment
  std::uint16_t identification_ = 0x1234;
  std::uint32_t flow_label_ = 0x1'2345;
  Bytes options_;
  std::uint8_t tcp_flags_ = ack;
  std::uint32_t sequence_ = 1000;
  std::uint32_t acknowledgement_ = 2000;
  std::uint16_t window_ = 64240;
  Bytes payload_;
  bool udp_checksum_ = true;
  std::uint8_t icmp_type_ = 0;
  std::uint8_t icmp_code_ = 0;
  std::uint32_t icmp_rest_ = 0;
};

[[nodiscard]] Frame tcp(std::string_view source, std::string_view destination);
[[nodiscard]] Frame udp(std::string_view source, std::string_view destination);
/// Echo request with identifier 7, sequence 1.
[[nodiscard]] Frame echo(std::string_view source, std::string_view destination);
/// Neighbour solicitation for `target`, with the asker's MAC address as option.
[[nodiscard]] Frame solicitation(std::string_view source, std::string_view destination,
                                 std::string_view target, MacAddress asker);
/// The advertisement that answers it.
[[nodiscard]] Frame advertisement(std::string_view source, std::string_view destination,
                                  MacAddress owner, bool solicited = true);
[[nodiscard]] Bytes arp(std::uint16_t operation, MacAddress sender_mac, std::string_view sender,
                        MacAddress target_mac, std::string_view target, MacAddress to_mac);

/// Hex with offsets, for failure messages.
[[nodiscard]] std::string dump(const Bytes& bytes);

}  // namespace tests
