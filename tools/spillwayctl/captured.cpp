#include "tools/spillwayctl/captured.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <ctime>
#include <optional>

#include "dataplane/packet/verdict.h"
#include "tools/explain/frame_text.h"
#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/pcapng.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::uint8_t digit(char c) { return static_cast<std::uint8_t>(c >= 'a' ? c - 'a' + 10 : c - '0'); }

/// What is no pair of hex digits ends it.
Bytes bytes_of(const Json& frame) {
  const std::string hex = text(frame, "bytes");
  const std::size_t end = std::min(hex.find_first_not_of("0123456789abcdef"), hex.size());
  Bytes bytes;
  bytes.reserve(end / 2);
  for (std::size_t i = 0; i + 1 < end; i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

std::optional<dataplane::Verdict> verdict_of(const Json& packet) {
  const std::string name = text(packet, "verdict");
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<dataplane::Verdict>(i);
    if (name == to_string(verdict)) return verdict;
  }
  return std::nullopt;  // of a newer daemon
}

Colour colour_of_packet(const Json& packet) {
  const auto verdict = verdict_of(packet);
  if (verdict && is_drop(*verdict)) return Colour::Red;
  if (verdict && is_reply(*verdict)) return Colour::Yellow;
  return Colour::None;
}

std::string protocol_text(std::uint8_t number) {
  switch (number) {
    case 1: return "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    case 58: return "icmpv6";
    default: return fmt::format("protocol {}", number);
  }
}

/// "198.51.100.7:5555 > 203.0.113.10:80", or MAC addresses where there are no others.
std::string way_of(const Bytes& frame, std::string& protocol) {
  const auto ends = explain::ends_of(frame);
  if (ends) {
    protocol = protocol_text(ends->protocol);
    if (ends->tcp_flags != 0) protocol += ' ' + explain::flags_text(ends->tcp_flags);
    return fmt::format("{} > {}", explain::end_text(ends->source, ends->source_port),
                       explain::end_text(ends->destination, ends->destination_port));
  }
  if (frame.size() < 14) {
    protocol = "frame";
    return "too short";
  }
  const auto mac = [&](std::size_t at) {
    dataplane::MacAddress address;
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), 6, address.bytes.begin());
    return to_string(address);
  };
  const unsigned type = static_cast<unsigned>(frame[12]) << 8 | frame[13];
  protocol = type == 0x0806 ? "arp" : fmt::format("type {:04x}", type);
  return fmt::format("{} > {}", mac(6), mac(0));
}

std::string time_of_day(std::uint64_t unix_nanoseconds) {
  const auto seconds = static_cast<std::time_t>(unix_nanoseconds / 1'000'000'000);
  return fmt::format("{:%H:%M:%S}.{:06}", fmt::gmtime(seconds),
                     unix_nanoseconds % 1'000'000'000 / 1'000);
}

}  // namespace

std::string show_captured(const Json& packet, bool colours) {
  const Json& before = object(packet, "before");
  const Json& after = object(packet, "after");
  std::string protocol;
  const std::string came = way_of(bytes_of(before), protocol);
  // Columns as wide as what is usual.
  const std::string verdict = fmt::format("{:<15}", text(packet, "verdict"));
  std::string line =
      fmt::format("{}  {}  {:<11}  {}", time_of_day(number(packet, "unix_nanoseconds")),
                  coloured(verdict, colour_of_packet(packet), colours), protocol, came);
  if (!after.empty()) {
    std::string sent_as;
    const std::string left = way_of(bytes_of(after), sent_as);
    line += " => ";
    if (sent_as != protocol) line += sent_as + ' ';
    line += left;
  }
  line += fmt::format("  {} bytes", number(before, "length"));
  for (const char* field : {"listener", "target_group", "target"}) {
    const std::string value = text(packet, field);
    if (!value.empty()) line += "  " + value;
  }
  return line;
}

std::string comment_of(const Json& packet, bool after) {
  std::string comment = fmt::format("{} {}", after ? "after" : "before", text(packet, "verdict"));
  for (const char* field : {"listener", "target_group", "target"}) {
    const std::string value = text(packet, field);
    if (!value.empty()) comment += fmt::format(" {}={}", field, value);
  }
  comment += fmt::format(" worker={}", number(packet, "worker"));
  if (flag(packet, "handed_off")) comment += " handed_off";
  if (flag(packet, "waited")) comment += " waited";
  if (const auto verdict = verdict_of(packet)) {
    comment += fmt::format(" ({})", dataplane::explain(*verdict));
  }
  return comment;
}

CaptureFile::CaptureFile(const Json& head, std::string_view question) {
  const std::string application =
      fmt::format("spillwayctl {}, instance {}", text(head, "version"), text(head, "instance"));
  beginning_ = pcapng::section_header({.application = application, .comment = question});
  for (const Json& port : elements(head, "ports")) {
    const std::string name = text(port, "name");
    interfaces_.emplace(name, static_cast<std::uint32_t>(interfaces_.size()));
    const std::string device = text(port, "device");
    beginning_ +=
        pcapng::interface({.name = name,
                           .description = device,
                           .snap_length = static_cast<std::uint32_t>(number(head, "snap_length"))});
  }
}

std::string CaptureFile::frames(const Json& packet) const {
  std::string blocks;
  for (const bool after : {false, true}) {
    const Json& frame = object(packet, after ? "after" : "before");
    if (frame.empty()) continue;
    const Bytes bytes = bytes_of(frame);
    const std::string comment = comment_of(packet, after);
    const auto interface = interfaces_.find(text(frame, "port"));
    blocks += pcapng::frame(
        {.interface = interface == interfaces_.end() ? 0 : interface->second,
         .unix_nanoseconds = number(packet, "unix_nanoseconds"),
         .bytes = bytes,
         .length = static_cast<std::uint32_t>(number(frame, "length")),
         .direction = after ? pcapng::Direction::Outbound : pcapng::Direction::Inbound,
         .packet_id = number(packet, "number"),
         .comment = comment,
         .lost_before = after ? 0 : number(packet, "lost_before")});
  }
  return blocks;
}

}  // namespace tools
