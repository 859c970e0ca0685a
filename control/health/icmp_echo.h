// IcmpEcho: the bytes of an ICMP echo request, and whether bytes are its reply. Pure.
//
// Written and read by the icmp probe; RFC 792, RFC 4443.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace control {

struct IcmpEcho {
  bool ipv6 = false;
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
  std::uint64_t token = 0;  // the payload: tells this request's reply from every other's

  /// With its checksum for IPv4; for IPv6 the kernel makes it.
  [[nodiscard]] std::string request() const;
  /// `message`: from the ICMP type on. A ping socket's kernel puts its own identifier into the
  /// request, so that is not compared; the token is.
  [[nodiscard]] bool is_reply(std::string_view message) const;
};

/// What a raw IPv4 socket receives begins with the IP header; "" if there is nothing behind it.
[[nodiscard]] std::string_view behind_ipv4_header(std::string_view packet);

}  // namespace control
