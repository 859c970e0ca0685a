// Schedule: when each target is to be probed. Pure: time is an argument.
//
//   added ─ first probe within min(interval, 1 s) ─ second within one interval of it ─ then one
//   each interval, at the target's own place in the interval, whatever the probes themselves take.
//
// The places are spread evenly over the interval however many targets there are and whenever they
// came, by the golden ratio. A loop that comes late skips the probes it missed; it does not bunch
// them. Bounded by the targets added; every operation is logarithmic.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "dataplane/table/ids.h"

namespace control {

class Schedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Interval = std::chrono::nanoseconds;

  /// The first probe of a new target is at most this far away: a restarted balancer must know
  /// quickly.
  static constexpr Interval first_probe_max = std::chrono::seconds(1);

  /// A target that is already there starts over. CHECKs that the interval is positive.
  void add(dataplane::TargetId target, Interval interval, Time now);
  void remove(dataplane::TargetId target);

  /// The targets whose time has come, in its order, each once; their next time is set.
  [[nodiscard]] std::vector<dataplane::TargetId> take_due(Time now);
  /// When there will be something to take; nullopt: nothing is scheduled.
  [[nodiscard]] std::optional<Time> next() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Time due;
    Interval to_second;  // from the first probe to the second; zero once that is past
    Interval interval;
  };

  std::map<dataplane::TargetId, Entry> entries_;
  std::set<std::pair<Time, dataplane::TargetId>> queue_;  // (due, target), the earliest first
  std::uint64_t added_ = 0;
};

}  // namespace control
