#include "control/lifecycle/target_life.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace control {

using config::Availability;
using dataplane::TargetReason;
using dataplane::TargetState;

namespace {}  // namespace

std::string to_string(const Status& status) {
  const auto reason = to_string(status.reason);
  if (reason.empty()) return std::string(to_string(status.state));
  return fmt::format("{} ({})", to_string(status.state), reason);
}

TargetLife::TargetLife(const Standing& standing, const Moment& now)
    : standing_(standing), judge_(standing.thresholds) {
  status_.since = now.wall;
  settle(first_sentence("new"), now);
}

std::string TargetLife::first_sentence(std::string_view why) const {
  if (!unusable_.empty()) return unusable_;
  if (!standing_.in_use) return fmt::format("{}, no listener uses its target group", why);
  if (!standing_.checked) return fmt::format("{}, its health is not checked", why);
  return fmt::format("{}, not checked yet", why);
}

bool TargetLife::probes() const {
  return drain_ == Drain::None && unusable_.empty() && standing_.in_use && standing_.checked;
}

std::optional<std::chrono::steady_clock::time_point> TargetLife::deadline() const {
  if (drain_ == Drain::Running) return drain_deadline_;
  if (status_.state != TargetState::UnhealthyDraining) return std::nullopt;
  return failed_->steady + standing_.unhealthy.draining_interval;
}

void TargetLife::stand(const Standing& standing, const Moment& now) {
  const Standing before = std::exchange(standing_, standing);
  if (before.thresholds != standing.thresholds) judge_.adopt(standing.thresholds);
  if (!standing.passive) judge_.clear();
  if (before.in_use == standing.in_use && before.checked == standing.checked) {
    if (drain_ == Drain::None) settle(status_.detail, now);  // what befalls its flows may differ
    return;
  }
  forget_health();  // it was not probed before, or will not be from now on
  if (drain_ == Drain::None) settle(first_sentence("configuration changed"), now);
}

void TargetLife::forget_health() {
  judge_ = Judge(standing_.thresholds);
  failed_.reset();
  checking_ = false;
}

void TargetLife::begin_checking(const Moment& now) {
  if (!probes() || std::exchange(checking_, true)) return;
  if (judge_.health().state == TargetState::Initial) settle("its first check has begun", now);
}

void TargetLife::set_unusable(const std::string& why, const Moment& now) {
  if (why == unusable_) return;
  unusable_ = why;
  forget_health();
  if (drain_ != Drain::None) return;
  settle(first_sentence("its address can be used again"), now);
}

void TargetLife::observe(const ProbeOutcome& outcome, const Moment& now) {
  if (!probes()) return;
  checking_ = true;
  const Health before = judge_.health();
  const std::string tally = judge_.observe(outcome.finding);
  judged(before, tally.empty() ? outcome.sentence : outcome.sentence + ", " + tally, now);
}

void TargetLife::observe(const Handshakes& handshakes) {
  if (watches_handshakes()) judge_.observe(handshakes);
}

bool TargetLife::suspected() const { return watches_handshakes() && judge_.suspicion().grave(); }

void TargetLife::confirm(const ProbeOutcome& outcome, const Moment& now) {
  if (!suspected()) return;  // somebody got through meanwhile
  if (outcome.finding == Finding::Passed || outcome.finding == Finding::NotAttempted) {
    return judge_.clear();
  }
  const Health before = judge_.health();
  const Suspicion& suspicion = judge_.suspicion();
  std::string detail = fmt::format(
      "passive check: {} handshakes of clients failed and none was answered; asked at "
      "once: {}",
      suspicion.failures, outcome.sentence);
  judge_.condemn(outcome.finding);
  judged(before, std::move(detail), now);
}

void TargetLife::judged(const Health& before, std::string detail, const Moment& now) {
  const TargetState after = judge_.health().state;
  if (after != TargetState::Unhealthy) failed_.reset();
  // One that never served has nothing to drain.
  if (after == TargetState::Unhealthy && before.state == TargetState::Healthy) failed_ = now;
  settle(std::move(detail), now);
}

