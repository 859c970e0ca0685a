#include "dataplane/packet/address.h"

#include <charconv>
#include <cstdio>

namespace dataplane {
namespace {

// A decimal number of at most `digits_max` digits, no sign, no leading zero; eaten from `text`.
std::optional<unsigned> take_decimal(std::string_view& text, std::size_t digits_max) {
  std::size_t digits = 0;
  while (digits < text.size() && digits < digits_max && text[digits] >= '0' &&
         text[digits] <= '9') {
    ++digits;
  }
  if (digits == 0 || (digits > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text[0] != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Ipv4Address> take_ipv4(std::string_view& text) {
  std::uint32_t host = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(text, '.')) return std::nullopt;
    const auto value = take_decimal(text, 3);
    if (!value || *value > 255) return std::nullopt;
    host = host << 8 | *value;
  }
  return Ipv4Address{Be32{host}};
}

}  // namespace

std::optional<Ipv4Address> parse_ipv4(std::string_view text) {
  const auto address = take_ipv4(text);
  if (!text.empty()) return std::nullopt;
  return address;
}

std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) {
  const auto address = take_ipv4(text);
  if (!address || !take(text, '/')) return std::nullopt;
  const auto length = take_decimal(text, 2);
  if (!length || *length > 32 || !text.empty()) return std::nullopt;
  return Ipv4Prefix{*address, static_cast<std::uint8_t>(*length)};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac;
  for (std::size_t part = 0; part < mac.bytes.size(); ++part) {
    if (part > 0 && !take(text, ':')) return std::nullopt;
    if (text.size() < 2) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + 2, mac.bytes[part], 16);
    if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
    text.remove_prefix(2);
  }
  if (!text.empty()) return std::nullopt;
  return mac;
}

std::string to_string(Ipv4Address address) {
  const std::uint32_t host = address.bits.value();
  return std::to_string(host >> 24) + "." + std::to_string(host >> 16 & 255) + "." +
         std::to_string(host >> 8 & 255) + "." + std::to_string(host & 255);
}

std::string to_string(Ipv4Prefix prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const MacAddress& address) {
  std::array<char, 18> text{};
  const auto& b = address.bytes;
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
                b[4], b[5]);
  return text.data();
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::Icmp: return "icmp";
    case Protocol::Tcp: return "tcp";
    case Protocol::Udp: return "udp";
  }
  return "unknown";
}

}  // namespace dataplane
