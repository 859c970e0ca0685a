// Eligibility: which targets of a group get new flows, by health, weight and zone (elb-semantics,
// 2.4). The one place where that is decided: compile() builds the tables from it, and control tells
// it.
//
//   registered, not draining, with weight                           ← takes part
//     └─ in the own zone, or cross_zone is on                       ← is in scope
//          └─ not in a zone that is shifted away                    ← is kept
//               ├─ enough of these are healthy:  the healthy ones get flows
//               │    (with zonal affinity only those of the own zone)
//               └─ too few are:                  all of these get flows, the group fails open
//
// While the group's new flows go to its standby, none of its targets gets any, and it does not fail
// open. A shift that would leave a group nothing is ignored for that group: where no target is
// kept, and where none that is kept is healthy but another one is.
//
// Pure; linear in the number of targets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/facts.h"
#include "config/routing_rules.h"
#include "dataplane/table/exclusion.h"

namespace config {

/// What is judged of one target. A target without a zone belongs to every zone.
struct Candidate {
  Availability availability = Availability::FailOpen;
  std::uint16_t weight = 1;
  std::string_view zone;
};

/// What control has decided about a group, since it takes time.
struct Decided {
  bool spills = false;      // zonal affinity, but the own zone lacks capacity
  bool on_standby = false;  // another group gets its new flows
};

/// Under which circumstances. Refers to what it was made of.
struct Situation {
  TargetGroupHealth health;
  bool cross_zone = true;
  bool prefers_local = false;  // zonal affinity, and the own zone has the capacity
  bool on_standby = false;     // nobody here gets new flows
  std::string_view zone;       // the balancer's; "": none
  std::span<const std::string> shifted_zones;
};
[[nodiscard]] Situation situation_of(const Zoning& zoning, const RoutingRules& rules,
                                     const Decided& decided,
                                     std::span<const std::string> shifted_zones);

struct Tally {
  std::uint32_t registered = 0;  // and not draining, with weight
  std::uint32_t healthy = 0;
  friend bool operator==(Tally, Tally) = default;
};
[[nodiscard]] bool suffices(Tally tally, const HealthyTargets& wanted);

struct Eligibility {
  std::vector<bool> eligible;                    // by candidate
  std::vector<dataplane::Exclusion> exclusions;  // by candidate
  bool failing_open = false;
  bool shift_ignored = false;
  Tally kept;    // in scope and in no zone that is shifted away
  Tally judged;  // of whom it was asked whether they are enough: as kept, unless shift_ignored
};
[[nodiscard]] Eligibility eligibility(const Situation& situation,
                                      std::span<const Candidate> candidates);

/// How a group stands in one zone, as a balancer there sees it.
struct GroupZone {
  std::string zone;  // "" is the only one where there are no zones
  Tally tally;       // of the targets that belong to it
  bool shifted = false;
  bool failing_open = false;
  bool healthy = false;    // enough healthy targets to be announced, and not shifted away
  bool announced = false;  // healthy, or no zone is: then all are
  friend bool operator==(const GroupZone&, const GroupZone&) = default;
};
/// The zones of all targets that take part, and the balancer's, in the order of their names.
[[nodiscard]] std::vector<GroupZone> zones_of(const Situation& situation,
                                              std::span<const Candidate> candidates);

/// Of the targets of the own zone that are in no shifted one: how much of their weight is healthy,
/// in percent, rounded down; 0 if they have none.
[[nodiscard]] std::uint32_t local_capacity(const Situation& situation,
                                           std::span<const Candidate> candidates);

}  // namespace config
