#include <fmt/core.h>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

Colour colour_of(const std::string& state) {
  if (state == "healthy") return Colour::Green;
  if (state.starts_with("unhealthy") || state == "unavailable") return Colour::Red;
  return Colour::Yellow;
}

/// Seconds from `time` until now; negative: `time` is still to come.
std::optional<double> age(const std::string& time, const View& view) {
  const auto at = unix_milliseconds(time);
  if (!at) return std::nullopt;
  return (static_cast<double>(view.now_unix_milliseconds) - static_cast<double>(*at)) / 1000;
}

std::string for_how_long(const Json& target, const View& view) {
  const auto seconds = age(text(target, "since"), view);
  return seconds ? duration(*seconds) : "";
}

/// "drain ends in 4m 50s", "drain time is over", or "".
std::string drain_end(const Json& target, const View& view) {
  const auto seconds = age(text(target, "drain_ends"), view);
  if (!seconds) return "";
  return *seconds < 0 ? "drain ends in " + duration(-*seconds) : "drain time is over";
}

/// Why a zone keeps new flows from a target, or "".
std::string why_excluded(const Json& target) {
  const std::string why_of_target = text(target, "exclusion");
  const std::string zone = text(target, "zone");
  if (why_of_target == "cross_zone_off") return "gets no new flows: cross_zone is off";
  if (why_of_target == "zonal_shift")
    return fmt::format("gets no new flows: zone {} is shifted away", zone);
  if (why_of_target == "zonal_affinity") return "gets no new flows: the own zone has the capacity";
  if (why_of_target == "on_standby") return "gets no new flows: they go to the standby group";
  return why_of_target;
}

/// "weight set by the operator, the file has 100; slow start, at 40 %", or "".
std::string about_weight(const Json& target) {
  std::string sentence;
  const auto append = [&](const std::string& part) {
    sentence += (sentence.empty() ? "" : "; ") + part;
  };
  if (flag(target, "weight_is_set")) {
    append(fmt::format("weight set by the operator, the file has {}",
                       number(target, "configured_weight")));
  }
  const auto percent = [&](const char* field, const char* words) {
    const auto found = target.find(field);
    if (found == target.end() || !found->is_number()) return;
    append(fmt::format("{} {} % of its weight", words, number(target, field)));
  };
  percent("slow_start_percent", "slow start, at");
  percent("reported_percent", "reports");
  return sentence;
}

/// Why a target is what it is: fail-open, reason, detail, what comes next.
std::string why_of_target(const Json& target, const View& view) {
  const std::string state = text(target, "state");
  const std::string reason = text(target, "reason");
  std::string sentence = reason;
  const auto append = [&](const std::string& part, const char* separator) {
    if (part.empty()) return;
    sentence += (sentence.empty() ? "" : separator) + part;
  };
  if (state != "healthy") append(text(target, "detail"), ": ");
  append(drain_end(target, view), ", ");
  append(about_weight(target), "; ");
  const bool fail_open =
      flag(target, "takes_new_flows") && (state.starts_with("unhealthy") || state == "initial");
  if (fail_open) append("gets flows because its group fails open", "; ");
  append(why_excluded(target), "; ");
  return sentence;
}

const Json* same_target(const Json& target, const View& view) {
  if (view.earlier == nullptr) return nullptr;
  for (const Json& other : elements(*view.earlier, "targets")) {
    const bool same = text(other, "target_group") == text(target, "target_group") &&
                      endpoint(other) == endpoint(target);
    if (same) return &other;
  }
  return nullptr;
}

/// Bytes as a sum, or per second once there is an earlier document.
std::string traffic(const Json& target, const char* field, const Json* earlier, const View& view) {
  if (view.earlier != nullptr) return byte_rate(rate(target, earlier, field, view.seconds));
  return bytes(static_cast<double>(number(target, field)));
}

std::string resets(const Json& target) {
  return fmt::format("{}/{}/{}", number(target, "client_resets"), number(target, "target_resets"),
                     number(target, "elb_resets"));
}

/// "1.2ms/15.0ms": median and 99th percentile of a target's histogram; "" without values, so that
/// the column goes away.
std::string p50_p99(const Json& target, const char* measure) {
  const Json& figures = object(object(target, "histograms"), measure);
  if (number(figures, "count") == 0) return "";
  const auto seconds = [&](const char* field) {
    const auto found = figures.find(field);
    return found != figures.end() && found->is_number() ? found->get<double>() : 0;
  };
  return latency(seconds("p50")) + "/" + latency(seconds("p99"));
}

