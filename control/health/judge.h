// Judge: probe findings in, a target's health out. One per target; pure, so time is not in here.
//
//   Initial ──first pass──▶ Healthy ──`unhealthy` failures in a row──▶ Unhealthy
//      └──────────────`unhealthy` failures in a row───────────────────▶  │ ▲
//                             Healthy ◀──`healthy` passes in a row───────┘ ┘ other reason
//
// The first pass of a new target counts at once (NLB's rule). An attempt that could not be made
// changes nothing: being short of descriptors must not take good targets out.
//
// What clients meet counts too: a target that lets their handshakes fail is suspected, by the rule
// at Suspicion, and whoever asks it then condemns it or clears it. Only passes bring it back.
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

/// How handshakes of clients with a target ended, within one second.
struct Handshakes {
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;  // no answer, or RST
  friend bool operator==(const Handshakes&, const Handshakes&) = default;
};

/// A target is suspected once, since its last answered handshake, this many have failed, in this
/// many different seconds; a time without any failure ends the count. One answer outweighs all: a
/// busy target lets some fail, a dead one lets all.
struct Suspicion {
  static constexpr std::uint64_t failures_min = 3;
  static constexpr std::uint32_t seconds_min = 2;
  static constexpr std::uint32_t quiet_max = 10;  // seconds without a failure

  std::uint64_t failures = 0;
  std::uint32_t seconds = 0;  // with a failure
  std::uint32_t quiet = 0;    // seconds since the last one
  [[nodiscard]] bool grave() const { return failures >= failures_min && seconds >= seconds_min; }
};

class Judge {
 public:
  /// CHECKs that both thresholds are at least 1.
  explicit Judge(Thresholds thresholds);

  /// Takes one finding into account. Returns how far it brought the target towards a change, as "1
  /// of 2 failed" or "5 of 5 passed"; "" if it only confirmed what was known.
  std::string observe(Finding finding);

  /// Takes a second's handshakes into account. An unhealthy target is not suspected: its handshakes
  /// are expected to fail.
  void observe(const Handshakes& handshakes);
  [[nodiscard]] const Suspicion& suspicion() const { return suspicion_; }
  /// The target was asked because it is suspected: it serves after all, or this is what is wrong
  /// with it, and it is unhealthy at once. Nothing happens if it is suspected no more.
  void clear() { suspicion_ = {}; }
  void condemn(Finding finding);

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
  Suspicion suspicion_;
};

}  // namespace control
