#include "dataplane/table/target_state.h"

namespace dataplane {

std::string_view to_string(TargetState state) {
  switch (state) {
    case TargetState::Initial: return "initial";
    case TargetState::Healthy: return "healthy";
    case TargetState::Unhealthy: return "unhealthy";
    case TargetState::UnhealthyDraining: return "unhealthy.draining";
    case TargetState::Draining: return "draining";
    case TargetState::Unused: return "unused";
    case TargetState::Unavailable: return "unavailable";
  }
  return "unknown";
}

std::string_view to_string(TargetReason reason) {
  switch (reason) {
    case TargetReason::None: return "";
    case TargetReason::RegistrationInProgress: return "Elb.RegistrationInProgress";
    case TargetReason::InitialHealthChecking: return "Elb.InitialHealthChecking";
    case TargetReason::ResponseCodeMismatch: return "Target.ResponseCodeMismatch";
    case TargetReason::Timeout: return "Target.Timeout";
    case TargetReason::FailedHealthChecks: return "Target.FailedHealthChecks";
    case TargetReason::InternalError: return "Elb.InternalError";
    case TargetReason::NotRegistered: return "Target.NotRegistered";
    case TargetReason::NotInUse: return "Target.NotInUse";
    case TargetReason::InvalidState: return "Target.InvalidState";
    case TargetReason::IpUnusable: return "Target.IpUnusable";
    case TargetReason::DeregistrationInProgress: return "Target.DeregistrationInProgress";
    case TargetReason::HealthCheckDisabled: return "Target.HealthCheckDisabled";
  }
  return "unknown";
}

}  // namespace dataplane
