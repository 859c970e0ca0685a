#include "control/lifecycle/traffic.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace control {

using config::Availability;
using config::Candidate;
using config::Eligibility;
using config::HealthyTargets;
using config::Situation;
using config::Tally;
using spdlog::level::info;
using spdlog::level::warn;

/// All groups' targets, as they are and as they would be if all that were not checked yet were
/// healthy.
struct Traffic::View {
  ByGroup real;
  ByGroup hopeful;
  std::vector<std::string> shifted;

  explicit View(const std::vector<Member>& members, std::vector<std::string> zones)
      : shifted(std::move(zones)) {
    std::string_view name;
    std::vector<Candidate>* own = nullptr;
    std::vector<Candidate>* hoped = nullptr;
    for (const Member& member : members) {
      if (own == nullptr || member.target_group != name) {
        name = member.target_group;
        own = &real[name];
        hoped = &hopeful[name];
      }
      own->push_back(member.candidate);
      hoped->push_back(member.candidate);
      if (member.initial) hoped->back().availability = Availability::Serving;
    }
  }
  [[nodiscard]] static const std::vector<Candidate>& of(const ByGroup& groups,
                                                        std::string_view name) {
    static const std::vector<Candidate> nobody;
    const auto found = groups.find(name);
    return found == groups.end() ? nobody : found->second;
  }
};

namespace {

/// "1 of 3 targets healthy"
std::string sentence(Tally tally) {
  if (tally.registered == 0) return "it has no targets";
  return fmt::format("{} of {} targets healthy", tally.healthy, tally.registered);
}

/// "fewer than 2", "less than 50 %": which of the two is not reached.
std::string lacking(Tally tally, const HealthyTargets& wanted) {
  if (tally.healthy < wanted.count) return fmt::format("fewer than {}", wanted.count);
  return fmt::format("less than {} %", wanted.percentage);
}

std::string joined(const std::vector<std::string>& zones) {
  std::string text;
  for (const std::string& zone : zones) text += (text.empty() ? "" : ", ") + zone;
  return text;
}

}  // namespace

std::set<std::string> groups_in_use(const config::Config& config) {
  std::set<std::string> in_use;
  for (const config::Listener& listener : config.listeners) {
    for (const config::WeightedGroup& one : groups_of(listener)) in_use.insert(one.name);
  }
  for (const config::TargetGroup& group : config.target_groups) {
    // Standbys do not chain, so one round is enough.
    if (group.routing.failover && in_use.contains(group.name)) {
      in_use.insert(group.routing.failover->target_group);
    }
  }
  return in_use;
}

void Traffic::apply(const config::Config& config) {
  zoning_ = config.zoning;
  in_use_ = groups_in_use(config);
  std::set<std::string_view> named;
  for (const config::TargetGroup& group : config.target_groups) {
    named.insert(group.name);
    Group& known = groups_[group.name];
    known.rules = group.routing;
    if (!known.rules.failover) known.standby.end();
    if (!known.rules.zonal_affinity) known.spill.end();
  }
  std::erase_if(groups_, [&](const auto& entry) { return !named.contains(entry.first); });
}

Situation Traffic::situation(const Group& group, const std::vector<std::string>& shifted) const {
  return situation_of(zoning_, group.rules,
                      {.spills = group.spill.active(), .on_standby = group.standby.active()},
                      shifted);
}

bool Traffic::judge(const std::vector<Member>& members, const Moment& now) {
  bool changed = false;
  for (const ZonalShift& over : shifts_.expire(now)) {
    changed = true;
    const std::string sentence = "gets new flows again: its shift has expired";
    spdlog::info("zone {} {}", over.zone, sentence);
    if (tell_) {
      tell_({.kind = "zone", .zone = over.zone, .to = "shift_expired", .sentence = sentence});
    }
  }
  const View view(members, shifts_.zones());
  for (auto& [name, group] : groups_) {
    if (group.rules.zonal_affinity) changed |= judge_spill(name, group, view, now);
    if (group.rules.failover) changed |= judge_standby(name, group, view, now);
    tell(name, group, view);
  }
  return changed;
}

bool Traffic::judge_spill(const std::string& name, Group& group, const View& view,
                          const Moment& now) {
  const config::ZonalAffinity& affinity = *group.rules.zonal_affinity;
  const Situation asked = situation(group, view.shifted);
  const std::uint32_t real = local_capacity(asked, View::of(view.real, name));
  const std::uint32_t hopeful = local_capacity(asked, View::of(view.hopeful, name));
  const bool before = group.spill.active();
  group.spill.judge(hopeful < affinity.minimum_local_capacity,
                    real >= affinity.recovery_local_capacity, affinity.recovery_time, now.steady);
  if (group.spill.active() == before) return false;
  if (!before) {
    say(warn, name, "spill",
        fmt::format(": zone {} has {} % of its capacity, less than {} %: new flows go to all zones",
                    zoning_.zone, hopeful, affinity.minimum_local_capacity));
  } else {
    say(info, name, "spill_ended",
        fmt::format(": zone {} has had {} % of its capacity or more for {} s: new flows stay there",
                    zoning_.zone, affinity.recovery_local_capacity,
                    affinity.recovery_time.count()));
  }
  return true;
}

