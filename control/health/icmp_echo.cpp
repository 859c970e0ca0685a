#include "control/health/icmp_echo.h"

#include <cstddef>
#include <cstring>

namespace control {
namespace {

constexpr std::size_t header_size = 8;  // type, code, checksum, identifier, sequence

char high(std::uint32_t number) { return static_cast<char>(number >> 8 & 0xff); }
char low(std::uint32_t number) { return static_cast<char>(number & 0xff); }

// RFC 1071, of an even number of bytes.
std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << 8 |
           static_cast<std::uint8_t>(bytes[i + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

}  // namespace

std::string IcmpEcho::request() const {
  std::string message(header_size + sizeof token, '\0');
  message[0] = ipv6 ? '\x80' : '\x08';
  message[4] = high(identifier);
  message[5] = low(identifier);
  message[6] = high(sequence);
  message[7] = low(sequence);
  std::memcpy(message.data() + header_size, &token, sizeof token);
  if (!ipv6) {
    const std::uint16_t sum = checksum(message);
    message[2] = high(sum);
    message[3] = low(sum);
  }
  return message;
}

bool IcmpEcho::is_reply(std::string_view message) const {
  if (message.size() < header_size + sizeof token) return false;
  if (message[0] != (ipv6 ? '\x81' : '\0') || message[1] != '\0') return false;
  if (message[6] != high(sequence) || message[7] != low(sequence)) return false;
  return std::memcmp(message.data() + header_size, &token, sizeof token) == 0;
}

std::string_view behind_ipv4_header(std::string_view packet) {
  if (packet.empty()) return {};
  const std::size_t size = std::size_t{static_cast<std::uint8_t>(packet[0]) & 0x0fu} * 4;
  return packet.size() > size ? packet.substr(size) : std::string_view{};
}

}  // namespace control
