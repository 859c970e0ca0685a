// What must hold for the settings that say which targets get new flows: thresholds, zones, standby
// groups.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/checks.h"
#include "dataplane/table/ids.h"

namespace config {
namespace {

/// `later` comes to bear before `first` does, or after it has: it may not ask for less.
struct Pair {
  std::string_view first;
  HealthyTargets first_wants;
  std::string_view later;
  HealthyTargets later_wants;
  std::string_view why;
};

class RoutingCheck {
 public:
  RoutingCheck(const Config& config, std::size_t group, Complaints& complaints)
      : config_(config),
        group_(config.target_groups[group]),
        path_(element("target_groups", group)),
        complaints_(complaints) {}

  void check() {
    const TargetGroupHealth& health = group_.routing.target_group_health;
    check_order({".target_group_health.unhealthy_state_routing.minimum_healthy_targets",
                 health.unhealthy_state_routing,
                 ".target_group_health.dns_failover.minimum_healthy_targets", health.dns_failover,
                 "clients are to be sent elsewhere before the group fails open"});
    check_cross_zone();
    check_affinity();
    check_failover();
  }

 private:
  [[nodiscard]] bool readable(std::string_view key) const {
    return complaints_.readable(path_ + std::string{key});
  }
  void complain(std::string_view key, Error error) {
    error.setting = path_ + std::string{key};
    complaints_.add(std::move(error));
  }

  /// 0 is off, which asks for nothing, and is not less.
  void check_order(const Pair& pair) {
    check_figure(pair, ".count", pair.first_wants.count, pair.later_wants.count);
    check_figure(pair, ".percentage", pair.first_wants.percentage, pair.later_wants.percentage);
  }

  void check_figure(const Pair& pair, const std::string& figure, std::uint32_t first,
                    std::uint32_t later) {
    const std::string key = std::string{pair.later} + figure;
    const std::string other = std::string{pair.first} + figure;
    if (later == 0 || later >= first || !readable(key) || !readable(other)) return;
    complain(key, {.value = std::to_string(later),
                   .problem = fmt::format("is less than {}, {}{}", other.substr(1), first,
                                          written_at(config_, path_ + other)),
                   .allowed = fmt::format("at least {}: {}", first, pair.why),
                   .remedy = "Raise it, or lower the other one."});
  }

  void check_cross_zone() {
    if (group_.routing.cross_zone != CrossZone::Off || !config_.zoning.zone.empty()) return;
    if (!readable(".cross_zone") || !complaints_.readable("zone")) return;
    complain(".cross_zone",
             {.value = "false",
              .problem = "needs to know which zone the balancer stands in, and there is no zone",
              .allowed = "true or \"use_load_balancer_configuration\" without zone",
              .remedy = "Write zone = \"NAME\"; at the top of the file, or remove this."});
  }

  void check_affinity() {
    if (!group_.routing.zonal_affinity || !readable(".zonal_affinity")) return;
    const ZonalAffinity& affinity = *group_.routing.zonal_affinity;
    const bool zone_known = complaints_.readable("zone");
    if (config_.zoning.zone.empty() && zone_known) {
      complain(".zonal_affinity",
               {.value = "{ … }",
                .problem = "needs to know which zone the balancer stands in, and there is no zone",
                .allowed = "only with zone",
                .remedy = "Write zone = \"NAME\"; at the top of the file, or remove this."});
    } else if (zone_known && readable(".cross_zone") && complaints_.readable("cross_zone") &&
               !crosses_zones(config_.zoning, group_.routing.cross_zone)) {
      complain(".zonal_affinity",
               {.value = "{ … }",
                .problem = "has no other zone to spill to: cross_zone is off for this group",
                .allowed = "only with cross_zone on",
                .remedy = "Set cross_zone = true for the group, or remove this."});
    }
    if (affinity.recovery_local_capacity >= affinity.minimum_local_capacity ||
        !readable(".zonal_affinity.recovery_local_capacity") ||
        !readable(".zonal_affinity.minimum_local_capacity")) {
      return;
    }
    complain(".zonal_affinity.recovery_local_capacity",
             {.value = std::to_string(affinity.recovery_local_capacity),
              .problem = fmt::format("is less than minimum_local_capacity, {}",
                                     affinity.minimum_local_capacity),
              .allowed = fmt::format("{} to 100", affinity.minimum_local_capacity),
              .remedy = "Raise it, or leave it out."});
  }

