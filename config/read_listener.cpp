// How a listener is read: its ports in either form, its target groups in either form.
#include <charconv>

#include "config/ranges.h"
#include "config/sections.h"

namespace config {
namespace {

using dataplane::PortRange;
using dataplane::Protocol;

constexpr const char* one_of_two_ports = "port = 443, or ports = \"5000-5999\", or \"all\"";
constexpr const char* one_of_two_groups =
    "target_group = \"web\", or target_groups = ( { name = \"blue\"; weight = 90; }, … )";

/// "5000-5999", "all".
struct Ports {
  [[nodiscard]] std::string allowed() const {
    return "a range of ports between 1 and 65535 like \"5000-5999\", or \"all\"";
  }
  [[nodiscard]] std::optional<PortRange> operator()(const Value& value) const {
    if (value.is_integer()) {
      value.complain("is one port", allowed(),
                     fmt::format("Write port = {}; for one port.", value.shown()));
      return std::nullopt;
    }
    const auto text = value.string(allowed(), "Write it like \"5000-5999\".");
    if (!text) return std::nullopt;
    if (*text == "all") return dataplane::all_ports;
    const auto range = parse(*text);
    if (range && range->first <= range->last) return range;
    value.complain(range ? "begins behind its end" : "is not a range of ports", allowed(),
                   range ? fmt::format("Write it as \"{}-{}\".", range->last, range->first)
                         : "Write the first and the last port with a hyphen between them, like "
                           "\"5000-5999\".");
    return std::nullopt;
  }

 private:
  [[nodiscard]] static std::optional<std::uint16_t> port(std::string_view text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0) {
      return std::nullopt;
    }
    return number;
  }
  [[nodiscard]] static std::optional<PortRange> parse(std::string_view text) {
    const std::size_t hyphen = text.find('-');
    if (hyphen == std::string_view::npos) return std::nullopt;
    const auto first = port(text.substr(0, hyphen));
    const auto last = port(text.substr(hyphen + 1));
    if (!first || !last) return std::nullopt;
    return PortRange{*first, *last};
  }
};

/// Of two keys, one: says so at the second if both are there, at the first if none is.
void complain_of_two(Group& group, const char* first, const char* second, const char* allowed) {
  const auto one = group.find(first);
  const auto other = group.find(second);
  if (one && other) {
    other->complain(fmt::format("is there beside {}", first), allowed, "Remove one of the two.");
  }
}

void read_ports(Group& group, Listener& listener) {
  if (group.find("ports")) {
    complain_of_two(group, "port", "ports", one_of_two_ports);
    PortRange range;
    if (!group.read("ports", range, Ports{})) return;
    listener.port = range.first;
    listener.port_last = range.last;
  } else {
    group.require("port", listener.port, Whole{1, 65'535, 80, false});
  }
}

WeightedGroup read_weighted_group(const Value& value) {
  WeightedGroup one;
  one.line = value.line();
  Group group{value};
  group.require("name", one.name, Text{"the name of a target group", "\"blue\""});
  group.require("weight", one.weight, Whole{0, ranges::weight_max, 1, false});
  group.finish();
  return one;
}

void read_target_groups(Group& group, Listener& listener) {
  const auto groups = group.find("target_groups");
  if (!groups) {
    group.require("target_group", listener.target_group,
                  Text{"the name of a target group", "\"web\""});
    return;
  }
  complain_of_two(group, "target_group", "target_groups", one_of_two_groups);
  const auto elements = groups->elements("( { name = \"blue\"; weight = 90; }, … )");
  if (!elements) return;
  for (const Value& one : *elements) listener.target_groups.push_back(read_weighted_group(one));
  if (!listener.target_groups.empty() &&
      listener.target_groups.size() <= dataplane::groups_of_listener_max) {
    return;
  }
  groups->complain(
      elements->empty() ? "is empty" : fmt::format("has {} elements", elements->size()),
      fmt::format("1 to {} target groups", dataplane::groups_of_listener_max),
      elements->empty() ? "Name a target group." : "Split the listener, or merge target groups.");
}

void read_idle_timeouts(Group& group, Listener& listener, bool protocol_known) {
  // ELB's defaults; it has no range for UDP.
  const bool tcp = protocol_known && listener.protocol.has(Protocol::Tcp);
  std::int64_t timeout = tcp ? 350 : 120;
  group.read("idle_timeout", timeout, Whole{tcp ? 60 : 1, 6000, timeout});
  listener.idle_timeout = seconds{timeout};
  listener.udp_idle_timeout = tcp ? seconds{120} : listener.idle_timeout;
  std::int64_t udp_timeout = 120;
  if (group.read("udp_idle_timeout", udp_timeout, Whole{1, 6000, udp_timeout})) {
    listener.udp_idle_timeout = seconds{udp_timeout};
  }
}

}  // namespace

Listener read_listener(const Value& value) {
  Listener listener;
  listener.line = value.line();
  Group group{value};
  group.require("name", listener.name, Text{"a name", "\"web\""});
  group.require("address", listener.address, Address{"\"203.0.113.10\""});
  read_ports(group, listener);
  const bool known =
      group.read("protocol", listener.protocol, protocols_rule()) || !group.find("protocol");
  read_target_groups(group, listener);
  read_idle_timeouts(group, listener, known);
  group.read("security_groups", listener.security_groups, ListOf<Text>{Text{"a name", "\"web\""}});
  group.finish();
  return listener;
}

}  // namespace config
