// Reading a frame for people: whom it is from, whom it is for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataplane/packet/address.h"

namespace explain {

/// Of a frame with an IP header; ports are 0 where it has none.
struct Ends {
  dataplane::MacAddress source_mac, destination_mac;
  dataplane::IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t ttl = 0;
  std::uint8_t protocol = 0;   // IANA number
  std::uint8_t tcp_flags = 0;  // 0 where there are none
};
/// nullopt: not IP, or cut short.
[[nodiscard]] std::optional<Ends> ends_of(std::span<const std::uint8_t> frame);

/// "SYN", "SYN ACK", "FIN ACK", "" for none.
[[nodiscard]] std::string flags_text(std::uint8_t tcp_flags);

/// "198.51.100.7:5555", or the address alone where there is no port.
[[nodiscard]] std::string end_text(const dataplane::IpAddress& address, std::uint16_t port);

}  // namespace explain