  void check_failover() {
    if (!group_.routing.failover || !readable(".failover")) return;
    const Failover& failover = *group_.routing.failover;
    check_order({".failover.minimum_healthy_targets", failover.minimum_healthy_targets,
                 ".failover.recovery_healthy_targets", failover.recovery_healthy_targets,
                 "or flows would go back as soon as they had left"});
    if (!readable(".failover.target_group") || !complaints_.readable("target_groups")) return;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < config_.target_groups.size(); ++i) {
      const std::string standby_path = element("target_groups", i);
      if (!complaints_.readable(standby_path + ".name")) return;  // it may be the one
      const TargetGroup& standby = config_.target_groups[i];
      if (standby.name == failover.target_group) return check_standby(standby, standby_path);
      if (standby.name != group_.name) names.push_back(standby.name);
    }
    complain_of_standby(
        "is no target group of this configuration",
        "Name a target group that is there." + did_you_mean(failover.target_group, names));
  }

  void complain_of_standby(std::string problem, std::string remedy) {
    complain(".failover.target_group",
             {.value = in_quotes(group_.routing.failover->target_group),
              .problem = std::move(problem),
              .allowed = "another target group of the same protocol and family, without failover",
              .remedy = std::move(remedy)});
  }

  void check_standby(const TargetGroup& standby, const std::string& standby_path) {
    if (standby.name == group_.name) {
      return complain_of_standby("is this target group itself", "Name another one.");
    }
    if (standby.routing.failover) {
      complain_of_standby(
          fmt::format("has a standby group of its own{}: standby groups do not chain",
                      written_at(config_, standby_path + ".failover")),
          "Remove failover from one of the two.");
    }
    if (standby.protocol != group_.protocol && readable(".protocol") &&
        complaints_.readable(standby_path + ".protocol")) {
      complain_of_standby(
          fmt::format("is a target group for {}{}, but this one is for {}",
                      to_string(standby.protocol), written_at(config_, standby_path),
                      to_string(group_.protocol)),
          "Make the two the same, or name another target group.");
    }
    check_family(standby, standby_path);
  }

  /// Packets keep their family on the way through. A group's own targets are judged by its
  /// listeners.
  void check_family(const TargetGroup& standby, const std::string& standby_path) {
    if (group_.targets.empty() || standby.targets.empty()) return;
    if (!readable(".targets[0].address") ||
        !complaints_.readable(standby_path + ".targets[0].address")) {
      return;
    }
    if (standby.targets[0].address.family() == group_.targets[0].address.family()) return;
    complain_of_standby(
        fmt::format("has targets of the other family, {}{}", to_string(standby.targets[0].address),
                    written_at(config_, standby_path + ".targets[0]")),
        "Make a standby group for each family.");
  }

  const Config& config_;
  const TargetGroup& group_;
  std::string path_;
  Complaints& complaints_;
};

void check_zones(const Config& config, Complaints& complaints) {
  if (!config.zoning.zone.empty()) check_name("zone", config.zoning.zone, complaints);
  if (config.places.written("cross_zone") && !config.zoning.cross_zone &&
      config.zoning.zone.empty() && complaints.readable("zone") &&
      complaints.readable("cross_zone")) {
    complaints.add(
        {.setting = "cross_zone",
         .value = "false",
         .problem = "needs to know which zone the balancer stands in, and there is no zone",
         .allowed = "true, or nothing, without zone",
         .remedy = "Write zone = \"NAME\"; beside it, or remove this."});
  }
  std::set<std::string_view> names;
  if (!config.zoning.zone.empty()) names.insert(config.zoning.zone);
  for (const TargetGroup& group : config.target_groups) {
    for (const Target& target : group.targets) {
      if (!target.zone.empty()) names.insert(target.zone);
    }
  }
  if (names.size() <= dataplane::zones_max) return;
  complaints.add({.setting = "target_groups",
                  .value = fmt::format("{} zones", names.size()),
                  .problem = "are too many",
                  .allowed = fmt::format("at most {}", dataplane::zones_max),
                  .remedy = "Spread them over several instances, or put targets into larger "
                            "zones."});
}

}  // namespace

void check_routing(const Config& config, Complaints& complaints) {
  check_zones(config, complaints);
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    RoutingCheck{config, i, complaints}.check();
  }
}

}  // namespace config
