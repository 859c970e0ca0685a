#include "control/routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <variant>
#include <vector>

#include "control/live/live_routes.h"
#include "control/request_line.h"

namespace control {
namespace {

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
    const auto target = dataplane::parse_with_port(value);
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
  return std::nullopt;
}

}  // namespace

void answer(std::string_view method, std::string_view target, std::string_view body,
            const Commands& commands, Done done) {
  const RequestLine line = request_line(method, target, body);
  if (answer_live(line, commands, done)) return;
  const auto route = route_of(line.parts);
  if (!route) {
    return done(refused(
        404,
        fmt::format("there is no {}: version, status, listeners, targets, flows, changes, "
                    "reload, rollback, plan, target_groups/NAME/register (or deregister) and "
                    "target_groups/NAME/targets/ADDRESS:PORT/drain (or undrain) are under /v1/",
                    line.path)));
  }
  if (method != route->method) {
    return done(refused(
        405, fmt::format("{} {} is not possible: use {}", method, line.path, route->method)));
  }
  if (!line.query.empty() && line.parts[1] != "flows") {
    return done(
        refused(400, fmt::format("{} takes no parameters, but got \"{}\"", line.path, line.query)));
  }
  route->call(line.parts, line.query, commands, std::move(done));
}

}  // namespace control
