// Judge: probe findings in, a target's health out. One per target; pure, so time is not in here.
//
//   Initial ──first pass──▶ Healthy ──`unhealthy` failures in a row──▶ Unhealthy
//      └──────────────`unhealthy` failures in a row───────────────────▶  │ ▲
//                             Healthy ◀──`healthy` passes in a row───────┘ ┘ other reason
//
// The first pass of a new target counts at once (NLB's rule). An attempt that could not be made
// changes nothing: being short of descriptors must not take good targets out.
#pragma once

#include <cstdint>
#include <string>

#include "control/health/probe_outcome.h"
#include "dataplane/table/target_state.h"

namespace control {

struct Thresholds {
  std::uint32_t healthy = 5;    // passes in a row
  std::uint32_t unhealthy = 2;  // failures in a row
  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

struct Health {
  dataplane::TargetState state = dataplane::TargetState::Initial;  // … Healthy, Unhealthy
  dataplane::TargetReason reason = dataplane::TargetReason::InitialHealthChecking;
  friend bool operator==(const Health&, const Health&) = default;
};

class Judge {
 public:
  /// CHECKs that both thresholds are at least 1.
  explicit Judge(Thresholds thresholds);

  /// Takes one finding into account. Returns how far it brought the target towards a change, as "1
  /// of 2 failed" or "5 of 5 passed"; "" if it only confirmed what was known.
  std::string observe(Finding finding);

  /// Other thresholds from now on: the health stays, what was counted under the old ones does not.
  void adopt(Thresholds thresholds);

  [[nodiscard]] const Health& health() const { return health_; }
  [[nodiscard]] const Thresholds& thresholds() const { return thresholds_; }

 private:
  std::string count_pass();
  std::string count_failure(Finding finding);

  Thresholds thresholds_;
  Health health_;
  std::uint32_t passes_ = 0;    // in a row, while Unhealthy
  std::uint32_t failures_ = 0;  // in a row, while Initial or Healthy
};

}  // namespace control
