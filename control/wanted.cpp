#include "control/wanted.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

namespace control {
namespace {

using dataplane::Phase;
using dataplane::TcpHeader;
using Wrong = std::optional<std::string>;

constexpr std::uint32_t seconds_max = 30 * 86'400;  // of a flow's times: they fit in 32 bits of ms

constexpr std::array phases{Phase::SynSent,     Phase::SynReceived, Phase::Established,
                            Phase::ClientFin,   Phase::TargetFin,   Phase::Closing,
                            Phase::ClientReset, Phase::TargetReset, Phase::Terminated};
constexpr std::array<std::pair<std::string_view, FlowsWanted::Sort>, 4> sorts{
    {{"bytes", FlowsWanted::Sort::Bytes},
     {"packets", FlowsWanted::Sort::Packets},
     {"idle", FlowsWanted::Sort::Idle},
     {"age", FlowsWanted::Sort::Age}}};
constexpr std::array<std::pair<std::string_view, std::uint8_t>, 5> flags{{{"SYN", TcpHeader::syn},
                                                                          {"ACK", TcpHeader::ack},
                                                                          {"FIN", TcpHeader::fin},
                                                                          {"RST", TcpHeader::rst},
                                                                          {"PSH", TcpHeader::psh}}};

Wrong take_phase(const std::string& value, std::optional<Phase>& phase) {
  std::string known;
  for (const Phase each : phases) {
    if (value == to_string(each)) {
      phase = each;
      return std::nullopt;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(each));
  }
  return fmt::format("state = \"{}\": {} are allowed", value, known);
}

Wrong take_sort(const std::string& value, FlowsWanted::Sort& sort) {
  for (const auto& [name, each] : sorts) {
    if (value != name) continue;
    sort = each;
    return std::nullopt;
  }
  return fmt::format("sort = \"{}\": bytes, packets, idle and age are allowed", value);
}

/// "0.5120.3", as an answer's "next" says it.
Wrong take_cursor(const std::string& value, FlowCursor& cursor) {
  const auto parts = split(value, '.');
  if (parts.size() == 3) {
    const auto worker = number<std::size_t>(parts[0]);
    const auto bucket = number<std::uint32_t>(parts[1]);
    const auto skip = number<std::size_t>(parts[2]);
    if (worker && bucket && skip) {
      cursor = {*worker, *bucket, *skip};
      return std::nullopt;
    }
  }
  return fmt::format("from = \"{}\": what an earlier answer had as \"next\" is allowed", value);
}

/// "198.51.100.7", "198.51.100.0/24", "198.51.100.7:5555"
Wrong take_client(const std::string& value, dataplane::FlowFilter& filter) {
  if (const auto end = dataplane::parse_with_port(value)) {
    filter.client = dataplane::IpPrefix{end->address, end->address.width()};
    filter.client_port = dataplane::Be16{end->port};
    return std::nullopt;
  }
  if (const auto address = dataplane::parse_address(value)) {
    filter.client = dataplane::IpPrefix{*address, address->width()};
    return std::nullopt;
  }
  filter.client = dataplane::parse_prefix(value);
  if (filter.client) return std::nullopt;
  return fmt::format(
      "client = \"{}\": an address, a network such as 198.51.100.0/24, or an address and port such "
      "as 198.51.100.7:5555 is allowed",
      value);
}

Wrong take_protocol(const std::string& value, dataplane::Protocol& protocol) {
  if (value != "tcp" && value != "udp") {
    return fmt::format("protocol = \"{}\": tcp and udp are allowed", value);
  }
  protocol = value == "tcp" ? dataplane::Protocol::Tcp : dataplane::Protocol::Udp;
  return std::nullopt;
}

Wrong take_end(std::string_view name, const std::string& value, dataplane::AddressAndPort& end) {
  const auto found = dataplane::parse_with_port(value);
  if (!found) {
    return fmt::format(
        "{} = \"{}\": an address and port such as 198.51.100.7:5555 or [2001:db8::7]:5555 is "
        "allowed",
        name, value);
  }
  end = *found;
  return std::nullopt;
}

/// "SYN", "SYN,ACK"
Wrong take_flags(const std::string& value, std::uint8_t& bits) {
  bits = 0;
  for (const std::string_view word : split(value, ',')) {
    const auto found = std::find_if(flags.begin(), flags.end(),
                                    [word](const auto& flag) { return flag.first == word; });
    if (found == flags.end()) {
      return fmt::format("flags = \"{}\": SYN, ACK, FIN, RST and PSH, with commas, are allowed",
                         value);
    }
    bits = static_cast<std::uint8_t>(bits | found->second);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> take(std::string_view name, const std::string& value,
                                FlowsWanted& wanted) {
  if (name == "limit") {
    const auto limit = number<std::size_t>(value);
    if (!limit || *limit == 0 || *limit > FlowsWanted::limit_max) {
      return fmt::format("limit = \"{}\": a number from 1 to {} is allowed", value,
                         FlowsWanted::limit_max);
    }
    wanted.limit = *limit;
    return std::nullopt;
  }
  if (name == "target_group") {
    wanted.target_group = value;
    return std::nullopt;
  }
  if (name == "target") {
    const auto target = dataplane::parse_target(value);
    if (!target) {
      return fmt::format(
          "target = \"{}\": an address and port such as 10.0.1.11:8080 or [2001:db8::11]:8080 is "
          "allowed",
          value);
    }
    wanted.address = target->address;
    wanted.port = target->port;
    return std::nullopt;
  }
  if (name == "listener") {
    wanted.listener = value;
    return std::nullopt;
  }
  if (name == "idle" || name == "age") {
    const auto seconds = number<std::uint32_t>(value);
    if (!seconds || *seconds > seconds_max) {
      return fmt::format("{} = \"{}\": seconds from 0 to {} are allowed", name, value, seconds_max);
    }
    if (name == "age") {
      wanted.filter.age_milliseconds = std::uint64_t{*seconds} * 1'000;
    } else {
      wanted.filter.idle_milliseconds = *seconds * 1'000;
    }
    return std::nullopt;
  }
  if (name == "from") return take_cursor(value, wanted.from);
  if (name == "protocol") {
    return take_protocol(value, wanted.filter.protocol.emplace());
  }
  if (name == "client") return take_client(value, wanted.filter);
  if (name == "state") return take_phase(value, wanted.filter.phase);
  if (name == "sort") return take_sort(value, wanted.sort);
  return fmt::format(
      "unknown parameter \"{}\": limit, from, target_group, target, listener, client, protocol, "
      "state, idle, age and sort are allowed",
      name);
}

std::optional<std::string> take(std::string_view name, const std::string& value,
                                ExplainWanted& wanted) {
  if (name == "protocol") return take_protocol(value, wanted.protocol);
  if (name == "from") return take_end(name, value, wanted.from);
  if (name == "to") return take_end(name, value, wanted.to);
  if (name == "flags") return take_flags(value, wanted.tcp_flags);
  if (name == "port") {
    wanted.port = value;
    return std::nullopt;
  }
  return fmt::format("unknown parameter \"{}\": protocol, from, to, flags and port are allowed",
                     name);
}

std::optional<std::string> take(std::string_view name, const std::string& value,
                                ShiftWanted& wanted) {
  if (name == "expires") {
    const auto seconds = number<std::uint32_t>(value);
    if (!seconds || *seconds == 0 || *seconds > ShiftWanted::expires_max.count()) {
      return fmt::format("expires = \"{}\": seconds from 1 to {} are allowed", value,
                         ShiftWanted::expires_max.count());
    }
    wanted.expires = std::chrono::seconds(*seconds);
    return std::nullopt;
  }
  if (name == "comment") {
    if (value.size() > ShiftWanted::comment_size_max) {
      return fmt::format("the comment has {} bytes: at most {} are allowed", value.size(),
                         ShiftWanted::comment_size_max);
    }
    // It goes into the log, a line at a time.
    const auto is_control = [](char byte) {
      return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    };
    if (std::any_of(value.begin(), value.end(), is_control)) {
      return "the comment has control characters: one line of text is allowed";
    }
    wanted.comment = value;
    return std::nullopt;
  }
  return fmt::format("unknown parameter \"{}\": expires and comment are allowed", name);
}

}  // namespace control