/// "" for 0, so that a column in which nothing happened goes away.
std::string if_any(const Json& target, const char* field) {
  return number(target, field) == 0 ? "" : whole(target, field);
}

/// "9/10": connections that take a place, and how many may; "" without a limit.
Cell places(const Json& target) {
  const std::uint64_t limit = number(target, "max_connections");
  if (limit == 0) return {""};
  const std::uint64_t taken = number(target, "connections");
  return {fmt::format("{}/{}", taken, limit), taken >= limit ? Colour::Yellow : Colour::None};
}

}  // namespace

std::string show_targets(const Json& document, const View& view) {
  Table table({{"GROUP"},
               {"TARGET"},
               {"ZONE"},
               {"WEIGHT", Align::Right},
               {"STATE"},
               {"FOR", Align::Right},
               {"ACTIVE", Align::Right},
               {"CONNECTIONS", Align::Right},
               {"NEW", Align::Right},
               {"NEW/S", Align::Right},
               {"CONNECT-P50/P99", Align::Right},
               {"RESPONSE-P50/P99", Align::Right},
               {"QUEUE-P50/P99", Align::Right},
               {"UNHEALTHY-ROUTED", Align::Right},
               {"TO-TARGET", Align::Right},
               {"TO-CLIENT", Align::Right},
               {"PACKETS-TO-TARGET", Align::Right},
               {"PACKETS-TO-CLIENT", Align::Right},
               {"RESETS", Align::Right},
               {"PICKED-UP", Align::Right},
               {"PORT-ERRORS", Align::Right},
               {"WHY"}});
  for (const Json& target : elements(document, "targets")) {
    const Json* earlier = same_target(target, view);
    const std::string state = text(target, "state");
    const bool rates = view.earlier != nullptr;
    table.add({text(target, "target_group"),
               endpoint(target),
               text(target, "zone"),
               std::to_string(number(target, "weight")),
               {state, colour_of(state)},
               for_how_long(target, view),
               whole(target, "active_flows"),
               places(target),
               whole(target, "new_flows"),
               rates ? count_rate(rate(target, earlier, "new_flows", view.seconds)) : "",
               p50_p99(target, "connect_seconds"),
               p50_p99(target, "response_seconds"),
               p50_p99(target, "queue_seconds"),
               {if_any(target, "unhealthy_routing_flows"), Colour::Yellow},
               traffic(target, "bytes_to_target", earlier, view),
               traffic(target, "bytes_to_client", earlier, view),
               view.wide ? whole(target, "packets_to_target") : "",
               view.wide ? whole(target, "packets_to_client") : "",
               view.wide ? resets(target) : "",
               view.wide ? whole(target, "picked_up_flows") : "",
               {if_any(target, "port_allocation_errors"), Colour::Red},
               why_of_target(target, view)});
  }
  if (elements(document, "targets").empty()) return "no targets\n";
  return table.text(view.colours);
}

std::string show_target_state(const Json& target, const View& view) {
  const std::string state = text(target, "state");
  const std::uint64_t flows = number(target, "active_flows");
  std::string sentence = fmt::format(
      "{} {} is {}: {} {}", text(target, "target_group"), endpoint(target),
      coloured(state, colour_of(state), view.colours),
      flows == 0 ? std::string("no") : std::to_string(flows), flows == 1 ? "flow" : "flows");
  if (state.ends_with("draining") && flows != 0) sentence += " left";
  const std::string end = drain_end(target, view);
  if (!end.empty()) sentence += ", " + end;
  if (state == "draining") return sentence;
  return sentence +
         (flag(target, "takes_new_flows") ? ", takes new flows" : ", takes no new flows");
}

std::string show_weight(const Json& target) {
  const std::uint64_t before = number(target, "previous_weight");
  const std::uint64_t now = number(target, "weight");
  std::string sentence = fmt::format("{} {} weight {} -> {}", text(target, "target_group"),
                                     endpoint(target), before, now);
  if (number(target, "configured_weight") != now) {
    sentence += fmt::format(" (the file has {})", number(target, "configured_weight"));
  }
  const std::string note = text(target, "note");
  if (!note.empty()) sentence += "\nnote: " + note;
  return sentence;
}

}  // namespace tools
