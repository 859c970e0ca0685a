#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "config/sections.h"

namespace config {
namespace {

/// "80", "80-443", or 80.
struct PortsOfRule {
  using Range = std::pair<std::uint16_t, std::uint16_t>;

  static constexpr const char* allowed =
      "a port or a range of ports from 0 to 65535, like "
      "\"80-443\"";

  [[nodiscard]] std::optional<Range> operator()(const Value& value) const {
    if (value.is_integer()) {
      const auto port = Whole{0, 65'535, 80, false}(value);
      if (!port) return std::nullopt;
      return Range{static_cast<std::uint16_t>(*port), static_cast<std::uint16_t>(*port)};
    }
    const auto text = value.string(allowed, "Write it like \"80-443\".");
    if (!text) return std::nullopt;
    const char* const end = text->data() + text->size();
    Range range{};
    auto [at, error] = std::from_chars(text->data(), end, range.first);
    range.second = range.first;
    if (error == std::errc{} && at != end && *at == '-') {
      std::tie(at, error) = second(at + 1, end, range.second);
    }
    if (error == std::errc{} && at == end && range.first <= range.second) return range;
    const bool turned = error == std::errc{} && at == end;
    value.complain(turned ? "ends before it begins" : "is no range of ports", allowed,
                   turned ? "Write the smaller port first." : "Write it like \"80-443\".");
    return std::nullopt;
  }

 private:
  static std::pair<const char*, std::errc> second(const char* at, const char* end,
                                                  std::uint16_t& port) {
    const auto [after, error] = std::from_chars(at, end, port);
    return {after, error};
  }
};

/// A prefix, also one of length 0; or an address, which is one of full length.
std::optional<dataplane::IpPrefix> parse_peer(const std::string& text) {
  if (const auto prefix = dataplane::parse_prefix(text)) return prefix;
  const auto address = dataplane::parse_address(text);
  if (!address) return std::nullopt;
  return dataplane::IpPrefix{*address, address->width()};
}

bool looks_like_an_address(const std::string& text) {
  return text.find_first_of(".:/") != std::string::npos;
}

/// For addresses that belong to a group.
struct Member {
  [[nodiscard]] std::string allowed() const {
    return "an IPv4 or IPv6 address or prefix, like \"198.51.100.0/24\"";
  }
  [[nodiscard]] std::string example() const { return "\"198.51.100.0/24\""; }
  [[nodiscard]] std::optional<dataplane::IpPrefix> operator()(const Value& value) const {
    const auto text = value.string(allowed(), fmt::format("Write it like {}.", example()));
    if (!text) return std::nullopt;
    auto prefix = parse_peer(*text);
    if (!prefix) {
      value.complain("is no address or prefix", allowed(),
                     fmt::format("Write it like {}.", example()));
    }
    return prefix;
  }
};

void read_peer(Group& group, const char* key, SecurityRule& rule) {
  const auto value = group.find(key);
  if (!value) return;
  const std::string allowed =
      "an address, a prefix like \"198.51.100.0/24\", or the name of a security group";
  const auto text = value->string(allowed, "Write it in double quotes.");
  if (!text) return;
  rule.prefix = parse_peer(*text);
  if (rule.prefix) return;
  if (looks_like_an_address(*text) || text->empty()) {
    return value->complain("is neither an address, nor a prefix, nor a name", allowed,
                           "Write all of IPv4 as \"0.0.0.0/0\", all of IPv6 as \"::/0\"; leave it "
                           "out for both.");
  }
  rule.group = *text;
}

SecurityRule read_rule(const Value& value, const char* peer) {
  SecurityRule rule;
  rule.line = value.line();
  Group group{value};
  group.require("protocol", rule.protocol,
                OneOf<RuleChoice>{{{"tcp", RuleChoice::Tcp},
                                   {"udp", RuleChoice::Udp},
                                   {"icmp", RuleChoice::Icmp},
                                   {"all", RuleChoice::All}}});
  std::pair<std::uint16_t, std::uint16_t> ports{rule.port_first, rule.port_last};
  group.read("ports", ports, PortsOfRule{});
  std::tie(rule.port_first, rule.port_last) = ports;
  read_peer(group, peer, rule);
  group.finish();
  return rule;
}

void read_rules(Group& group, const char* key, const char* peer, std::vector<SecurityRule>& rules) {
  const auto value = group.find(key);
  if (!value) return;
  const auto elements = value->elements(fmt::format(
      "( {{ protocol = \"tcp\"; ports = \"80-443\"; {} = \"198.51.100.0/24\"; }} )", peer));
  if (!elements) return;
  rules.clear();
  for (const Value& one : *elements) rules.push_back(read_rule(one, peer));
}

}  // namespace

SecurityGroup read_security_group(const Value& value) {
  SecurityGroup security_group;
  security_group.line = value.line();
  Group group{value};
  group.require("name", security_group.name, Text{"a name", "\"web\""});
  group.read("addresses", security_group.addresses, ListOf<Member>{});
  read_rules(group, "inbound", "source", security_group.inbound);
  read_rules(group, "outbound", "destination", security_group.outbound);
  group.finish();
  return security_group;
}

}  // namespace config
