#include "control/routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <variant>
#include <vector>

namespace control {
namespace {

/// "a%2Fb" → "a/b"; nullopt for a '%' that two hex digits do not follow.
std::optional<std::string> decode(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '%') {
      result.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 3) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
    if (error != std::errc{} || end != text.data() + 3) return std::nullopt;
    result.push_back(static_cast<char>(value));
    text.remove_prefix(3);
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Takes one "name=value" into `wanted`, or says what is wrong with it.
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
  return fmt::format("unknown parameter \"{}\": limit, target_group and target are allowed", name);
}

std::variant<FlowsWanted, std::string> flows_wanted(std::string_view query) {
  FlowsWanted wanted;
  if (query.empty()) return wanted;
  for (const std::string_view part : split(query, '&')) {
    const std::size_t equals = part.find('=');
    const auto value =
        equals == std::string_view::npos ? std::nullopt : decode(part.substr(equals + 1));
    if (!value) return fmt::format("\"{}\" is not of the form name=value", part);
    if (auto error = take(part.substr(0, equals), *value, wanted)) return *error;
  }
  return wanted;
}

void answer_flows(std::string_view query, const Commands& commands, Done done) {
  const auto wanted = flows_wanted(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  commands.flows(std::get<FlowsWanted>(wanted), std::move(done));
}

/// "weight=50"; else what is wrong with it.
std::variant<std::uint16_t, std::string> weight_wanted(std::string_view query) {
  constexpr std::string_view name = "weight=";
  const auto weight =
      query.starts_with(name) ? number<std::uint16_t>(query.substr(name.size())) : std::nullopt;
  if (weight && *weight <= weight_max) return *weight;
  return fmt::format("\"{}\": weight=N with a number from 0 to {} is needed", query, weight_max);
}

void answer_weight(const TargetName& name, std::string_view query, const Commands& commands,
                   Done done) {
  const auto weight = weight_wanted(query);
  if (const auto* error = std::get_if<std::string>(&weight)) return done(refused(400, *error));
  commands.weight(name, std::get<std::uint16_t>(weight), std::move(done));
}

/// `parts`: v1, target_groups, G, targets, A:P, drain, undrain or weight.
void answer_target(const std::vector<std::string_view>& parts, std::string_view query,
                   const Commands& commands, Done done) {
  const auto group = decode(parts[2]);
  const auto target_text = decode(parts[4]);
  const auto target = target_text ? dataplane::parse_target(*target_text) : std::nullopt;
  if (!group || group->empty() || !target) {
    return done(
        refused(400, fmt::format("\"{}\" in group \"{}\" is not a target: an address and "
                                 "port such as 10.0.1.11:8080 or [2001:db8::11]:8080 is allowed",
                                 parts[4], parts[2])));
  }
  const TargetName name{*group, target->address, target->port};
  if (parts[5] == "weight") return answer_weight(name, query, commands, std::move(done));
  (parts[5] == "drain" ? commands.drain : commands.undrain)(name, std::move(done));
}

struct Route {
  std::string_view method;
  void (*call)(const std::vector<std::string_view>& parts, std::string_view query,
               const Commands& commands, Done done);
};

std::optional<Route> route_of(const std::vector<std::string_view>& parts) {
  const auto is = [&](std::string_view name) { return parts.size() == 2 && parts[1] == name; };
  using Parts = const std::vector<std::string_view>&;
  using Text = std::string_view;
  if (parts.empty() || parts[0] != "v1") return std::nullopt;
  if (is("version")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) {
                   done({200, c.version()});
                 }};
  }
  if (is("status")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) { done({200, c.status()}); }};
  }
  if (is("listeners")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) {
                   done({200, c.listeners()});
                 }};
  }
  if (is("targets")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) {
                   done({200, c.targets()});
                 }};
  }
  if (is("flows")) {
    return Route{"GET", [](Parts, Text query, const Commands& c, Done done) {
                   answer_flows(query, c, std::move(done));
                 }};
  }
  if (is("reload")) {
    return Route{"POST",
                 [](Parts, Text, const Commands& c, Done done) { c.reload(std::move(done)); }};
  }
  const bool target = parts.size() == 6 && parts[1] == "target_groups" && parts[3] == "targets" &&
                      (parts[5] == "drain" || parts[5] == "undrain" || parts[5] == "weight");
  if (!target) return std::nullopt;
  return Route{"POST", [](Parts p, Text query, const Commands& c, Done done) {
                 answer_target(p, query, c, std::move(done));
               }};
}

}  // namespace

void answer(std::string_view method, std::string_view target, const Commands& commands, Done done) {
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  const auto parts = path.starts_with('/') ? split(path.substr(1), '/') : split(path, '/');
  const auto route = route_of(parts);
  if (!route) {
    return done(refused(
        404,
        fmt::format(
            "there is no {}: version, status, listeners, targets, flows, reload and "
            "target_groups/NAME/targets/ADDRESS:PORT/drain (or undrain, weight) are under /v1/",
            path)));
  }
  if (method != route->method) {
    return done(
        refused(405, fmt::format("{} {} is not possible: use {}", method, path, route->method)));
  }
  if (!query.empty() && parts[1] != "flows" && parts.back() != "weight") {
    return done(refused(400, fmt::format("{} takes no parameters, but got \"{}\"", path, query)));
  }
  route->call(parts, query, commands, std::move(done));
}

}  // namespace control