void TargetLife::drain(Cause cause, const config::DeregistrationDelay& delay, const Moment& now,
                       std::optional<std::chrono::system_clock::time_point> began) {
  if (drained()) return;
  using std::chrono::milliseconds;
  const milliseconds whole = delay.timeout;
  milliseconds left = whole;
  if (began) {  // of a clock that may have been set since
    const auto since = std::chrono::duration_cast<milliseconds>(now.wall - *began);
    left = std::clamp(whole - since, milliseconds(0), whole);
  }
  drain_ = Drain::Running;
  drain_deadline_ = now.steady + left;
  drain_ends_ = now.wall + left;
  lost_flows_ = status_.resets_flows;
  lost_udp_ = status_.moves_udp;
  failed_.reset();
  const auto* why = cause == Cause::Operator ? "drained by the operator" : "left the configuration";
  if (lost_flows_) {
    return settle(fmt::format("{} when it was unhealthy: its flows {} with their next packet", why,
                              standing_.udp ? "move" : "are reset"),
                  now);
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  settle(fmt::format("{}, its flows have {} s to end", why, seconds), now);
}

void TargetLife::undrain(Cause cause, const Moment& now) {
  if (!drained()) return;
  drain_ = Drain::None;
  lost_flows_ = lost_udp_ = false;
  forget_health();
  const auto* why =
      cause == Cause::Operator ? "undrained by the operator" : "back in the configuration";
  settle(first_sentence(why), now);
}

void TargetLife::tick(const config::DeregistrationDelay& delay, const Moment& now) {
  const auto due = deadline();
  if (!due || now.steady < *due) return;
  if (drain_ != Drain::Running) {
    return settle(fmt::format("draining_interval of {} s is over; {}",
                              standing_.unhealthy.draining_interval.count(), status_.detail),
                  now);
  }
  drain_ = delay.connection_termination ? Drain::Terminated : Drain::Over;
  settle(delay.connection_termination
             ? "deregistration delay is over, flows that are left are reset"
         : standing_.udp ? "deregistration delay is over, flows that are left move"
                         : "deregistration delay is over, flows that are not idle may go on",
         now);
}

TargetLife::Words TargetLife::words() const {
  switch (drain_) {
    case Drain::None: break;
    case Drain::Running:
      return {TargetState::Draining, TargetReason::DeregistrationInProgress,
              Availability::Draining};
    case Drain::Over:
      return {TargetState::Unused, TargetReason::NotRegistered, Availability::Draining};
    case Drain::Terminated:
      return {TargetState::Unused, TargetReason::NotRegistered, Availability::Terminated};
  }
  if (!unusable_.empty()) {
    return {TargetState::Unused, TargetReason::IpUnusable, Availability::Draining};
  }
  if (!standing_.in_use) {
    return {TargetState::Unused, TargetReason::NotInUse, Availability::Draining};
  }
  if (!standing_.checked) {
    return {TargetState::Unavailable, TargetReason::HealthCheckDisabled, Availability::Serving};
  }
  const Health& health = judge_.health();
  const bool new_here = health.state == TargetState::Initial && !checking_;
  const bool healthy = health.state == TargetState::Healthy;
  return {health.state, new_here ? TargetReason::RegistrationInProgress : health.reason,
          healthy ? Availability::Serving : Availability::FailOpen};
}

void TargetLife::settle(std::string detail, const Moment& now) {
  const Words now_is = words();
  const TargetState before = status_.state;
  status_.state = now_is.state;
  status_.reason = now_is.reason;
  status_.availability = now_is.availability;
  status_.resets_flows = drained() && lost_flows_;
  status_.moves_udp = drained() && (lost_udp_ || (standing_.has_udp && drain_ == Drain::Over));
  status_.drain_ends.reset();
  if (drain_ == Drain::Running) status_.drain_ends = drain_ends_;
  if (now_is.state == TargetState::Unhealthy) settle_unhealthy(now);
  if (status_.state != before) status_.since = now.wall;
  status_.detail = std::move(detail);
}

/// What becomes of its flows: kept for a while, kept as long as they last, or cut.
void TargetLife::settle_unhealthy(const Moment& now) {
  const config::Unhealthy& rule = standing_.unhealthy;
  const bool keeps = standing_.udp || !rule.connection_termination;
  if (keeps && failed_ && now.steady < failed_->steady + rule.draining_interval) {
    status_.state = TargetState::UnhealthyDraining;
    status_.drain_ends = failed_->wall + rule.draining_interval;
    return;
  }
  status_.resets_flows = standing_.udp || rule.connection_termination;
  status_.moves_udp = standing_.has_udp;
}

}  // namespace control
