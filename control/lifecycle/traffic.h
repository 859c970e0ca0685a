// Traffic: where the new flows of each target group go, as far as that takes time to decide: to the
// group's own targets or its standby's, to its own zone or all of them, and away from which zones.
//
// config/eligibility.h decides what follows from targets and zones at one moment; this adds memory:
// hysteresis (hold.h) and zonal shifts (zone_shifts.h). Owned by the lifecycle, which asks it after
// every change of a target and when deadline() has come. Time and targets are arguments. Every
// change is one log line and one event.
//
// A target that was not checked yet speaks neither for leaving a group or zone nor for coming back:
// else a start would go to whichever group was probed first.
#pragma once

#include <spdlog/common.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/eligibility.h"
#include "control/events.h"
#include "control/lifecycle/hold.h"
#include "control/lifecycle/target_life.h"
#include "control/lifecycle/zone_shifts.h"

namespace control {

/// The groups that listeners send flows to, and their standbys.
[[nodiscard]] std::set<std::string> groups_in_use(const config::Config& config);

/// One target, as far as new flows are concerned.
struct Member {
  std::string_view target_group;
  config::Candidate candidate;
  bool initial = false;  // not checked yet
};

/// How new flows of a group are dealt out now.
struct GroupTraffic {
  bool known = false;  // false: the group has left the configuration
  bool cross_zone = true;
  bool on_standby = false;
  bool spills = false;
  std::chrono::system_clock::time_point on_standby_since;
  config::RoutingRules rules;
  config::Eligibility eligibility;  // of the group's members, in the order in which they came
  std::vector<config::GroupZone> zones;
};

using TrafficByGroup = std::map<std::string_view, GroupTraffic>;

class Traffic {
 public:
  using Tell = std::function<void(Event)>;
  /// `tell` is given every change; empty: they are only logged.
  explicit Traffic(Tell tell = {}) : tell_(std::move(tell)) {}

  /// The rules of a configuration. What stays keeps its memory.
  void apply(const config::Config& config);

  /// Decides anew, with all targets there are, those of a group next to each other. True: facts
  /// differ.
  [[nodiscard]] bool judge(const std::vector<Member>& members, const Moment& now);
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const;

  /// Standbys, spills and shifts, for compile().
  void add_to(config::Facts& facts) const;
  /// By group.
  [[nodiscard]] TrafficByGroup look(const std::vector<Member>& members) const;

  [[nodiscard]] const config::Zoning& zoning() const { return zoning_; }
  [[nodiscard]] const std::set<std::string>& in_use() const { return in_use_; }
  [[nodiscard]] ZoneShifts& shifts() { return shifts_; }
  [[nodiscard]] const ZoneShifts& shifts() const { return shifts_; }

 private:
  /// What was logged last, so that only changes are.
  struct Told {
    bool failing_open = false;
    bool shift_ignored = false;
    bool announced = true;
  };
  struct Group {
    config::RoutingRules rules;
    Hold standby;
    Hold spill;
    std::chrono::system_clock::time_point on_standby_since;
    Told told;
  };
  using ByGroup = std::map<std::string_view, std::vector<config::Candidate>>;
  struct View;

  [[nodiscard]] config::Situation situation(const Group& group,
                                            const std::vector<std::string>& shifted) const;
  [[nodiscard]] bool judge_spill(const std::string& name, Group& group, const View& view,
                                 const Moment& now);
  [[nodiscard]] bool judge_standby(const std::string& name, Group& group, const View& view,
                                   const Moment& now);
  void tell(const std::string& name, Group& group, const View& view);
  /// `text` follows the group's name: " fails open: …", ": zone a …".
  void say(spdlog::level::level_enum level, const std::string& name, const char* to,
           const std::string& text) const;

  Tell tell_;
  config::Zoning zoning_;
  std::set<std::string> in_use_;
  std::map<std::string, Group, std::less<>> groups_;
  ZoneShifts shifts_;
};

}  // namespace control
