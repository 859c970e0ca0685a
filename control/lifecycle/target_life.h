// TargetLife: what one target is and why: its health, its drain, its group's use, in ELB's words.
//
//              ┌─ address is our own ──────▶ unused (Target.IpUnusable)           no new flows
//              ├─ group without listener ──▶ unused (Target.NotInUse)             no new flows
//  registered ─┼─ health check disabled ───▶ unavailable (…HealthCheckDisabled)   Serving
//              └─ else, as the judge says ─▶ initial, healthy, unhealthy          Serving, FailOpen
//     drain │ ▲ undrain
//           ▼ │                  delay over
//       draining (Target.Dereg…) ──────────▶ unused (Target.NotRegistered)   Draining, Terminated
//
//  healthy ──▶ unhealthy                       with unhealthy.connection_termination, or UDP: its
//                                              flows are reset, or move
//  healthy ──▶ unhealthy.draining ──▶ unhealthy     without, after unhealthy.draining_interval
//
// initial has two reasons: Elb.RegistrationInProgress until its first check begins, then
// Elb.InitialHealthChecking. Flows that an unhealthy target has lost do not come back by a drain.
//
// Pure: time and outcomes are arguments. The lifecycle owns one per target, and acts on what it
// says.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/facts.h"
#include "control/health/judge.h"
#include "control/health/probe_outcome.h"
#include "dataplane/table/target_state.h"

namespace control {

/// One moment on both clocks: deadlines go by `steady`, what people read by `wall`.
struct Moment {
  std::chrono::steady_clock::time_point steady;
  std::chrono::system_clock::time_point wall;
};

[[nodiscard]] inline std::uint64_t unix_milliseconds(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  return static_cast<std::uint64_t>(since.count());
}

/// What the configuration says about a target's group.
struct Standing {
  bool in_use = true;   // a listener sends flows to the group
  bool checked = true;  // health checks are enabled
  Thresholds thresholds;
  config::Unhealthy unhealthy = {};
  bool udp = false;      // the group's protocol is UDP alone
  bool passive = false;  // clients' handshakes count
  bool has_udp = false;  // of the group's protocols: nothing ties a datagram to an unhealthy target
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct Status {
  dataplane::TargetState state = dataplane::TargetState::Initial;
  dataplane::TargetReason reason = dataplane::TargetReason::RegistrationInProgress;
  config::Availability availability = config::Availability::FailOpen;
  std::chrono::system_clock::time_point since;                      // of the state
  std::optional<std::chrono::system_clock::time_point> drain_ends;  // while …draining
  bool resets_flows = false;  // its old ones, unless its group fails open
  bool moves_udp = false;     // of its old ones those of UDP, likewise; or since it is gone
  std::string detail;         // a sentence
  friend bool operator==(const Status&, const Status&) = default;
};
/// "healthy", "unhealthy (Target.Timeout)"
[[nodiscard]] std::string to_string(const Status& status);

class TargetLife {
 public:
  TargetLife(const Standing& standing, const Moment& now);

  /// The configuration of its group, read again. Health stays; thresholds that differ count anew.
  void stand(const Standing& standing, const Moment& now);
  /// Its first check begins. Ignored unless probes() is true.
  void begin_checking(const Moment& now);
  /// Why nobody could be reached at its address; "": it is an address like any other.
  void set_unusable(const std::string& why, const Moment& now);
  /// Ignored unless probes() is true.
  void observe(const ProbeOutcome& outcome, const Moment& now);

  /// What clients met in the last second; ignored unless watches_handshakes().
  void observe(const Handshakes& handshakes);
  /// It is to be asked at once whether it takes connections, and confirm() told what came of it.
  [[nodiscard]] bool suspected() const;
  void confirm(const ProbeOutcome& outcome, const Moment& now);

  enum class Cause : std::uint8_t { Operator, LeftConfiguration };
  /// No new flows from now on. One that drains already goes on as it is. `began`: when, if it was
  /// before a restart; what is left of the delay counts.
  void drain(Cause cause, const config::DeregistrationDelay& delay, const Moment& now,
             std::optional<std::chrono::system_clock::time_point> began = {});
  /// Back to work; what is known of its health is out of date, so it starts as a new target does.
  void undrain(Cause cause, const Moment& now);
  /// Ends a drain whose delay, or an unhealthy.draining whose interval is over; until then does
  /// nothing.
  void tick(const config::DeregistrationDelay& delay, const Moment& now);

  [[nodiscard]] const Status& status() const { return status_; }
  /// Its health is worth knowing.
  [[nodiscard]] bool probes() const;
  [[nodiscard]] bool watches_handshakes() const { return probes() && standing_.passive; }
  /// It was drained, whether or not that has ended.
  [[nodiscard]] bool drained() const { return drain_ != Drain::None; }
  /// When tick() has something to do.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const;

 private:
  enum class Drain : std::uint8_t { None, Running, Over, Terminated };

  struct Words {
    dataplane::TargetState state;
    dataplane::TargetReason reason;
    config::Availability availability;
  };
  [[nodiscard]] Words words() const;
  /// What is said of a target that nothing is known of yet.
  [[nodiscard]] std::string first_sentence(std::string_view why) const;
  /// What is known of its health is out of date.
  void forget_health();
  void settle(std::string detail, const Moment& now);
  void settle_unhealthy(const Moment& now);
  /// Acts on what the judge has come to say.
  void judged(const Health& before, std::string detail, const Moment& now);

  Standing standing_;
  Judge judge_;
  Drain drain_ = Drain::None;
  std::chrono::steady_clock::time_point drain_deadline_;
  std::chrono::system_clock::time_point drain_ends_;
  std::optional<Moment> failed_;  // when it turned from healthy to unhealthy, while it is
  bool checking_ = false;         // its first check has begun
  bool lost_udp_ = false;         // … those of UDP
  bool lost_flows_ = false;       // drained when its flows were to be reset, or to move, already
  std::string unusable_;          // why its address cannot be used; "": it can
  Status status_;
};

}  // namespace control
