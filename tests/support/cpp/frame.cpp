#include "tests/support/cpp/frame.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tests {
namespace {

template <class Header>
void append(Bytes& bytes, const Header& header) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(&header);
  // Not insert(): at -O3, GCC 12 sees it write out of bounds.
  for (std::size_t i = 0; i < sizeof header; ++i) bytes.push_back(first[i]);
}

// Deliberately the slow textbook way (RFC 1071), byte by byte and independent of dataplane/.
std::uint16_t checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : std::uint32_t{bytes[i]};
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put(Bytes& bytes, std::size_t offset, std::uint16_t value) {
  bytes[offset] = static_cast<std::uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<std::uint8_t>(value);
}

[[noreturn]] void bad(std::string_view what, std::string_view text) {
  std::fprintf(stderr, "test bug: bad %.*s '%.*s'\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(text.size()), text.data());
  std::abort();
}

}  // namespace

IpAddress ip(std::string_view text) {
  const auto address = dataplane::parse_address(text);
  if (!address) bad("address", text);
  return *address;
}

MacAddress mac(std::string_view text) {
  const auto address = dataplane::parse_mac(text);
  if (!address) bad("MAC address", text);
  return *address;
}

SocketAddress endpoint(std::string_view text) {
  if (const auto address = dataplane::parse_address(text)) return {*address, 0};
  const auto found = dataplane::parse_with_port(text);
  if (!found) bad("endpoint", text);
  return {found->address, found->port};
}

namespace {

/// In wire order.
void append(Bytes& bytes, const IpAddress& address) {
  if (address.is_v4()) {
    append(bytes, address.v4());
  } else {
    append(bytes, address.v6());
  }
}

}  // namespace

Frame& Frame::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
  protocol = source.address.is_v4() ? 1 : 58;
  icmp_type_ = type;
  icmp_code_ = code;
  icmp_rest_ = rest;
  return *this;
}

Bytes Frame::transport() const {
  Bytes out;
  std::size_t at = 0;
  if (protocol == 6) {
    append(out, dataplane::TcpHeader{Be16{source.port}, Be16{destination.port}, Be32{sequence_},
                                     Be32{acknowledgement_}, 0x50, tcp_flags_, Be16{window_},
                                     Be16{0}, Be16{0}});
    at = 16;
  } else if (protocol == 17) {
    const auto length = static_cast<std::uint16_t>(8 + payload_.size());
    append(out,
           dataplane::UdpHeader{Be16{source.port}, Be16{destination.port}, Be16{length}, Be16{0}});
    at = 6;
  } else if (protocol == 1 || protocol == 58) {
    out = {icmp_type_, icmp_code_, 0, 0};
    append(out, Be32{icmp_rest_});
    at = 2;
  }
  out.insert(out.end(), payload_.begin(), payload_.end());
  if (at == 0 || (protocol == 17 && !udp_checksum_)) return out;
  Bytes covered;
  if (protocol != 1) {
    append(covered, source.address);
    append(covered, destination.address);
    append(covered, Be16{protocol});
    append(covered, Be16{static_cast<std::uint16_t>(out.size())});
  }
  covered.insert(covered.end(), out.begin(), out.end());
  std::uint16_t sum = checksum(covered);
  if (protocol == 17 && sum == 0) sum = 0xffff;
  put(out, at, sum);
  return out;
}

Bytes Frame::ip_packet() const { return source.address.is_v4() ? ipv4_packet() : ipv6_packet(); }

Bytes Frame::ipv4_packet() const {
  const Bytes inner = transport();
  const std::size_t header = 20 + options_.size();
  Bytes out;
  append(out,
         dataplane::Ipv4Header{static_cast<std::uint8_t>(0x40 | header / 4), 0,
                               Be16{static_cast<std::uint16_t>(header + inner.size())},
                               Be16{identification_}, Be16{fragment_.value_or(0x4000)}, ttl_,
                               protocol, Be16{0}, source.address.v4(), destination.address.v4()});
  out.insert(out.end(), options_.begin(), options_.end());
  put(out, 10, checksum(out));
  out.insert(out.end(), inner.begin(), inner.end());
  return out;
}

