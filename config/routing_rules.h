// RoutingRules: which of its targets a target group gives new flows to, as the operator asked for
// it. ELB's target_group_health and cross_zone; zonal_affinity and failover are our own.
//
// Read by read_routing.cpp, judged by check_routing.cpp. What follows from them now is decided by
// config/eligibility.h, what follows with time by control/lifecycle/traffic.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace config {

/// How many healthy targets are enough: fewer than either figure are too few. 0: that one is off.
struct HealthyTargets {
  std::uint32_t count = 1;
  std::uint32_t percentage = 0;  // of the registered targets
  friend bool operator==(const HealthyTargets&, const HealthyTargets&) = default;
};

/// ELB's: too few healthy targets for routing, and the group fails open; too few for announcing,
/// and clients are better sent to another zone.
struct TargetGroupHealth {
  HealthyTargets unhealthy_state_routing;
  HealthyTargets dns_failover;
  friend bool operator==(const TargetGroupHealth&, const TargetGroupHealth&) = default;
};

enum class CrossZone : std::uint8_t { UseLoadBalancerConfiguration, On, Off };

/// New flows stay in the balancer's own zone as long as that has the capacity: the weights of its
/// healthy targets, as a percentage of the weights of all its registered ones.
struct ZonalAffinity {
  std::uint32_t minimum_local_capacity = 50;   // below: flows are spread over all zones
  std::uint32_t recovery_local_capacity = 60;  // at least, for recovery_time: they stay again
  std::chrono::seconds recovery_time{30};
  friend bool operator==(const ZonalAffinity&, const ZonalAffinity&) = default;
};

/// Another group takes the new flows while this one has too few healthy targets.
struct Failover {
  std::string target_group;
  HealthyTargets minimum_healthy_targets;
  HealthyTargets recovery_healthy_targets{.count = 1, .percentage = 50};
  std::chrono::seconds recovery_time{60};
  friend bool operator==(const Failover&, const Failover&) = default;
};

struct RoutingRules {
  TargetGroupHealth target_group_health;
  CrossZone cross_zone = CrossZone::UseLoadBalancerConfiguration;
  std::optional<ZonalAffinity> zonal_affinity;
  std::optional<Failover> failover;
  friend bool operator==(const RoutingRules&, const RoutingRules&) = default;
};

/// What the balancer itself brings: where it stands, and its setting for groups without their own.
struct Zoning {
  std::string zone;  // "": nowhere in particular; zones of targets then mean nothing
  bool cross_zone = false;
  friend bool operator==(const Zoning&, const Zoning&) = default;
};

/// Targets of other zones get flows, too. A balancer without a zone knows no other zones.
[[nodiscard]] inline bool crosses_zones(const Zoning& zoning, CrossZone cross_zone) {
  if (zoning.zone.empty()) return true;
  if (cross_zone == CrossZone::UseLoadBalancerConfiguration) return zoning.cross_zone;
  return cross_zone == CrossZone::On;
}

}  // namespace config
