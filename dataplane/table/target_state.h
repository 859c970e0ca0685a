// Target states and reason codes: ELB's own words (DescribeTargetHealth), as the log, spillwayctl
// and the shared memory segment use them. Values are part of the segment's layout: append only.
#pragma once

#include <cstdint>
#include <string_view>

namespace dataplane {

enum class TargetState : std::uint8_t {
  Initial,
  Healthy,
  Unhealthy,
  UnhealthyDraining,
  Draining,
  Unused,
  Unavailable,
};

enum class TargetReason : std::uint8_t {
  None,
  RegistrationInProgress,    // Elb.RegistrationInProgress
  InitialHealthChecking,     // Elb.InitialHealthChecking
  ResponseCodeMismatch,      // Target.ResponseCodeMismatch
  Timeout,                   // Target.Timeout
  FailedHealthChecks,        // Target.FailedHealthChecks
  InternalError,             // Elb.InternalError
  NotRegistered,             // Target.NotRegistered
  NotInUse,                  // Target.NotInUse
  InvalidState,              // Target.InvalidState
  IpUnusable,                // Target.IpUnusable
  DeregistrationInProgress,  // Target.DeregistrationInProgress
  HealthCheckDisabled,       // Target.HealthCheckDisabled
};

/// "initial", "unhealthy.draining", …
[[nodiscard]] std::string_view to_string(TargetState state);
/// "Target.Timeout", …; "" for None.
[[nodiscard]] std::string_view to_string(TargetReason reason);

}  // namespace dataplane
