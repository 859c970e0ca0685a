#include "control/health/judge.h"

#include <fmt/format.h>

#include "dataplane/packet/contract.h"

namespace control {

using dataplane::TargetReason;
using dataplane::TargetState;

Judge::Judge(Thresholds thresholds) : thresholds_(thresholds) {
  CHECK(thresholds.healthy >= 1);
  CHECK(thresholds.unhealthy >= 1);
}

std::string Judge::observe(Finding finding) {
  switch (finding) {
    case Finding::NotAttempted: return "";
    case Finding::Passed: return count_pass();
    case Finding::CodeMismatch:
    case Finding::TimedOut:
    case Finding::Failed: break;
  }
  return count_failure(finding);
}

std::string Judge::count_pass() {
  failures_ = 0;
  if (health_.state == TargetState::Healthy) return "";
  const std::uint32_t wanted = health_.state == TargetState::Initial ? 1 : thresholds_.healthy;
  const std::uint32_t passes = ++passes_;
  if (passes >= wanted) {
    health_ = {TargetState::Healthy, TargetReason::None};
    passes_ = 0;
  }
  return fmt::format("{} of {} passed", passes, wanted);
}

std::string Judge::count_failure(Finding finding) {
  passes_ = 0;
  if (health_.state == TargetState::Unhealthy) {
    health_.reason = reason_of(finding);
    return "";
  }
  const std::uint32_t failures = ++failures_;
  if (failures >= thresholds_.unhealthy) {
    health_ = {TargetState::Unhealthy, reason_of(finding)};
    failures_ = 0;
    suspicion_ = {};
  }
  return fmt::format("{} of {} failed", failures, thresholds_.unhealthy);
}

void Judge::observe(const Handshakes& handshakes) {
  if (handshakes.answered != 0 || health_.state == TargetState::Unhealthy) {
    suspicion_ = {};
  } else if (handshakes.failed != 0) {
    suspicion_.failures += handshakes.failed;
    ++suspicion_.seconds;
    suspicion_.quiet = 0;
  } else if (suspicion_.failures != 0 && ++suspicion_.quiet >= Suspicion::quiet_max) {
    suspicion_ = {};
  }
}

void Judge::condemn(Finding finding) {
  if (!suspicion_.grave()) return;
  CHECK(finding != Finding::Passed && finding != Finding::NotAttempted);
  health_ = {TargetState::Unhealthy, TargetReason::FailedHealthChecks};
  passes_ = failures_ = 0;
  suspicion_ = {};
}

void Judge::adopt(Thresholds thresholds) {
  Judge next(thresholds);
  next.health_ = health_;
  *this = next;
}

}  // namespace control
