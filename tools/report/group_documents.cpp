#include "tools/report/group_documents.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

#include "tools/report/traffic_document.h"

namespace report {
namespace {

using dataplane::Counter;
using dataplane::TargetCounters;
using dataplane::TargetGroupCounters;
using dataplane::TargetGroupId;

/// A group's targets together.
struct Sums {
  std::uint64_t new_flows = 0;
  std::uint64_t active_flows = 0;
  std::uint64_t over_flows = 0;
  std::uint64_t unhealthy_routing_flows = 0;
};
using SumsByGroup = std::map<std::string, Sums, std::less<>>;

SumsByGroup sums_of(const SegmentView& view) {
  SumsByGroup sums;
  for (const auto& record : view.control->targets) {
    const auto target = record.read();
    if (!target || !target->used) continue;
    Sums& group = sums[std::string(target->target_group.view())];
    group.new_flows += total(view, target->id, &TargetCounters::new_flows);
    group.active_flows += total(view, target->id, &TargetCounters::active_flows);
    group.over_flows += total(view, target->id, &TargetCounters::over_flows);
    group.unhealthy_routing_flows +=
        total(view, target->id, &TargetCounters::unhealthy_routing_flows);
  }
  return sums;
}

Json time_or_null(std::uint64_t unix_milliseconds) {
  return unix_milliseconds == 0 ? Json() : Json(iso_time(unix_milliseconds));
}

Json percentage_or_off(std::uint32_t percentage) {
  return percentage == 0 ? Json("off") : Json(percentage);
}

Json group_zones(const dataplane::TargetGroupRecord& record) {
  Json zones = Json::array();
  const std::size_t count = std::min<std::size_t>(record.zone_count, record.zones.size());
  for (std::size_t i = 0; i < count; ++i) {
    const dataplane::GroupZoneRecord& zone = record.zones[i];
    zones.push_back({{"zone", std::string(zone.zone.view())},
                     {"registered", zone.registered},
                     {"healthy", zone.healthy},
                     {"shifted", zone.shifted},
                     {"failing_open", zone.failing_open},
                     {"zone_healthy", zone.zone_healthy},
                     {"announced", zone.announced}});
  }
  return zones;
}

Json group_document(const dataplane::TargetGroupRecord& record, const Sums& sums,
                    const std::string& own_zone) {
  const std::string standby(record.standby.view());
  return {
      {"name", std::string(record.name.view())},
      {"registered", record.registered},
      {"healthy", record.healthy},
      {"minimum_healthy_targets",
       {{"count", record.minimum_count},
        {"percentage", percentage_or_off(record.minimum_percentage)}}},
      {"failing_open", record.failing_open},
      {"standby", standby.empty() ? Json() : Json(standby)},
      {"on_standby", record.on_standby},
      {"on_standby_since", time_or_null(record.standby_since_unix_milliseconds)},
      {"cross_zone", record.cross_zone},
      {"zonal_affinity", !record.affinity ? Json() : Json(record.spills ? "spills" : "local")},
      {"zonal_shift_ignored", record.shift_ignored},
      {"new_flows", sums.new_flows},
      {"active_flows", sums.active_flows},
      {"unhealthy_routing_flows", sums.unhealthy_routing_flows},
      {"own_zone", own_zone},
      {"zones", group_zones(record)},
  };
}

/// Limits and the queue, as they are set, and what has come of them.
void add_surge(Json& group, const SegmentView& view, TargetGroupId id,
               const dataplane::TargetGroupRecord& record, const Sums& sums) {
  const auto sum = [&](Counter TargetGroupCounters::*figure) {
    return total(view, id, record.incarnation, figure);
  };
  const auto most = [&](Counter TargetGroupCounters::*figure) {
    return greatest(view, id, record.incarnation, figure);
  };
  const bool queue = record.surge_length != 0;
  group["max_connections"] = record.max_connections == 0 ? Json() : Json(record.max_connections);
  group["connections"] =
      sums.active_flows > sums.over_flows ? sums.active_flows - sums.over_flows : 0;
  group["surge_queue"] = !queue ? Json()
                                : Json{{"length", record.surge_length},
                                       {"timeout", record.surge_timeout_milliseconds / 1000.0}};
  group["spillover"] = record.spillover_silent ? "silent" : "reset";
  group["surge_queue_length"] = sum(&TargetGroupCounters::surge_queue_length);
  group["surge_queue_length_max"] = most(&TargetGroupCounters::surge_queue_length_max);
  group["surge_oldest_seconds"] =
      static_cast<double>(most(&TargetGroupCounters::surge_oldest_milliseconds)) / 1000;
  group["surge_entered"] = sum(&TargetGroupCounters::surge_entered);
  group["surge_admitted"] = sum(&TargetGroupCounters::surge_admitted);
  group["surge_wait_seconds"] =
      static_cast<double>(sum(&TargetGroupCounters::surge_wait_milliseconds)) / 1000;
  group["surge_timed_out"] = sum(&TargetGroupCounters::surge_timed_out);
  group["surge_left"] = sum(&TargetGroupCounters::surge_left);
  group["surge_joined"] = sum(&TargetGroupCounters::surge_joined);
  group["spillover_count"] = sum(&TargetGroupCounters::spillover);
}

/// Of targets that there are now, or of all that there were: the latter is a second late.
std::uint64_t sum_that_stays(const Json& now, const Json& traffic, const char* field) {
  const auto sum = now.get<std::uint64_t>();
  return traffic.is_null() ? sum : std::max(sum, traffic[field].get<std::uint64_t>());
}

Json zone_document(const dataplane::ZoneRecord& record) {
  return {{"zone", std::string(record.name.view())},
          {"own", record.own},
          {"targets", record.targets},
          {"zonal_health_status", record.healthy ? 1 : 0},
          {"active_zonal_shift_host_count", record.shifted ? record.targets : 0},
          {"shifted", record.shifted},
          {"shift_started", time_or_null(record.started_unix_milliseconds)},
          {"shift_expires", time_or_null(record.expires_unix_milliseconds)},
          {"comment", std::string(record.comment.view())}};
}

/// "": the balancer has none.
std::string own_zone(const SegmentView& view) {
  for (const auto& each : view.control->zones) {
    const auto record = each.read();
    if (record && record->used && record->own) return std::string(record->name.view());
  }
  return {};
}

}  // namespace

Json target_groups_document(const SegmentView& view, const Liveness& liveness) {
  const SumsByGroup sums = sums_of(view);
  const std::string own = own_zone(view);
  Json groups = Json::array();
  std::uint64_t unreadable = 0;
  for (std::size_t slot = 0; slot < view.control->target_groups.size(); ++slot) {
    const auto record = view.control->target_groups[slot].read();
    if (!record) ++unreadable;
    if (!record || !record->used) continue;
    const auto found = sums.find(record->name.view());
    const Sums group = found == sums.end() ? Sums{} : found->second;
    groups.push_back(group_document(*record, group, own));
    Json& document = groups.back();
    add_surge(document, view, TargetGroupId{static_cast<std::uint16_t>(slot)}, *record, group);
    document["traffic"] = traffic_document(view.control->group_traffic[slot]);
    for (const char* sum : {"new_flows", "unhealthy_routing_flows"}) {
      document[sum] = sum_that_stays(document[sum], document["traffic"], sum);
    }
  }
  Json document{{"instance", std::string(instance_of(view).instance.view())},
                {"stale", liveness.stale},
                {"target_groups", std::move(groups)}};
  if (unreadable != 0) document["unreadable"] = unreadable;
  return document;
}

Json zones_of(const SegmentView& view) {
  Json zones = Json::array();
  for (std::size_t i = 0; i < view.control->zones.size(); ++i) {
    const auto record = view.control->zones[i].read();
    if (!record || !record->used) continue;
    zones.push_back(zone_document(*record));
    zones.back()["traffic"] = traffic_document(view.control->zone_traffic[i]);
  }
  return zones;
}

Json zones_document(const SegmentView& view, const Liveness& liveness) {
  return {{"instance", std::string(instance_of(view).instance.view())},
          {"stale", liveness.stale},
          {"zones", zones_of(view)}};
}

}  // namespace report
