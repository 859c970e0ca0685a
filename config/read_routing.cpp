// How the keys are read that say which targets get new flows: config/routing_rules.h.
#include <algorithm>

#include "config/ranges.h"
#include "config/sections.h"

namespace config {
namespace {

/// A whole number, or "off", which is 0.
struct WholeOrOff {
  Whole range;
  [[nodiscard]] std::string allowed() const { return range.allowed() + ", or \"off\""; }
  [[nodiscard]] std::string example() const {
    return range.sample == 0 ? "\"off\"" : range.example();
  }
  [[nodiscard]] std::optional<std::int64_t> operator()(const Value& value) const {
    if (value.type() == libconfig::Setting::TypeString) {
      const auto text = value.string(allowed(), "");
      if (text && *text == "off") return 0;
      value.complain("is neither a number nor \"off\"", allowed(), value.number_remedy(example()));
      return std::nullopt;
    }
    const auto number = value.integer(allowed(), example());
    if (!number) return std::nullopt;
    if (*number >= range.first && *number <= range.last) return number;
    value.complain("is out of range", allowed(),
                   fmt::format("Change it, or leave it out for the default, {}.", example()));
    return std::nullopt;
  }
};

/// ELB's three: its own yes or no, or as the balancer has it.
struct CrossZoneChoice {
  static constexpr std::string_view word = "use_load_balancer_configuration";
  [[nodiscard]] std::string allowed() const { return fmt::format("true, false or \"{}\"", word); }
  [[nodiscard]] std::string example() const { return fmt::format("\"{}\"", word); }
  [[nodiscard]] std::optional<CrossZone> operator()(const Value& value) const {
    if (value.type() == libconfig::Setting::TypeBoolean) {
      return static_cast<bool>(value.setting()) ? CrossZone::On : CrossZone::Off;
    }
    const auto text = value.string(allowed(), "Choose one of these.");
    if (!text) return std::nullopt;
    if (*text == word) return CrossZone::UseLoadBalancerConfiguration;
    value.complain("is not one of the choices", allowed(),
                   "Choose one of these; true and false without quotes.");
    return std::nullopt;
  }
};

/// `off`: the count may be switched off.
HealthyTargets read_healthy_targets(const Value& value, HealthyTargets wanted, bool off) {
  Group group{value};
  const Whole count{1, ranges::healthy_targets_max, std::int64_t{wanted.count}};
  if (off) {
    group.read("count", wanted.count, WholeOrOff{count});
  } else {
    group.read("count", wanted.count, count);
  }
  group.read("percentage", wanted.percentage, WholeOrOff{{1, 100, wanted.percentage}});
  group.finish();
  return wanted;
}

/// A group that holds minimum_healthy_targets and nothing else.
void read_threshold(Group& health, const char* key, HealthyTargets& wanted, bool off) {
  const auto value = health.find(key);
  if (!value) return;
  Group threshold{*value};
  if (const auto minimum = threshold.find("minimum_healthy_targets")) {
    wanted = read_healthy_targets(*minimum, wanted, off);
  }
  threshold.finish();
}

TargetGroupHealth read_target_group_health(const Value& value) {
  TargetGroupHealth health;
  Group group{value};
  read_threshold(group, "unhealthy_state_routing", health.unhealthy_state_routing, false);
  // What is not said of announcing is as for routing: it must not be less.
  health.dns_failover.count = health.unhealthy_state_routing.count;
  health.dns_failover.percentage = health.unhealthy_state_routing.percentage;
  read_threshold(group, "dns_failover", health.dns_failover, true);
  group.finish();
  return health;
}

ZonalAffinity read_zonal_affinity(const Value& value) {
  ZonalAffinity affinity;
  Group group{value};
  group.read("minimum_local_capacity", affinity.minimum_local_capacity,
             Whole{1, 100, affinity.minimum_local_capacity});
  affinity.recovery_local_capacity = std::min(affinity.minimum_local_capacity + 10, 100u);
  group.read("recovery_local_capacity", affinity.recovery_local_capacity,
             Whole{1, 100, affinity.recovery_local_capacity});
  std::int64_t time = affinity.recovery_time.count();
  group.read("recovery_time", time, Whole{0, ranges::recovery_time_max, time});
  affinity.recovery_time = seconds{time};
  group.finish();
  return affinity;
}

Failover read_failover(const Value& value) {
  Failover failover;
  Group group{value};
  group.require("target_group", failover.target_group,
                Text{"the name of a target group", "\"standby\""});
  if (const auto minimum = group.find("minimum_healthy_targets")) {
    failover.minimum_healthy_targets =
        read_healthy_targets(*minimum, failover.minimum_healthy_targets, false);
  }
  const HealthyTargets& minimum = failover.minimum_healthy_targets;
  failover.recovery_healthy_targets = {
      .count = minimum.count,
      .percentage = std::max(failover.recovery_healthy_targets.percentage, minimum.percentage)};
  if (const auto recovery = group.find("recovery_healthy_targets")) {
    failover.recovery_healthy_targets =
        read_healthy_targets(*recovery, failover.recovery_healthy_targets, false);
  }
  std::int64_t time = failover.recovery_time.count();
  group.read("recovery_time", time, Whole{0, ranges::recovery_time_max, time});
  failover.recovery_time = seconds{time};
  group.finish();
  return failover;
}

}  // namespace

RoutingRules read_routing(Group& group) {
  RoutingRules rules;
  if (const auto health = group.find("target_group_health")) {
    rules.target_group_health = read_target_group_health(*health);
  }
  group.read("cross_zone", rules.cross_zone, CrossZoneChoice{});
  if (const auto affinity = group.find("zonal_affinity")) {
    rules.zonal_affinity = read_zonal_affinity(*affinity);
  }
  if (const auto failover = group.find("failover")) {
    rules.failover = read_failover(*failover);
  }
  return rules;
}

Zoning read_zoning(Group& file) {
  Zoning zoning;
  file.read("zone", zoning.zone, Text{"a name", "\"a\""});
  file.read("cross_zone", zoning.cross_zone, Flag{});
  return zoning;
}

}  // namespace config
