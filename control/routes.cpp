#include "control/routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "control/live/live_routes.h"
#include "control/query.h"
#include "control/wanted.h"

namespace control {
namespace {

void answer_flows(std::string_view query, const Commands& commands, Done done) {
  const auto wanted = wanted_of<FlowsWanted>(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  commands.flows(std::get<FlowsWanted>(wanted), std::move(done));
}

void answer_capture(std::string_view query, const Commands& commands, Done done) {
  const auto wanted = wanted_of<CaptureWanted>(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  commands.capture(std::get<CaptureWanted>(wanted), std::move(done));
}

void answer_explain(std::string_view query, const Commands& commands, Done done) {
  const auto read = wanted_of<ExplainWanted>(query);
  if (const auto* error = std::get_if<std::string>(&read)) return done(refused(400, *error));
  const auto& wanted = std::get<ExplainWanted>(read);
  if (wanted.from.port == 0 || wanted.to.port == 0) {
    return done(refused(400, "from and to are needed, such as from=198.51.100.7:5555"));
  }
  commands.explain(wanted, std::move(done));
}

void answer_events(std::string_view query, const Commands& commands, const Done& done) {
  const auto wanted = events_wanted(query);
  if (const auto* error = std::get_if<std::string>(&wanted)) return done(refused(400, *error));
  done({200, commands.events(std::get<EventsWanted>(wanted))});
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
  bool takes_parameters = false;
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
    return Route{.method = "POST",
                 .call = [](Parts p, Text query, const Commands& c,
                            Done done) { answer_zone(p, query, c, std::move(done)); },
                 .takes_parameters = parts[3] == "shift"};
  }
  if (is("flows")) {
    return Route{.method = "GET",
                 .call = [](Parts, Text query, const Commands& c,
                            Done done) { answer_flows(query, c, std::move(done)); },
                 .takes_parameters = true};
  }
  if (is("explain")) {
    return Route{.method = "GET",
                 .call = [](Parts, Text query, const Commands& c,
                            Done done) { answer_explain(query, c, std::move(done)); },
                 .takes_parameters = true};
  }
  if (is("capture")) {
    return Route{.method = "GET",
                 .call = [](Parts, Text query, const Commands& c,
                            Done done) { answer_capture(query, c, std::move(done)); },
                 .takes_parameters = true};
  }
  if (is("events")) {
    return Route{.method = "GET",
                 .call = [](Parts, Text query, const Commands& c,
                            Done done) { answer_events(query, c, done); },
                 .takes_parameters = true};
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
        fmt::format("there is no {}: version, status, listeners, targets, target_groups, zones, "
                    "flows, explain, capture, events, changes, reload, rollback, plan, "
                    "target_groups/NAME/register "
                    "(or deregister), target_groups/NAME/targets/ADDRESS:PORT/drain (or undrain, "
                    "weight) and zones/NAME/shift (or unshift) are under /v1/",
                    line.path)));
  }
  if (method != route->method) {
    return done(refused(
        405, fmt::format("{} {} is not possible: use {}", method, line.path, route->method)));
  }
  if (!line.query.empty() && !route->takes_parameters) {
    return done(
        refused(400, fmt::format("{} takes no parameters, but got \"{}\"", line.path, line.query)));
  }
  route->call(line.parts, line.query, commands, std::move(done));
}

}  // namespace control