bool Traffic::judge_standby(const std::string& name, Group& group, const View& view,
                            const Moment& now) {
  const config::Failover& failover = *group.rules.failover;
  const auto standby = groups_.find(failover.target_group);
  if (standby == groups_.end()) return false;  // check() refuses that
  const Eligibility theirs = eligibility(situation(standby->second, view.shifted),
                                         View::of(view.real, failover.target_group));
  const bool usable = theirs.judged.healthy != 0 && !theirs.failing_open;
  const Situation asked = situation(group, view.shifted);
  // Not what a shift that is ignored adds: the standby is there so that it need not be.
  const Tally real = eligibility(asked, View::of(view.real, name)).kept;
  const Tally hopeful = eligibility(asked, View::of(view.hopeful, name)).kept;
  const bool before = group.standby.active();
  if (before && !usable) {
    group.standby.end();
    say(warn, name, "standby_ended",
        fmt::format(": standby group {} fails, too ({}): new flows come back",
                    failover.target_group, sentence(theirs.judged)));
    return true;
  }
  const bool fails = !suffices(hopeful, failover.minimum_healthy_targets);
  group.standby.judge(fails && usable, suffices(real, failover.recovery_healthy_targets),
                      failover.recovery_time, now.steady);
  if (group.standby.active() == before) return false;
  if (!before) {
    group.on_standby_since = now.wall;
    say(warn, name, "standby",
        fmt::format(": {}, {}: new flows go to standby group {}", sentence(hopeful),
                    lacking(hopeful, failover.minimum_healthy_targets), failover.target_group));
  } else {
    say(info, name, "standby_ended",
        fmt::format(": {}, enough for {} s: new flows come back from standby group {}",
                    sentence(real), failover.recovery_time.count(), failover.target_group));
  }
  return true;
}

void Traffic::say(spdlog::level::level_enum level, const std::string& name, const char* to,
                  const std::string& text) const {
  spdlog::log(level, "target group {}{}", name, text);
  if (!tell_) return;
  std::string sentence = text.substr(text.find_first_not_of(": "));
  tell_({.kind = "target_group", .target_group = name, .to = to, .sentence = std::move(sentence)});
}

/// Says what has become of the group. That nobody was checked yet is no news.
void Traffic::tell(const std::string& name, Group& group, const View& view) {
  const Situation asked = situation(group, view.shifted);
  const std::vector<Candidate>& members = View::of(view.real, name);
  const Eligibility now = eligibility(asked, members);
  const Eligibility hoped = eligibility(asked, View::of(view.hopeful, name));
  const bool open = now.failing_open && (hoped.failing_open || group.told.failing_open);
  if (open != std::exchange(group.told.failing_open, open)) {
    if (open) {
      say(warn, name, "fail_open",
          fmt::format(
              " fails open: {}, {}: all of them get new flows", sentence(now.judged),
              lacking(now.judged, group.rules.target_group_health.unhealthy_state_routing)));
    } else {
      say(info, name, "fail_open_ended",
          fmt::format(" fails open no more: {}", sentence(now.judged)));
    }
  }
  const bool ignored = now.shift_ignored && (hoped.shift_ignored || group.told.shift_ignored);
  if (ignored != std::exchange(group.told.shift_ignored, ignored)) {
    if (ignored) {
      say(warn, name, "shift_ignored",
          fmt::format(" ignores the shift of zone {}: it would leave no healthy target",
                      joined(view.shifted)));
    } else if (!view.shifted.empty()) {
      say(info, name, "shift_heeded",
          fmt::format(" heeds the shift of zone {} again", joined(view.shifted)));
    }
  }
  bool announced = true;
  for (const config::GroupZone& zone : zones_of(asked, View::of(view.hopeful, name))) {
    if (zone.zone == zoning_.zone) announced = zone.announced || group.standby.active();
  }
  if (announced == std::exchange(group.told.announced, announced)) return;
  if (announced) {
    say(info, name, "announced", fmt::format(": zone {} may be announced again", zoning_.zone));
  } else {
    say(warn, name, "not_announced",
        fmt::format(": zone {} should not be announced: {}", zoning_.zone, sentence(now.judged)));
  }
}

std::optional<std::chrono::steady_clock::time_point> Traffic::deadline() const {
  auto next = shifts_.deadline();
  for (const auto& [name, group] : groups_) {
    for (const Hold* hold : {&group.standby, &group.spill}) {
      const auto deadline = hold->deadline();
      if (deadline && (!next || *deadline < *next)) next = deadline;
    }
  }
  return next;
}

void Traffic::add_to(config::Facts& facts) const {
  for (config::TargetGroupFact& fact : facts.target_groups) {
    const auto found = groups_.find(fact.name);
    if (found == groups_.end()) continue;
    const Group& group = found->second;
    if (group.standby.active()) fact.standby = group.rules.failover->target_group;
    fact.spills = group.spill.active();
  }
  facts.shifted_zones = shifts_.zones();
}

TrafficByGroup Traffic::look(const std::vector<Member>& members) const {
  const View view(members, shifts_.zones());
  TrafficByGroup result;
  for (const auto& [name, group] : groups_) {
    const Situation asked = situation(group, view.shifted);
    const std::vector<Candidate>& candidates = View::of(view.real, name);
    GroupTraffic& traffic = result[name];
    traffic.known = true;
    traffic.cross_zone = asked.cross_zone;
    traffic.on_standby = group.standby.active();
    traffic.spills = group.spill.active();
    traffic.on_standby_since = group.on_standby_since;
    traffic.rules = group.rules;
    traffic.eligibility = eligibility(asked, candidates);
    traffic.zones = zones_of(asked, candidates);
    if (!traffic.on_standby) continue;
    // The standby serves them, so there is no need to go elsewhere.
    for (config::GroupZone& zone : traffic.zones) {
      zone.announced = !zone.shifted;
      zone.healthy = !zone.shifted;
    }
  }
  return result;
}

}  // namespace control
