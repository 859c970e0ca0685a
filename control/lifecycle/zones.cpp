// What the lifecycle knows and tells of zones and of how groups deal out new flows.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "control/lifecycle/lifecycle.h"
#include "tools/report/documents.h"

namespace control {

using dataplane::TargetGroupId;

namespace {

dataplane::TargetGroupRecord record_of(const std::string& name, const GroupTraffic& traffic) {
  dataplane::TargetGroupRecord record{};
  record.used = true;
  record.failing_open = traffic.eligibility.failing_open;
  record.cross_zone = traffic.cross_zone;
  record.shift_ignored = traffic.eligibility.shift_ignored;
  record.on_standby = traffic.on_standby;
  record.affinity = traffic.rules.zonal_affinity.has_value();
  record.spills = traffic.spills;
  record.registered = traffic.eligibility.judged.registered;
  record.healthy = traffic.eligibility.judged.healthy;
  const config::HealthyTargets& minimum = traffic.rules.target_group_health.unhealthy_state_routing;
  record.minimum_count = minimum.count;
  record.minimum_percentage = minimum.percentage;
  if (traffic.on_standby) {
    record.standby_since_unix_milliseconds = unix_milliseconds(traffic.on_standby_since);
  }
  record.name.assign(name);
  if (traffic.rules.failover) record.standby.assign(traffic.rules.failover->target_group);
  const std::size_t zones = std::min(traffic.zones.size(), dataplane::zones_max);
  record.zone_count = static_cast<std::uint8_t>(zones);
  for (std::size_t i = 0; i < zones; ++i) {
    const config::GroupZone& zone = traffic.zones[i];
    record.zones[i] = {.registered = zone.tally.registered,
                       .healthy = zone.tally.healthy,
                       .shifted = zone.shifted,
                       .failing_open = zone.failing_open,
                       .zone_healthy = zone.healthy,
                       .announced = zone.announced,
                       .zone = {}};
    record.zones[i].zone.assign(zone.zone);
  }
  return record;
}

std::string no_flows_until(const ZonalShift& shift) {
  return fmt::format("gets no new flows until {}{}{}",
                     report::iso_time(unix_milliseconds(shift.expires)),
                     shift.comment.empty() ? "" : ": ", shift.comment);
}

std::string listed(const std::set<std::string>& zones) {
  if (zones.empty()) return "no target has a zone";
  std::string text;
  for (const std::string& zone : zones) text += (text.empty() ? "" : ", ") + zone;
  return "zones: " + text;
}

}  // namespace

std::vector<Member> Lifecycle::members() const {
  std::vector<Member> members;
  members.reserve(targets_.size());
  targets_.for_each([&](const Targets::Entry& entry) {
    const Status& status = entry.thing.life.status();
    const bool has_weight = entry.thing.percent != 0;
    const std::uint16_t weight = has_weight ? entry.thing.weight.weight() : std::uint16_t{0};
    members.push_back({.target_group = entry.name.target_group,
                       .candidate = {status.availability, weight, entry.thing.zone},
                       .initial = status.state == dataplane::TargetState::Initial});
  });
  return members;
}

void Lifecycle::judge_traffic() {
  const auto before = traffic_.deadline();
  if (traffic_.judge(members(), parts_.now())) facts_differ();
  if (traffic_.deadline() != before) arm();
}

std::set<std::string> Lifecycle::zones() const {
  std::set<std::string> zones;
  if (!traffic_.zoning().zone.empty()) zones.insert(traffic_.zoning().zone);
  for (const std::string& shifted : traffic_.shifts().zones()) zones.insert(shifted);
  targets_.for_each([&](const Targets::Entry& entry) {
    if (entry.registered() && !entry.thing.zone.empty()) zones.insert(entry.thing.zone);
  });
  return zones;
}

void Lifecycle::add_target_groups(Records& records, const TrafficByGroup& traffic) const {
  groups_.for_each([&](const Groups::Entry& entry) {
    const auto found = traffic.find(entry.name);
    if (found == traffic.end()) return;
    dataplane::TargetGroupRecord record = record_of(entry.name, found->second);
    record.incarnation = entry.slot.incarnation;
    record.max_connections = entry.thing.max_connections;
    record.surge_length = entry.thing.surge_length;
    record.surge_timeout_milliseconds =
        static_cast<std::uint32_t>(entry.thing.surge_timeout.count());
    record.spillover_silent = entry.thing.spillover_silent;
    records.target_groups.push_back({TargetGroupId{entry.slot.number}, record});
  });
}

void Lifecycle::add_zones(Records& records, const TrafficByGroup& traffic) const {
  for (const std::string& name : zones()) {
    if (records.zones.size() == dataplane::zones_max) return;
    dataplane::ZoneRecord& record = records.zones.emplace_back();
    record.used = true;
    record.own = name == traffic_.zoning().zone;
    record.name.assign(name);
    targets_.for_each([&](const Targets::Entry& entry) {
      if (entry.registered() && entry.thing.zone == name) ++record.targets;
    });
    record.healthy = true;
    for (const auto& [group, now] : traffic) {
      if (!traffic_.in_use().contains(std::string(group))) continue;
      for (const config::GroupZone& zone : now.zones) {
        if (zone.zone == name && !zone.healthy) record.healthy = false;
      }
    }
    const ZonalShift* shift = traffic_.shifts().find(name);
    if (shift == nullptr) continue;
    record.shifted = true;
    record.healthy = false;
    record.comment.assign(shift->comment);
    record.started_unix_milliseconds = unix_milliseconds(shift->started);
    record.expires_unix_milliseconds = unix_milliseconds(shift->expires);
  }
}

// --- what the operator asks ---

std::optional<Refusal> Lifecycle::shift(const ZonalShift& shift) {
  const std::set<std::string> known = zones();
  if (!known.contains(shift.zone)) {
    return Refusal{Refusal::Kind::NotFound,
                   fmt::format("there is no zone {}; {}", shift.zone, listed(known))};
  }
  traffic_.shifts().put(shift, parts_.now());
  tell_of_zone(shift.zone, "shifted", no_flows_until(shift));
  shifts_differ();
  return std::nullopt;
}

std::optional<Refusal> Lifecycle::unshift(const std::string& zone) {
  if (!traffic_.shifts().end(zone)) {
    const std::set<std::string> known = zones();
    if (known.contains(zone)) {
      return Refusal{Refusal::Kind::Conflict, fmt::format("zone {} is not shifted", zone)};
    }
    return Refusal{Refusal::Kind::NotFound,
                   fmt::format("there is no zone {}; {}", zone, listed(known))};
  }
  tell_of_zone(zone, "unshifted", "gets new flows again: the operator has ended its shift");
  shifts_differ();
  return std::nullopt;
}

void Lifecycle::restore(const std::vector<ZonalShift>& shifts) {
  const Moment now = parts_.now();
  for (const ZonalShift& shift : shifts) {
    if (shift.expires <= now.wall) {
      tell_of_zone(shift.zone, "shift_expired",
                   fmt::format("gets new flows again: its shift expired at {}, before this start",
                               report::iso_time(unix_milliseconds(shift.expires))));
      continue;
    }
    traffic_.shifts().put(shift, now);
    tell_of_zone(shift.zone, "shifted", no_flows_until(shift) + " (since before this start)");
  }
  shifts_differ();
}

void Lifecycle::tell_of_zone(const std::string& zone, const char* to, const std::string& sentence) {
  spdlog::info("zone {} {}", zone, sentence);
  if (parts_.events == nullptr) return;
  parts_.events->add({.kind = "zone", .zone = zone, .to = to, .sentence = sentence});
}

void Lifecycle::shifts_differ() {
  facts_differ();
  judge_traffic();
  arm();
}

}  // namespace control
