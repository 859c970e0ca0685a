// TargetWeight: what share of its group's new flows one target is to have, and why: the file's
// weight or the operator's, and of it a part, for the time being, by slow start and by the target's
// own word.
//
//     weight   the file's, or the operator's until the file has another one
//     percent  of it: slow start (1 … 100, rising) × what the target reports (0 … 100)
//
// Pure: time is an argument. The lifecycle owns one per target and decides when what it says is
// passed on (weights.cpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "dataplane/table/target_group.h"

namespace control {

/// What the configuration says about a target's weight.
struct WeightRules {
  std::uint16_t weight = 1;
  std::chrono::seconds slow_start{0};  // 0: off
  dataplane::Algorithm algorithm = dataplane::Algorithm::RoundRobin;
};

class TargetWeight {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit TargetWeight(const WeightRules& rules) : rules_(rules) {}

  /// The configuration, read again. A slow start that runs goes on as it is, unless it is off now.
  /// True: the file has another weight than it had, and the operator's is forgotten for it.
  bool configure(const WeightRules& rules);
  /// The operator's, from now on; the file's own is no other one.
  void set(std::uint16_t weight);

  [[nodiscard]] std::uint16_t weight() const { return set_.value_or(rules_.weight); }
  [[nodiscard]] std::uint16_t configured() const { return rules_.weight; }
  [[nodiscard]] bool is_set() const { return set_.has_value(); }
  [[nodiscard]] const WeightRules& rules() const { return rules_; }

  /// It has turned healthy beside others that have been for longer: its weight grows to all of it
  /// in rules().slow_start, unless that is off.
  void start_slowly(Time now);
  /// It is not healthy any more: what it said of itself is forgotten, too.
  void stop();
  [[nodiscard]] bool is_starting(Time now) const { return start_percent(now) < 100; }
  /// Of slow start: 100 when it is over, or was none.
  [[nodiscard]] std::uint8_t start_percent(Time now) const;
  /// When start_percent() changes next.
  [[nodiscard]] std::optional<Time> next_step(Time now) const;

  /// What the target says of itself: 0 to 100; nullopt: nothing.
  void report(std::optional<std::uint8_t> percent);
  [[nodiscard]] std::optional<std::uint8_t> reported() const { return reported_; }

  /// Of weight(), at this moment; 0 only if the target says so and that is `heeded`.
  [[nodiscard]] std::uint8_t percent(Time now, bool heeded) const;

 private:
  [[nodiscard]] std::uint32_t steps() const;

  WeightRules rules_;
  std::optional<std::uint16_t> set_;
  std::optional<Time> started_;       // of the slow start
  std::chrono::seconds duration_{0};  // of the slow start: rules() may have changed since
  std::optional<std::uint8_t> reported_;
};

}  // namespace control
