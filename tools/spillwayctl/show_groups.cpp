#include <fmt/core.h>

#include "tools/spillwayctl/fields.h"
#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

/// Seconds until `time`; 0 for one that is past or none.
double seconds_until(const std::string& time, const View& view) {
  const auto at = unix_milliseconds(time);
  if (!at || *at <= view.now_unix_milliseconds) return 0;
  return static_cast<double>(*at - view.now_unix_milliseconds) / 1000;
}

std::string of(const Json& object) {
  return fmt::format("{}/{}", number(object, "healthy"), number(object, "registered"));
}

/// Where new flows go, of this balancer.
Cell routing(const Json& group) {
  if (flag(group, "on_standby")) return {"standby", Colour::Yellow};
  if (flag(group, "failing_open")) return {"fail open", Colour::Red};
  if (number(group, "registered") == 0) return {"nobody", Colour::Red};
  if (text(group, "zonal_affinity") == "spills") return {"spill", Colour::Yellow};
  return {"healthy", Colour::Green};
}

/// "fewer than 2 are healthy", "less than 50 % are healthy"
std::string lacking(const Json& group) {
  const Json& minimum = object(group, "minimum_healthy_targets");
  const std::uint64_t count = number(minimum, "count");
  if (number(group, "healthy") < count) {
    return count == 1 ? "none is healthy" : fmt::format("fewer than {} are healthy", count);
  }
  return fmt::format("less than {} % are healthy", number(minimum, "percentage"));
}

std::string why_of_group(const Json& group) {
  std::string sentence;
  const auto append = [&](const std::string& part) {
    sentence += (sentence.empty() ? "" : "; ") + part;
  };
  if (flag(group, "on_standby")) {
    append(fmt::format("new flows go to {}", text(group, "standby")));
  } else if (flag(group, "failing_open")) {
    append(lacking(group));
  } else if (number(group, "registered") == 0) {
    append(flag(group, "cross_zone") ? "no target" : "no target in this zone, cross_zone is off");
  }
  if (flag(group, "zonal_shift_ignored")) append("the zonal shift would leave nothing: ignored");
  if (text(group, "zonal_affinity") == "spills") append("the own zone lacks capacity");
  return sentence;
}

/// "12/1024": who waits, and how many may; "" without a queue.
Cell surge_queue(const Json& group) {
  const Json& limits = object(group, "surge_queue");
  if (!limits.is_object() || number(limits, "length") == 0) return {""};
  const std::uint64_t waiting = number(group, "surge_queue_length");
  return {fmt::format("{}/{}", waiting, number(limits, "length")),
          waiting >= number(limits, "length") ? Colour::Red
          : waiting != 0                      ? Colour::Yellow
                                              : Colour::None};
}

/// "" for 0, so that a column in which nothing happened goes away.
std::string blank_if_none(const Json& group, const char* field) {
  const std::uint64_t figure = number(group, field);
  return figure == 0 ? "" : count(static_cast<double>(figure));
}

/// What only the first of a group's lines says.
std::vector<Cell> row(const Json& group, const Json& zone, bool first, bool own) {
  const std::string name = text(zone, "zone");
  return {first ? text(group, "name") : "",
          name + (own && !name.empty() ? "*" : ""),
          of(zone),
          own                          ? routing(group)
          : flag(zone, "failing_open") ? Cell{"fail open", Colour::Yellow}
                                       : Cell{""},
          {flag(zone, "announced") ? "yes" : "no",
           flag(zone, "announced") ? Colour::None : Colour::Red},
          flag(zone, "shifted") ? "shifted" : "",
          first ? (flag(group, "cross_zone") ? "on" : "off") : "",
          first ? count(static_cast<double>(number(group, "active_flows"))) : "",
          first ? count(static_cast<double>(number(group, "new_flows"))) : "",
          {first ? blank_if_none(group, "unhealthy_routing_flows") : "", Colour::Yellow},
          first ? surge_queue(group) : Cell{""},
          first ? blank_if_none(group, "surge_admitted") : "",
          {first ? blank_if_none(group, "surge_timed_out") : "", Colour::Yellow},
          {first ? blank_if_none(group, "spillover_count") : "", Colour::Red},
          own ? why_of_group(group) : ""};
}

}  // namespace

std::string show_target_groups(const Json& document, const View& view) {
  Table table({{"GROUP"},
               {"ZONE"},
               {"HEALTHY", Align::Right},
               {"ROUTING"},
               {"ANNOUNCE"},
               {"SHIFT"},
               {"CROSS-ZONE"},
               {"ACTIVE", Align::Right},
               {"NEW", Align::Right},
               {"UNHEALTHY-ROUTED", Align::Right},
               {"QUEUE", Align::Right},
               {"ADMITTED", Align::Right},
               {"TIMED-OUT", Align::Right},
               {"SPILLED", Align::Right},
               {"WHY"}});
  for (const Json& group : elements(document, "target_groups")) {
    bool first = true, told = false;
    const std::string home = text(group, "own_zone");
    const Json& zones = elements(group, "zones");
    for (const Json& zone : zones) {
      // Without a zone of its own the balancer's routing is that of all: said once.
      const bool own = home.empty() ? !told : text(zone, "zone") == home;
      told = told || own;
      table.add(row(group, zone, first, own));
      first = false;
    }
  }
  if (elements(document, "target_groups").empty()) return "no target groups\n";
  return table.text(view.colours);
}

std::string show_shift(const Json& zone, const View& view) {
  const std::string comment = text(zone, "comment");
  return fmt::format("{} is shifted away for {}{}{}", text(zone, "zone"),
                     duration(seconds_until(text(zone, "shift_expires"), view)),
                     comment.empty() ? "" : ": ", comment);
}

std::string show_zones(const Json& document, const View& view) {
  Table table({{"ZONE"},
               {"TARGETS", Align::Right},
               {"HEALTHY"},
               {"SHIFTED-TARGETS", Align::Right},
               {"SHIFT-ENDS-IN", Align::Right},
               {"COMMENT"}});
  for (const Json& zone : elements(document, "zones")) {
    const bool healthy = number(zone, "zonal_health_status") != 0;
    const bool shifted = flag(zone, "shifted");
    table.add({text(zone, "zone") + (flag(zone, "own") ? "*" : ""),
               std::to_string(number(zone, "targets")),
               {healthy ? "yes" : "no", healthy ? Colour::Green : Colour::Red},
               shifted ? std::to_string(number(zone, "active_zonal_shift_host_count")) : "",
               shifted ? duration(seconds_until(text(zone, "shift_expires"), view)) : "",
               text(zone, "comment")});
  }
  if (elements(document, "zones").empty()) return "no zones: no target has one\n";
  return table.text(view.colours);
}

}  // namespace tools
