#include "control/lifecycle/target_weight.h"

#include <algorithm>

namespace control {
namespace {

// A step a second at most, and no more than so many: each is a generation of its own. Fewer than
// 100, so that each is at least one percent.
constexpr std::uint32_t steps_max = 50;
// Maglev's table is made anew for each step, and some of its places move between other targets, so
// it gets few: with 100 targets ten steps move 3.4 % of the places (compile_test).
constexpr std::uint32_t steps_of_table = 10;

bool in_table(const WeightRules& rules) { return dataplane::is_consistent(rules.algorithm); }

}  // namespace

bool TargetWeight::configure(const WeightRules& rules) {
  const bool differs = rules.weight != rules_.weight;
  const bool forgotten = differs && set_.has_value();
  rules_ = rules;
  if (differs) set_.reset();
  if (rules_.slow_start.count() == 0) started_.reset();
  return forgotten;
}

void TargetWeight::set(std::uint16_t weight) {
  set_.reset();
  if (weight != rules_.weight) set_ = weight;
}

void TargetWeight::start_slowly(Time now) {
  if (rules_.slow_start.count() == 0) return;
  started_ = now;
  duration_ = rules_.slow_start;
}

void TargetWeight::stop() {
  started_.reset();
  reported_.reset();
}

std::uint32_t TargetWeight::steps() const {
  const auto seconds = static_cast<std::uint32_t>(duration_.count());
  return std::min(seconds, in_table(rules_) ? steps_of_table : steps_max);
}

std::uint8_t TargetWeight::start_percent(Time now) const {
  if (!started_ || now >= *started_ + duration_) return 100;
  const std::chrono::steady_clock::duration whole = duration_;
  const auto step = static_cast<std::uint64_t>((now - *started_) * steps() / whole);
  // Linear from its first step on: with nothing it would never be seen to work.
  return static_cast<std::uint8_t>(std::max<std::uint64_t>((step + 1) * 100 / (steps() + 1), 1));
}

std::optional<TargetWeight::Time> TargetWeight::next_step(Time now) const {
  if (!started_ || now >= *started_ + duration_) return std::nullopt;
  const std::chrono::steady_clock::duration whole = duration_;
  const auto step = (now - *started_) * steps() / whole + 1;
  // Rounded up: at that time the step has been made.
  return *started_ + (whole * step + std::chrono::steady_clock::duration(steps() - 1)) / steps();
}

void TargetWeight::report(std::optional<std::uint8_t> percent) {
  // To tens where each change makes a table anew; nobody is rounded to none.
  if (percent && in_table(rules_)) *percent = static_cast<std::uint8_t>((*percent + 9) / 10 * 10);
  reported_ = percent;
}

std::uint8_t TargetWeight::percent(Time now, bool heeded) const {
  const std::uint32_t start = start_percent(now);
  if (!reported_ || (*reported_ == 0 && !heeded)) return static_cast<std::uint8_t>(start);
  if (*reported_ == 0) return 0;
  return static_cast<std::uint8_t>(std::max((start * *reported_ + 50) / 100, 1u));
}

}  // namespace control
