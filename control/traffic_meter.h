// TrafficMeter: what went through the balancer, each target group and each zone, once a second.
//
// Workers count by target, listener and group, in slots that begin anew with another one. The meter
// adds up what is new since it looked last, so its sums never fall when a target goes, and keeps
// the last minute of them for rates and peaks. Pure: it is told the time; the daemon's one thread
// owns it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/segment.h"
#include "tools/report/segment_view.h"

namespace control {

class TrafficMeter {
 public:
  TrafficMeter()
      : seen_(dataplane::targets_max),
        seen_listeners_(dataplane::listeners_max),
        seen_groups_(dataplane::target_groups_max) {}

  /// Adds what has been counted since. To be called before a target's or listener's record goes.
  void collect(const report::SegmentView& view);
  /// The same, and rates up to now. Once a second.
  void sample(const report::SegmentView& view, std::uint64_t now_unix_milliseconds);

  [[nodiscard]] const dataplane::TrafficRecord& balancer() const { return balancer_.record; }
  /// All zeros if nothing went through it yet.
  [[nodiscard]] dataplane::TrafficRecord group(std::string_view name) const;
  [[nodiscard]] dataplane::TrafficRecord zone(std::string_view name) const;

 private:
  struct Moment {
    std::uint64_t unix_milliseconds;
    std::uint64_t bytes;
    std::uint64_t packets;
    std::uint64_t new_flows;
  };
  struct Series {
    dataplane::TrafficRecord record{};
    std::vector<Moment> minute;  // the last 60 seconds, oldest first
  };
  using Named = std::map<std::string, Series, std::less<>>;
  struct Seen {
    dataplane::TargetId id = dataplane::no_target;
    dataplane::TrafficRecord counted{};
  };
  /// Two figures of a listener, or one of a group, as seen last.
  struct SeenSlot {
    std::optional<std::uint16_t> incarnation;
    std::uint64_t first = 0, second = 0;
  };
  static void sample(Series& series, std::uint64_t now_unix_milliseconds);
  void collect_targets(const report::SegmentView& view);
  void collect_listeners(const report::SegmentView& view);
  void collect_resets(const report::SegmentView& view);
  void count_active(const report::SegmentView& view);
  void forget_gone(const report::SegmentView& view);

  Series balancer_;
  Named groups_;
  Named zones_;
  std::vector<Seen> seen_;                // by slot
  std::vector<SeenSlot> seen_listeners_;  // … rejected flows, and of them UDP's
  std::vector<SeenSlot> seen_groups_;     // … resets
  std::uint64_t seen_resets_ = 0;         // of all verdicts
};

}  // namespace control
