#include "control/health/schedule.h"

#include <algorithm>

#include "dataplane/packet/contract.h"

namespace control {
namespace {

// The nth term of the golden ratio's multiples modulo 1: any run of them is spread evenly.
double place_in_interval(std::uint64_t n) {
  const std::uint64_t fraction = n * 0x9e37'79b9'7f4a'7c15u;
  return static_cast<double>(fraction >> 11) * 0x1p-53;
}

Schedule::Interval part(Schedule::Interval whole, double fraction) {
  return Schedule::Interval(
      static_cast<std::int64_t>(static_cast<double>(whole.count()) * fraction));
}

}  // namespace

void Schedule::add(dataplane::TargetId target, Interval interval, Time now) {
  CHECK(interval > Interval::zero());
  remove(target);
  const double place = place_in_interval(added_++);
  const Interval window = std::min(interval, first_probe_max);
  // First at place × window, second at window + place × interval: from there on the places in the
  // interval are all used alike, though the first probes of many targets were close together.
  const Entry entry{.due = now + part(window, place),
                    .to_second = window + part(interval - window, place),
                    .interval = interval};
  entries_.emplace(target, entry);
  queue_.emplace(entry.due, target);
}

void Schedule::remove(dataplane::TargetId target) {
  const auto found = entries_.find(target);
  if (found == entries_.end()) return;
  queue_.erase({found->second.due, target});
  entries_.erase(found);
}

std::vector<dataplane::TargetId> Schedule::take_due(Time now) {
  std::vector<dataplane::TargetId> due;
  while (!queue_.empty() && queue_.begin()->first <= now) {
    const dataplane::TargetId target = queue_.begin()->second;
    queue_.erase(queue_.begin());
    due.push_back(target);
    Entry& entry = entries_.at(target);
    const bool first = entry.to_second > Interval::zero();
    entry.due += first ? std::exchange(entry.to_second, Interval::zero()) : entry.interval;
    if (entry.due <= now) entry.due += ((now - entry.due) / entry.interval + 1) * entry.interval;
    queue_.emplace(entry.due, target);
  }
  return due;
}

std::optional<Schedule::Time> Schedule::next() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first;
}

}  // namespace control
