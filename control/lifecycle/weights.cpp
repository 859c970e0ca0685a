// The lifecycle's part about weights: what the operator sets, slow start, what targets report of
// themselves, and when that becomes a fact.
//
// Facts that differ in weights alone are passed on once a second at most, whatever many targets do:
// each is a generation, and new tables. What is passed on for another reason takes the weights of
// that moment along.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <set>
#include <utility>

#include "control/lifecycle/lifecycle.h"

namespace control {

using config::Availability;
using dataplane::TargetState;

namespace {

constexpr std::chrono::seconds weights_interval{1};

/// A target that starts slowly gets so many connections at once: of its limit the same part as of
/// its weight, but one at least.
std::uint32_t limit_in_slow_start(std::uint32_t limit, std::uint8_t percent) {
  if (limit == 0) return 0;
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(std::uint64_t{limit} * percent / 100, 1));
}

}  // namespace

std::variant<std::uint16_t, Refusal> Lifecycle::set_weight(const TargetKey& name,
                                                           std::uint16_t weight) {
  Targets::Entry* target = targets_.find(name);
  if (target == nullptr) return unknown(name);
  if (!target->registered()) {
    return Refusal{
        Refusal::Kind::Conflict,
        fmt::format("target {} has left the configuration and gets no new flows", to_string(name))};
  }
  TargetWeight& own = target->thing.weight;
  const std::uint16_t before = own.weight();
  own.set(weight);
  if (weight == before) return before;
  spdlog::info("target {} weight {} -> {}, set by the operator; the file has {}", to_string(name),
               before, weight, own.configured());
  facts_differ();
  return before;
}

std::string Lifecycle::weight_note(const TargetKey& name) const {
  const Targets::Entry* target = targets_.find(name);
  if (target == nullptr) return "";
  const TargetWeight& own = target->thing.weight;
  if (own.rules().algorithm != dataplane::Algorithm::RoundRobin || own.weight() == 0) return "";
  return fmt::format(
      "target group {} has algorithm round_robin, which gives all weights above 0 the same share; "
      "weighted_round_robin goes by them",
      name.target_group);
}

/// The file's weight, read again, may take the place of the operator's, unless the configuration
/// says what that is.
void Lifecycle::configure_weight(Targets::Entry& target, const WeightRules& rules,
                                 std::optional<std::uint16_t> set) {
  const std::uint16_t before = target.thing.weight.weight();
  const bool forgotten = target.thing.weight.configure(rules);
  if (set) target.thing.weight.set(*set);
  if (!forgotten || target.thing.weight.is_set()) return;
  spdlog::info("target {} weight {} -> {}: the file has another one than when the operator set it",
               to_string(target.name), before, rules.weight);
}

/// A target has turned healthy, or is not healthy any more.
void Lifecycle::follow_health(Targets::Entry& target, TargetState before) {
  const TargetState after = target.thing.life.status().state;
  if (before == after) return;
  if (before == TargetState::Healthy) target.thing.weight.stop();
  if (after == TargetState::Initial) target.thing.joins_warm = has_warm_target(target);
  if (after != TargetState::Healthy || target.thing.weight.rules().slow_start.count() == 0) return;
  // ELB: only beside one that is warm, and not those that came together with the first ones. Alone,
  // or all at once, there is nobody to take the rest.
  if (before == TargetState::Initial && !target.thing.joins_warm) return;
  if (!has_warm_target(target)) return;
  target.thing.weight.start_slowly(parts_.now().steady);
  spdlog::info("target {} starts slowly, for {} s", to_string(target.name),
               target.thing.weight.rules().slow_start.count());
}

/// Another target of its group is healthy, has weight, and is not in slow start.
bool Lifecycle::has_warm_target(const Targets::Entry& target) const {
  const auto now = parts_.now().steady;
  const TargetKey first{target.name.target_group, dataplane::IpAddress{}, 0};  // the least
  bool found = false;
  targets_.for_each_from(first, [&](const Targets::Entry& other) {
    if (other.name.target_group != target.name.target_group) return false;
    const TargetWeight& weight = other.thing.weight;
    found = &other != &target && other.thing.life.status().state == TargetState::Healthy &&
            weight.weight() > 0 && !weight.is_starting(now);
    return !found;
  });
  return found;
}

/// What a passed check's response said about the target's weight.
void Lifecycle::take_report(Targets::Entry& target, const ProbeOutcome& outcome) {
  if (outcome.finding != Finding::Passed || !outcome.weight) return;
  const auto before = target.thing.weight.reported();
  target.thing.weight.report(outcome.weight->percent);
  if (target.thing.weight.reported() == before) return;
  records_differ();
  if (std::exchange(weights_differ_, true)) return;
  arm_weights();
}

/// Sets every target's percent as it is now. True: some differ from before.
bool Lifecycle::settle_weights() {
  const auto now = parts_.now().steady;
  // Where every target that serves asks for no flows, none is heeded: they would be refused.
  std::set<std::string> heeded;
  targets_.for_each([&](const Targets::Entry& entry) {
    const Target& target = entry.thing;
    const bool takes = target.life.status().availability == Availability::Serving &&
                       target.weight.weight() > 0 && target.weight.percent(now, true) > 0;
    if (takes) heeded.insert(entry.name.target_group);
  });
  bool differ = false;
  targets_.for_each([&](Targets::Entry& entry) {
    const std::uint8_t percent =
        entry.thing.weight.percent(now, heeded.contains(entry.name.target_group));
    const std::uint32_t limit =
        limit_in_slow_start(entry.thing.max_connections, entry.thing.weight.start_percent(now));
    differ = differ || percent != entry.thing.percent || limit != entry.thing.limit;
    entry.thing.percent = percent;
    entry.thing.limit = limit;
  });
  weights_settled_ = now;
  weights_differ_ = false;
  return differ;
}

void Lifecycle::tick_weights() {
  const auto due = weights_due();
  if (due && *due <= parts_.now().steady && settle_weights()) facts_differ();
  arm_weights();
}

/// When weights are to be looked at again.
std::optional<TargetWeight::Time> Lifecycle::weights_due() const {
  const auto now = parts_.now().steady;
  std::optional<TargetWeight::Time> due;
  if (weights_differ_) due = now;
  targets_.for_each([&](const Targets::Entry& entry) {
    // From where its weight was last looked at: a step since then is still to be told.
    const auto step = entry.thing.weight.next_step(weights_settled_);
    if (step && (!due || *step < *due)) due = step;
  });
  if (!due) return std::nullopt;
  return std::max(*due, weights_settled_ + weights_interval);
}

void Lifecycle::arm_weights() {
  const auto due = weights_due();
  if (!due) {
    weights_timer_.cancel();
    return;
  }
  weights_timer_.expires_after(*due - parts_.now().steady);
  weights_timer_.async_wait(
      [this, alive = std::weak_ptr<const bool>(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        tick_weights();
      });
}

}  // namespace control
