#include "control/live/live_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace control {
namespace {

using report::Json;

/// What is wrong with a body; ends in answer_live().
struct WrongRequest : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The JSON object in a request's body; an empty body is an empty object.
class Body {
 public:
  Body(std::string_view text, std::initializer_list<const char*> keys) {
    if (!text.empty()) object_ = Json::parse(text, nullptr, false);
    if (!object_.is_object()) throw WrongRequest("the body is no JSON object");
    std::string allowed;
    for (const char* key : keys) allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", key);
    for (const auto& [key, value] : object_.items()) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      throw WrongRequest(fmt::format("unknown key \"{}\" in the body; allowed: {}", key,
                                     allowed.empty() ? "none" : allowed));
    }
  }

  [[nodiscard]] bool flag(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) return false;
    if (!found->is_boolean()) throw WrongRequest(fmt::format("{}: true or false is allowed", key));
    return found->get<bool>();
  }
  [[nodiscard]] std::string text(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) return "";
    if (!found->is_string()) throw WrongRequest(fmt::format("{}: a text is allowed", key));
    return found->get<std::string>();
  }
  [[nodiscard]] Json value(const char* key) const { return object_.value(key, Json()); }

 private:
  Json object_ = Json::object();
};

void discard(const RequestLine& line, const Commands& commands, const Done& done) {
  const Body body(line.body, {"target_group", "force"});
  commands.discard(body.text("target_group"), body.flag("force"), done);
}

void reload(const RequestLine& line, const Commands& commands, const Done& done) {
  const Body body(line.body, {"force", "discard_changes"});
  commands.reload({body.flag("force"), body.flag("discard_changes")}, done);
}

void rollback(const RequestLine& line, const Commands& commands, const Done& done) {
  commands.rollback(Body(line.body, {"force"}).flag("force"), done);
}

void plan(const RequestLine& line, const Commands& commands, const Done& done) {
  const Body body(line.body, {"source", "discard_changes", "rollback"});
  if (body.flag("rollback") == !body.value("source").is_null()) {
    throw WrongRequest("a plan is of a source, or of a rollback: one of the two is allowed");
  }
  commands.plan({body.value("source"), body.flag("discard_changes")}, done);
}

std::string group_in(const RequestLine& line) {
  auto group = decode(line.parts[2]);
  if (!group || group->empty()) {
    throw WrongRequest(fmt::format("\"{}\" is no target group's name", line.parts[2]));
  }
  return std::move(*group);
}

void change_targets(const RequestLine& line, const Commands& commands, const Done& done) {
  if (line.parts[3] == "register") {
    const Body body(line.body, {"targets"});
    return commands.add_targets({group_in(line), body.value("targets"), false}, done);
  }
  const Body body(line.body, {"targets", "force"});
  commands.remove_targets({group_in(line), body.value("targets"), body.flag("force")}, done);
}

/// "weight=50"; else what is wrong with it.
std::variant<std::uint16_t, std::string> weight_wanted(std::string_view query) {
  constexpr std::string_view name = "weight=";
  const auto weight =
      query.starts_with(name) ? number<std::uint16_t>(query.substr(name.size())) : std::nullopt;
  if (weight && *weight <= weight_max) return *weight;
  return fmt::format("\"{}\": weight=N with a number from 0 to {} is needed", query, weight_max);
}

/// `parts`: v1, target_groups, G, targets, A:P, drain, undrain or weight.
void change_target(const RequestLine& line, const Commands& commands, const Done& done) {
  const auto group = decode(line.parts[2]);
  const auto text = decode(line.parts[4]);
  const auto target = text ? dataplane::parse_target(*text) : std::nullopt;
  if (!group || group->empty() || !target) {
    throw WrongRequest(
        fmt::format("\"{}\" in group \"{}\" is not a target: an address and port such as "
                    "10.0.1.11:8080 or [2001:db8::11]:8080 is allowed",
                    line.parts[4], line.parts[2]));
  }
  const TargetName name{*group, target->address, target->port};
  if (line.parts[5] == "drain") {
    return commands.drain({name, Body(line.body, {"force"}).flag("force")}, done);
  }
  static_cast<void>(Body(line.body, {}));
  if (line.parts[5] == "undrain") return commands.undrain(name, done);
  const auto weight = weight_wanted(line.query);
  if (const auto* error = std::get_if<std::string>(&weight)) throw WrongRequest(*error);
  commands.weight(name, std::get<std::uint16_t>(weight), done);
}

struct Route {
  std::string_view method;
  void (*call)(const RequestLine&, const Commands&, const Done&);
  bool takes_parameters = false;
};

std::optional<Route> route_of(const RequestLine& line) {
  const auto& parts = line.parts;
  if (parts.size() < 2 || parts[0] != "v1") return std::nullopt;
  const auto is = [&](std::string_view name) { return parts.size() == 2 && parts[1] == name; };
  if (is("changes")) {
    return Route{"GET", [](const RequestLine&, const Commands& c, const Done& done) {
                   done({200, c.changes()});
                 }};
  }
  if (parts.size() == 3 && parts[1] == "changes" && parts[2] == "discard") {
    return Route{"POST", discard};
  }
  if (is("reload")) return Route{"POST", reload};
  if (is("rollback")) return Route{"POST", rollback};
  if (is("plan")) return Route{"POST", plan};
  if (parts[1] != "target_groups") return std::nullopt;
  if (parts.size() == 4 && (parts[3] == "register" || parts[3] == "deregister")) {
    return Route{"POST", change_targets};
  }
  const bool target = parts.size() == 6 && parts[3] == "targets" &&
                      (parts[5] == "drain" || parts[5] == "undrain" || parts[5] == "weight");
  if (!target) return std::nullopt;
  return Route{.method = "POST", .call = change_target, .takes_parameters = parts[5] == "weight"};
}

}  // namespace

bool answer_live(const RequestLine& line, const Commands& commands, const Done& done) {
  const auto route = route_of(line);
  if (!route) return false;
  if (line.method != route->method) {
    done(refused(
        405, fmt::format("{} {} is not possible: use {}", line.method, line.path, route->method)));
  } else if (!line.query.empty() && !route->takes_parameters) {
    done(
        refused(400, fmt::format("{} takes no parameters, but got \"{}\"", line.path, line.query)));
  } else {
    try {
      route->call(line, commands, done);
    } catch (const WrongRequest& wrong) {
      done(refused(400, wrong.what()));
    }
  }
  return true;
}

}  // namespace control
