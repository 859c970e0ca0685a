#include "control/lifecycle/target_life.h"

#include <fmt/format.h>

#include <utility>

namespace control {

using config::Availability;
using dataplane::TargetReason;
using dataplane::TargetState;

namespace {

struct Words {
  TargetState state;
  TargetReason reason;
  Availability availability;
};

Words words_of(const Health& health) {
  const bool healthy = health.state == TargetState::Healthy;
  return {health.state, health.reason, healthy ? Availability::Serving : Availability::FailOpen};
}

std::string first_detail(const Standing& standing, std::string_view why) {
  if (!standing.in_use) return fmt::format("{}, no listener uses its target group", why);
  if (!standing.checked) return fmt::format("{}, its health is not checked", why);
  return fmt::format("{}, not checked yet", why);
}

}  // namespace

std::string to_string(const Status& status) {
  const auto reason = to_string(status.reason);
  if (reason.empty()) return std::string(to_string(status.state));
  return fmt::format("{} ({})", to_string(status.state), reason);
}

TargetLife::TargetLife(const Standing& standing, const Moment& now)
    : standing_(standing), judge_(standing.thresholds) {
  status_.since = now.wall;
  settle(first_detail(standing, "new"), now);
}

bool TargetLife::probes() const {
  return drain_ == Drain::None && standing_.in_use && standing_.checked;
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
  judge_ = Judge(standing.thresholds);  // it was not probed before, or will not be from now on
  failed_.reset();
  if (drain_ == Drain::None) settle(first_detail(standing, "configuration changed"), now);
}

void TargetLife::observe(const ProbeOutcome& outcome, const Moment& now) {
  if (!probes()) return;
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

void TargetLife::drain(Cause cause, const config::DeregistrationDelay& delay, const Moment& now) {
  if (drained()) return;
  drain_ = Drain::Running;
  drain_deadline_ = now.steady + delay.timeout;
  drain_ends_ = now.wall + delay.timeout;
  failed_.reset();
  const auto* why = cause == Cause::Operator ? "drained by the operator" : "left the configuration";
  settle(fmt::format("{}, its flows have {} s to end", why, delay.timeout.count()), now);
}

void TargetLife::undrain(Cause cause, const Moment& now) {
  if (!drained()) return;
  drain_ = Drain::None;
  judge_ = Judge(standing_.thresholds);
  const auto* why =
      cause == Cause::Operator ? "undrained by the operator" : "back in the configuration";
  settle(first_detail(standing_, why), now);
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
             : "deregistration delay is over, flows that are not idle may go on",
         now);
}

void TargetLife::settle(std::string detail, const Moment& now) {
  Words words{};
  if (drain_ == Drain::Running) {
    words = {TargetState::Draining, TargetReason::DeregistrationInProgress, Availability::Draining};
  } else if (drain_ == Drain::Over) {
    words = {TargetState::Unused, TargetReason::NotRegistered, Availability::Draining};
  } else if (drain_ == Drain::Terminated) {
    words = {TargetState::Unused, TargetReason::NotRegistered, Availability::Terminated};
  } else if (!standing_.in_use) {
    words = {TargetState::Unused, TargetReason::NotInUse, Availability::Draining};
  } else if (!standing_.checked) {
    words = {TargetState::Unavailable, TargetReason::HealthCheckDisabled, Availability::Serving};
  } else {
    words = words_of(judge_.health());
  }
  const TargetState before = status_.state;
  status_.state = words.state;
  status_.reason = words.reason;
  status_.availability = words.availability;
  status_.resets_flows = false;
  status_.drain_ends.reset();
  if (drain_ == Drain::Running) status_.drain_ends = drain_ends_;
  if (words.state == TargetState::Unhealthy) settle_unhealthy(now);
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
}

}  // namespace control
