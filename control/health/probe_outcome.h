// ProbeOutcome: what one health check attempt found: a word for the judge, a sentence for people.
//
// Written by the probes, read by the judge (the word) and by the log and spillwayctl (the
// sentence).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/table/target_state.h"

namespace control {

enum class Finding : std::uint8_t {
  Passed,
  CodeMismatch,  // an HTTP response, but not with a status the matcher wants
  TimedOut,
  Failed,        // refused, reset, unreachable, closed early, not HTTP
  NotAttempted,  // our own fault (no descriptor, no local port): says nothing about the target
};

/// What the target's answer says about its weight, where that is asked for.
struct ReportedWeight {
  std::optional<std::uint8_t> percent;  // of the configured one, 0 to 100; nullopt: it says nothing
};

struct ProbeOutcome {
  Finding finding = Finding::NotAttempted;
  std::string sentence;  // "HTTP 503, expected 200-399"; no full stop, a tally may follow
  std::optional<ReportedWeight> weight = std::nullopt;  // nullopt: as before
};

/// The reason code of a target that is unhealthy because of `finding`.
[[nodiscard]] constexpr dataplane::TargetReason reason_of(Finding finding) {
  switch (finding) {
    case Finding::Passed: return dataplane::TargetReason::None;
    case Finding::CodeMismatch: return dataplane::TargetReason::ResponseCodeMismatch;
    case Finding::TimedOut: return dataplane::TargetReason::Timeout;
    case Finding::Failed: return dataplane::TargetReason::FailedHealthChecks;
    case Finding::NotAttempted: break;
  }
  return dataplane::TargetReason::InternalError;
}

}  // namespace control
