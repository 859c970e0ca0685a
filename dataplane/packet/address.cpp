#include "dataplane/packet/address.h"

#include <arpa/inet.h>

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

// Instead of a target's port: its flows keep theirs.
constexpr std::string_view kept_port = ":same";

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

std::optional<IpAddress> parse_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() ||
      text.find_first_of(std::string_view(".\0", 2)) != std::string_view::npos) {
    return std::nullopt;
  }
  text.copy(terminated.data(), text.size());
  Ipv6Address address;
  if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) != 1) return std::nullopt;
  if (address.is_v4_mapped()) return std::nullopt;  // would be another address
  return IpAddress{address};
}

}  // namespace

std::optional<IpAddress> parse_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_ipv6(text);
  const auto address = take_ipv4(text);
  if (!address || !text.empty()) return std::nullopt;
  return IpAddress{*address};
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, slash));
  text.remove_prefix(slash + 1);
  const auto length = take_decimal(text, 3);
  if (!address || !length || *length > address->width() || !text.empty()) return std::nullopt;
  return IpPrefix{*address, static_cast<std::uint8_t>(*length)};
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

std::string to_string(const IpAddress& address) {
  if (address.is_v4()) {
    const std::uint32_t host = address.v4().bits.value();
    return std::to_string(host >> 24) + "." + std::to_string(host >> 16 & 255) + "." +
           std::to_string(host >> 8 & 255) + "." + std::to_string(host & 255);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, address.v6().bytes.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string with_port(const IpAddress& address, std::uint16_t port) {
  const std::string text = to_string(address);
  return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

std::optional<AddressAndPort> parse_with_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  const bool brackets = host.size() > 1 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = parse_address(host);
  const auto number = take_decimal(port, 5);
  if (!address || address->is_v4() == brackets) return std::nullopt;
  if (!port.empty() || !number || *number == 0 || *number > 65'535) return std::nullopt;
  return AddressAndPort{*address, static_cast<std::uint16_t>(*number)};
}

std::string target_text(const IpAddress& address, std::uint16_t port) {
  if (port != 0) return with_port(address, port);
  const std::string text = to_string(address);
  return (address.is_v4() ? text : "[" + text + "]") + std::string(kept_port);
}

std::optional<AddressAndPort> parse_target(std::string_view text) {
  if (!text.ends_with(kept_port)) return parse_with_port(text);
  // Whatever port: the brackets are what it looks at.
  auto target = parse_with_port(std::string(text.substr(0, text.size() - kept_port.size())) + ":1");
  if (target) target->port = 0;
  return target;
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
    case Protocol::IcmpV6: return "icmpv6";
  }
  return "unknown";
}

std::string_view to_string(Protocols protocols) {
  return protocols == Protocols::tcp_udp() ? "tcp_udp" : to_string(Protocol{protocols.number()});
}

std::string to_string(PortRange ports) {
  if (ports == all_ports) return "all";
  const std::string first = std::to_string(ports.first);
  return ports.first == ports.last ? first : first + "-" + std::to_string(ports.last);
}

}  // namespace dataplane