Bytes Frame::ipv6_packet() const {
  Bytes inner;
  std::uint8_t first = protocol;
  if (!options_.empty()) {
    first = options_.front();
    inner.assign(options_.begin() + 1, options_.end());
  }
  if (fragment_) {
    first = 44;
    inner.insert(inner.end(), {protocol, 0});
    append(inner, Be16{*fragment_});
    append(inner, Be32{identification_});
  }
  const Bytes rest = transport();
  inner.insert(inner.end(), rest.begin(), rest.end());
  Bytes out;
  append(out, dataplane::Ipv6Header{Be32{6u << 28 | flow_label_},
                                    Be16{static_cast<std::uint16_t>(inner.size())}, first, ttl_,
                                    source.address.v6(), destination.address.v6()});
  out.insert(out.end(), inner.begin(), inner.end());
  return out;
}

Bytes Frame::bytes() const {
  Bytes out;
  append(out, destination_mac_);
  append(out, source_mac_);
  if (vlan_) {
    append(out, Be16{0x8100});
    append(out, Be16{*vlan_});
  }
  append(out, Be16{source.address.is_v4() ? std::uint16_t{0x0800} : std::uint16_t{0x86dd}});
  const Bytes packet = ip_packet();
  out.insert(out.end(), packet.begin(), packet.end());
  return out;
}

Frame tcp(std::string_view source, std::string_view destination) {
  Frame frame;
  frame.source = endpoint(source);
  frame.destination = endpoint(destination);
  return frame;
}

Frame udp(std::string_view source, std::string_view destination) {
  Frame frame = tcp(source, destination);
  frame.protocol = 17;
  return frame;
}

Frame echo(std::string_view source, std::string_view destination) {
  Frame frame = tcp(source, destination);
  const std::uint8_t type = frame.source.address.is_v4() ? 8 : 128;
  frame.icmp(type, 0, 7u << 16 | 1u).payload("ping");
  return frame;
}

namespace {

Bytes neighbour_payload(const IpAddress& target, std::uint8_t option, MacAddress address) {
  Bytes payload;
  append(payload, target);
  payload.push_back(option);
  payload.push_back(1);
  append(payload, address);
  return payload;
}

}  // namespace

Frame solicitation(std::string_view source, std::string_view destination, std::string_view target,
                   MacAddress asker) {
  Frame frame = tcp(source, destination);
  frame.icmp(135, 0, 0).ttl(255).payload(neighbour_payload(ip(target), 1, asker)).from_mac(asker);
  return frame;
}

Frame advertisement(std::string_view source, std::string_view destination, MacAddress owner,
                    bool solicited) {
  Frame frame = tcp(source, destination);
  const std::uint32_t flags = solicited ? 0x6000'0000u : 0x2000'0000u;
  frame.icmp(136, 0, flags)
      .ttl(255)
      .flow_label(0)
      .payload(neighbour_payload(ip(source), 2, owner))
      .from_mac(owner);
  return frame;
}

Bytes arp(std::uint16_t operation, MacAddress sender_mac, std::string_view sender,
          MacAddress target_mac, std::string_view target, MacAddress to_mac) {
  Bytes out;
  append(out, to_mac);
  append(out, sender_mac);
  append(out, Be16{0x0806});
  append(out, dataplane::ArpHeader{Be16{1}, Be16{0x0800}, 6, 4, Be16{operation}, sender_mac,
                                   ip(sender).v4(), target_mac, ip(target).v4()});
  return out;
}

std::string dump(const Bytes& bytes) {
  std::string text;
  char buffer[32];
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) {
      std::snprintf(buffer, sizeof buffer, "\n%04zx ", i);
      text += buffer;
    }
    std::snprintf(buffer, sizeof buffer, " %02x", bytes[i]);
    text += buffer;
  }
  return text;
}

}  // namespace tests
