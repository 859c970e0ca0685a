#include "control/capture_wanted.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "config/errors.h"
#include "control/query.h"

namespace control {
namespace {

using dataplane::CaptureEnd;
using dataplane::Protocol;
using dataplane::Verdict;
using Wrong = std::optional<std::string>;

/// Of verdicts of a kind.
constexpr std::uint64_t forwards =
    dataplane::verdicts::mask(Verdict::ForwardToTarget, Verdict::ForwardToClient);

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// All but Pending, which no packet leaves with.
std::vector<std::string> verdict_names() {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < dataplane::verdict_count; ++i) {
    names.emplace_back(to_string(static_cast<Verdict>(i)));
  }
  return names;
}

/// What may have been meant: the names that have the word in them, or one that is misspelt.
std::string near_ones(const std::string& word, const std::vector<std::string>& names) {
  std::vector<std::string> near;
  const std::string part = lower(word);
  for (const std::string& name : names) {
    if (part.size() >= 3 && lower(name).find(part) != std::string::npos) near.push_back(name);
  }
  if (near.empty()) return config::did_you_mean(word, names);
  std::string list = near[0];
  for (std::size_t i = 1; i < near.size(); ++i) {
    list += (i + 1 == near.size() ? " or " : ", ") + near[i];
  }
  return fmt::format(" Did you mean {}?", list);
}

/// "DropNoTarget", or a kind: "drops", "replies", "forwards".
Wrong take_verdict(const std::string& value, std::uint64_t& verdicts) {
  if (value == "drops") {
    verdicts |= dataplane::verdicts::drops;
    return std::nullopt;
  }
  if (value == "replies") {
    verdicts |= dataplane::verdicts::replies;
    return std::nullopt;
  }
  if (value == "forwards") {
    verdicts |= forwards;
    return std::nullopt;
  }
  const std::vector<std::string> names = verdict_names();
  const auto found = std::find(names.begin(), names.end(), value);
  if (found != names.end()) {
    verdicts |= std::uint64_t{1} << (found - names.begin() + 1);
    return std::nullopt;
  }
  return fmt::format(
      "verdict = {}: there is no such verdict.{} Allowed are those that spillwayctl status shows, "
      "and drops, replies and forwards for all of a kind",
      config::in_quotes(value), near_ones(value, names));
}

Wrong take_protocol(const std::string& value, std::optional<Protocol>& protocol) {
  if (value == "tcp") {
    protocol = Protocol::Tcp;
  } else if (value == "udp") {
    protocol = Protocol::Udp;
  } else if (value == "icmp") {
    protocol = Protocol::Icmp;
  } else {
    return fmt::format("protocol = {}: tcp, udp and icmp (of IPv4 or IPv6) are allowed",
                       config::in_quotes(value));
  }
  return std::nullopt;
}

Wrong take_end(std::string_view name, const std::string& value, CaptureEnd& end) {
  const auto found = parse_capture_end(value);
  if (!found) {
    return fmt::format(
        "{} = {}: an address, a network, either with a port, or a port alone is allowed, such as "
        "198.51.100.7, 198.51.100.0/24:5555, [2001:db8::/32]:443 or :443",
        name, config::in_quotes(value));
  }
  end = *found;
  return std::nullopt;
}

/// "10.0.1.11", "10.0.1.11:8080"
Wrong take_target(const std::string& value, dataplane::CaptureFilter& filter) {
  if (const auto address = dataplane::parse_address(value)) {
    filter.target = *address;
    return std::nullopt;
  }
  const auto target = dataplane::parse_target(value);
  if (!target) {
    return fmt::format(
        "target = {}: an address, with or without a port, is allowed, such as 10.0.1.11 or "
        "[2001:db8::11]:8080",
        config::in_quotes(value));
  }
  filter.target = target->address;
  filter.target_port = target->port;
  return std::nullopt;
}

/// A whole number from `least` to `most`.
template <class Number>
Wrong take_number(std::string_view name, const std::string& value, Number least, Number most,
                  Number& taken) {
  const auto read = number<Number>(value);
  if (!read || *read < least || *read > most) {
    return fmt::format("{} = {}: a number from {} to {} is allowed", name, config::in_quotes(value),
                       least, most);
  }
  taken = *read;
  return std::nullopt;
}

std::optional<dataplane::IpPrefix> hosts_of(std::string_view text) {
  if (const auto address = dataplane::parse_address(text)) {
    return dataplane::IpPrefix{*address, address->width()};
  }
  return dataplane::parse_prefix(text);
}

/// ":443", or nothing at all: port 0.
std::optional<std::uint16_t> port_behind(std::string_view text) {
  if (text.empty()) return std::uint16_t{0};
  if (!text.starts_with(':')) return std::nullopt;
  const auto port = number<std::uint16_t>(text.substr(1));
  return port && *port != 0 ? port : std::nullopt;
}

}  // namespace

std::optional<CaptureEnd> parse_capture_end(std::string_view text) {
  std::string hosts;
  std::string_view behind;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    hosts = text.substr(1, close - 1);
    behind = text.substr(close + 1);
    if (behind.starts_with('/')) {  // "[2001:db8::]/32:443"
      const std::size_t colon = std::min(behind.find(':'), behind.size());
      hosts += behind.substr(0, colon);
      behind = behind.substr(colon);
    }
    if (hosts.find(':') == std::string::npos) return std::nullopt;  // IPv4 has no brackets
  } else if (std::count(text.begin(), text.end(), ':') <= 1) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    hosts = text.substr(0, colon);
    behind = text.substr(colon);
  } else {
    hosts = text;  // IPv6, alone
  }
  const auto port = port_behind(behind);
  if (!port) return std::nullopt;
  if (hosts.empty()) {
    if (*port == 0) return std::nullopt;
    return CaptureEnd(std::nullopt, *port);
  }
  const auto prefix = hosts_of(hosts);
  if (!prefix) return std::nullopt;
  return CaptureEnd(prefix, *port);
}

std::optional<std::string> take(std::string_view name, const std::string& value,
                                CaptureWanted& wanted) {
  if (name == "verdict") return take_verdict(value, wanted.filter.verdicts);
  if (name == "protocol") return take_protocol(value, wanted.filter.protocol);
  if (name == "from") return take_end(name, value, wanted.filter.from);
  if (name == "to") return take_end(name, value, wanted.filter.to);
  if (name == "client") return take_end(name, value, wanted.filter.client);
  if (name == "target") return take_target(value, wanted.filter);
  if (name == "listener") {
    wanted.listener = value;
    return std::nullopt;
  }
  if (name == "target_group") {
    wanted.target_group = value;
    return std::nullopt;
  }
  if (name == "count") {
    return take_number<std::uint64_t>(name, value, 1, CaptureWanted::count_max,
                                      wanted.count.emplace());
  }
  if (name == "seconds") {
    std::uint32_t seconds = 0;
    const auto most = static_cast<std::uint32_t>(CaptureWanted::time_max.count());
    if (auto wrong = take_number<std::uint32_t>(name, value, 1, most, seconds)) return wrong;
    wanted.time = std::chrono::seconds(seconds);
    return std::nullopt;
  }
  if (name == "snaplen") {
    return take_number<std::uint16_t>(name, value, CaptureWanted::snap_least,
                                      std::uint16_t{dataplane::snap_max}, wanted.snap_length);
  }
  return fmt::format(
      "unknown parameter \"{}\": verdict, protocol, from, to, client, listener, target_group, "
      "target, count, seconds and snaplen are allowed",
      name);
}

}  // namespace control
