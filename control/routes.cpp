#include "control/routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "control/query.h"

namespace control {
namespace {

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

std::optional<std::string> take(std::string_view name, const std::string& value,
                                ShiftWanted& wanted);

/// All parameters of a question, or what is wrong with one.
template <class Wanted>
std::variant<Wanted, std::string> wanted_of(std::string_view query) {
  Wanted wanted;
  const auto read = parameters(query);
  if (const auto* error = std::get_if<std::string>(&read)) return *error;
  for (const auto& [name, value] : std::get<std::vector<Parameter>>(read)) {
    if (auto error = take(name, value, wanted)) return *error;
  }
  return wanted;
}

void answer_flows(std::string_view query, const Commands& commands, Done done) {
  const auto wanted = wanted_of<FlowsWanted>(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  commands.flows(std::get<FlowsWanted>(wanted), std::move(done));
}

void answer_events(std::string_view query, const Commands& commands, const Done& done) {
  const auto wanted = events_wanted(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  done({200, commands.events(std::get<EventsWanted>(wanted))});
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

/// Takes one "name=value" into `wanted`, or says what is wrong with it.
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

/// `parts`: v1, zones, Z, shift or unshift.
void answer_zone(const std::vector<std::string_view>& parts, std::string_view query,
                 const Commands& commands, Done done) {
  const auto zone = decode(parts[2]);
  if (!zone || zone->empty()) {
    return done(refused(400, fmt::format("\"{}\" is no zone's name", parts[2])));
  }
  if (parts[3] == "unshift") return commands.unshift(*zone, std::move(done));
  auto wanted = wanted_of<ShiftWanted>(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  auto& shift = std::get<ShiftWanted>(wanted);
  shift.zone = *zone;
  if (shift.expires.count() == 0) {
    return done(refused(400, "expires is missing: a shift is for a while, in seconds"));
  }
  commands.shift(shift, std::move(done));
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
  if (is("target_groups")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) {
                   done({200, c.target_groups()});
                 }};
  }
  if (is("zones")) {
    return Route{"GET", [](Parts, Text, const Commands& c, Done done) { done({200, c.zones()}); }};
  }
  if (parts.size() == 4 && parts[1] == "zones" && (parts[3] == "shift" || parts[3] == "unshift")) {
    return Route{"POST", [](Parts p, Text query, const Commands& c, Done done) {
                   answer_zone(p, query, c, std::move(done));
                 }};
  }
  if (is("flows")) {
    return Route{"GET", [](Parts, Text query, const Commands& c, Done done) {
                   answer_flows(query, c, std::move(done));
                 }};
  }
  if (is("events")) {
    return Route{"GET", [](Parts, Text query, const Commands& c, Done done) {
                   answer_events(query, c, done);
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
        fmt::format("there is no {}: version, status, listeners, targets, target_groups, zones, "
                    "flows, events, reload, target_groups/NAME/targets/ADDRESS:PORT/drain (or "
                    "undrain, weight) and zones/NAME/shift (or unshift) are under /v1/",
                    path)));
  }
  if (method != route->method) {
    return done(
        refused(405, fmt::format("{} {} is not possible: use {}", method, path, route->method)));
  }
  const bool asks = parts[1] == "flows" || parts[1] == "events" || parts.back() == "shift" ||
                    parts.back() == "weight";
  if (!query.empty() && !asks) {
    return done(refused(400, fmt::format("{} takes no parameters, but got \"{}\"", path, query)));
  }
  route->call(parts, query, commands, std::move(done));
}

}  // namespace control
