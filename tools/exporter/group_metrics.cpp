// Metrics of target groups and zones.
#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "tools/exporter/metrics.h"

namespace tools::exporter {
namespace {

using dataplane::GroupZoneRecord;
using dataplane::TargetGroupRecord;
using dataplane::TrafficRecord;
using dataplane::ZoneRecord;
using report::SegmentView;

Labels zone_labels(const ZoneRecord& record) { return with({}, "zone", record.name.view()); }

template <class Record>
struct Flag {
  const char* name;
  const char* help;
  bool Record::*value;
};

constexpr std::array group_flags{
    Flag<TargetGroupRecord>{
        "spillway_target_group_failing_open",
        "1 while too few targets are healthy, so that new flows go to all of them (fail-open).",
        &TargetGroupRecord::failing_open},
    Flag<TargetGroupRecord>{"spillway_target_group_on_standby",
                            "1 while new flows go to the group's standby group.",
                            &TargetGroupRecord::on_standby},
    Flag<TargetGroupRecord>{
        "spillway_target_group_zonal_affinity_spills",
        "1 while zonal_affinity is set, but the own zone lacks capacity, so that new flows leave "
        "it.",
        &TargetGroupRecord::spills},
    Flag<TargetGroupRecord>{
        "spillway_target_group_zonal_shift_ignored",
        "1 while a zonal shift is ignored because it would leave the group no healthy target.",
        &TargetGroupRecord::shift_ignored},
};

constexpr std::array zone_flags{
    Flag<ZoneRecord>{"spillway_zone_healthy",
                     "1 if the zone is healthy for every group in use: ZonalHealthStatus.",
                     &ZoneRecord::healthy},
    Flag<ZoneRecord>{"spillway_zone_own", "1 for the zone that this balancer stands in.",
                     &ZoneRecord::own},
    Flag<ZoneRecord>{"spillway_zone_shifted", "1 while the zone is shifted away.",
                     &ZoneRecord::shifted},
};

std::span<const GroupZoneRecord> zones_of(const TargetGroupRecord& record) {
  return std::span(record.zones)
      .first(std::min<std::size_t>(record.zone_count, record.zones.size()));
}

struct TrafficFigure {
  const char* name;  // after "spillway_", "spillway_target_group_" and "spillway_zone_"
  const char* help;
  std::uint64_t TrafficRecord::*value;  // nullptr: `resets`, each with its label
};
struct Reset {
  const char* by;
  std::uint64_t TrafficRecord::*value;
};
constexpr std::array resets{
    Reset{"client", &TrafficRecord::client_resets},
    Reset{"target", &TrafficRecord::target_resets},
    Reset{"elb", &TrafficRecord::elb_resets},
};

constexpr std::array traffic_counters{
    TrafficFigure{"new_flows_total",
                  "Flows that got a target: NewFlowCount. Unlike sums over targets, this does not "
                  "fall when a target goes.",
                  &TrafficRecord::new_flows},
    TrafficFigure{"new_flows_udp_total", "Of the new flows: those of UDP: NewFlowCount_UDP.",
                  &TrafficRecord::new_flows_udp},
    TrafficFigure{
        "unhealthy_routing_flows_total",
        "Flows that began while their target group failed open: UnhealthyRoutingFlowCount.",
        &TrafficRecord::unhealthy_routing_flows},
    TrafficFigure{"port_allocation_errors_total",
                  "New flows for which full_nat found no local port: PortAllocationErrorCount.",
                  &TrafficRecord::port_allocation_errors},
    TrafficFigure{"requests_total", "TCP connections that targets accepted: RequestCount.",
                  &TrafficRecord::requests},
    TrafficFigure{"connection_errors_total",
                  "TCP connections that targets refused or did not answer: "
                  "BackendConnectionErrors, without health checks.",
                  &TrafficRecord::connection_errors},
    TrafficFigure{"processed_bytes_total",
                  "Bytes of both directions with IP and TCP headers: ProcessedBytes.",
                  &TrafficRecord::processed_bytes},
    TrafficFigure{"processed_packets_total", "Packets of both directions: ProcessedPackets.",
                  &TrafficRecord::processed_packets},
    TrafficFigure{"processed_bytes_udp_total",
                  "Of the processed bytes: those of UDP: ProcessedBytes_UDP. ProcessedBytes_TCP is "
                  "the rest.",
                  &TrafficRecord::processed_bytes_udp},
    TrafficFigure{"processed_packets_udp_total", "Of the processed packets: those of UDP.",
                  &TrafficRecord::processed_packets_udp},
    TrafficFigure{
        "resets_total",
        "Connections reset by clients, by targets or by Spillway: TCP_Client_Reset_Count, "
        "TCP_Target_Reset_Count, TCP_ELB_Reset_Count.",
        nullptr},
};
constexpr std::array traffic_gauges{
    TrafficFigure{"active_flows",
                  "Flows now, but those that are over and only remembered: ActiveFlowCount.",
                  &TrafficRecord::active_flows},
    TrafficFigure{"active_flows_udp", "Of the active flows: those of UDP: ActiveFlowCount_UDP.",
                  &TrafficRecord::active_flows_udp},
    TrafficFigure{"peak_bytes_per_second",
                  "The best 10 seconds' average of the last 60: PeakBytesPerSecond.",
                  &TrafficRecord::peak_bytes_per_second},
    TrafficFigure{"peak_packets_per_second",
                  "The best 10 seconds' average of the last 60: PeakPacketsPerSecond.",
                  &TrafficRecord::peak_packets_per_second},
};

/// What control has not sampled yet has nothing to tell.
void add_traffic(Family family, const Labels& labels,
                 const dataplane::Record<TrafficRecord>& record, const TrafficFigure& one) {
  const auto traffic = record.read();
  if (!traffic || traffic->sampled_unix_milliseconds == 0) return;
  if (one.value != nullptr) return family.add(labels, (*traffic).*one.value);
  for (const Reset& reset : resets) {
    family.add(with(labels, "by", reset.by), (*traffic).*reset.value);
  }
}

/// Of the balancer alone: who was refused need not have a group.
void add_rejected(Families& families, const SegmentView& view) {
  Family family = families.counter("spillway_rejected_flows_total",
                                   "New flows that were refused: RejectedFlowCount, "
                                   "RejectedFlowCount_TCP. Unlike sums over listeners, this does "
                                   "not fall when a listener goes.");
  const auto traffic = view.control->traffic.read();
  if (!traffic || traffic->sampled_unix_milliseconds == 0) return;
  family.add({{"protocol", "tcp"}}, traffic->rejected_flows - traffic->rejected_flows_udp);
  family.add({{"protocol", "udp"}}, traffic->rejected_flows_udp);
}

template <class Make>
void add_traffic_of_all(const SegmentView& view, const TrafficFigure& one, Make make) {
  add_traffic(make(std::string("spillway_") + one.name), {}, view.control->traffic, one);
  Family of_groups = make(std::string("spillway_target_group_") + one.name);
  each_used(view.control->target_groups, [&](std::uint16_t slot, const TargetGroupRecord& record) {
    add_traffic(of_groups, labels_of(record), view.control->group_traffic[slot], one);
  });
  Family of_zones = make(std::string("spillway_zone_") + one.name);
  each_used(view.control->zones, [&](std::uint16_t slot, const ZoneRecord& record) {
    add_traffic(of_zones, zone_labels(record), view.control->zone_traffic[slot], one);
  });
}

void add_group_zones(Families& families, const SegmentView& view) {
  struct ZoneFigure {
    const char* name;
    const char* help;
    double (*value)(const GroupZoneRecord&);
  };
  constexpr std::array figures{
      ZoneFigure{"spillway_target_group_zone_registered_targets",
                 "Targets of the group that are registered in the zone.",
                 [](const GroupZoneRecord& zone) { return double{1} * zone.registered; }},
      ZoneFigure{"spillway_target_group_zone_healthy_targets",
                 "Of them: those that are healthy: HealthyHostCount by zone.",
                 [](const GroupZoneRecord& zone) { return double{1} * zone.healthy; }},
      ZoneFigure{"spillway_target_group_zone_announced",
                 "1 if the group should be reachable by this zone (dns_failover).",
                 [](const GroupZoneRecord& zone) { return zone.announced ? 1.0 : 0.0; }},
  };
  for (const ZoneFigure& one : figures) {
    Family family = families.gauge(one.name, one.help);
    each_used(view.control->target_groups, [&](std::uint16_t, const TargetGroupRecord& record) {
      for (const GroupZoneRecord& zone : zones_of(record)) {
        family.add(with(labels_of(record), "zone", zone.zone.view()), one.value(zone));
      }
    });
  }
}

}  // namespace

Labels labels_of(const TargetGroupRecord& record) {
  return with({}, "target_group", record.name.view());
}

void add_target_groups(Families& families, const SegmentView& view) {
  Family registered = families.gauge(
      "spillway_target_group_registered_targets",
      "Targets that count when it is asked whether enough are healthy: not those that drain.");
  each_used(view.control->target_groups, [&](std::uint16_t, const TargetGroupRecord& record) {
    registered.add(labels_of(record), double{1} * record.registered);
  });
  Family healthy = families.gauge(
      "spillway_target_group_healthy_targets",
      "Of the registered targets: those that are healthy: HealthyHostCount. UnHealthyHostCount is "
      "the difference.");
  each_used(view.control->target_groups, [&](std::uint16_t, const TargetGroupRecord& record) {
    healthy.add(labels_of(record), double{1} * record.healthy);
  });
  for (const auto& one : group_flags) {
    Family family = families.gauge(one.name, one.help);
    each_used(view.control->target_groups, [&](std::uint16_t, const TargetGroupRecord& record) {
      family.add(labels_of(record), record.*one.value);
    });
  }
  add_group_zones(families, view);
  for (const TrafficFigure& one : traffic_counters) {
    add_traffic_of_all(view, one,
                       [&](const std::string& name) { return families.counter(name, one.help); });
  }
  add_rejected(families, view);
  for (const TrafficFigure& one : traffic_gauges) {
    add_traffic_of_all(view, one,
                       [&](const std::string& name) { return families.gauge(name, one.help); });
  }
}

void add_zones(Families& families, const SegmentView& view) {
  for (const auto& one : zone_flags) {
    Family family = families.gauge(one.name, one.help);
    each_used(view.control->zones, [&](std::uint16_t, const ZoneRecord& record) {
      family.add(zone_labels(record), record.*one.value);
    });
  }
  Family targets =
      families.gauge("spillway_zone_targets", "Targets that are registered in the zone.");
  Family shifted = families.gauge("spillway_zone_active_zonal_shift_targets",
                                  "Targets under a zonal shift: ActiveZonalShiftHostCount.");
  each_used(view.control->zones, [&](std::uint16_t, const ZoneRecord& record) {
    shifted.add(zone_labels(record), double{1} * (record.shifted ? record.targets : 0));
  });
  each_used(view.control->zones, [&](std::uint16_t, const ZoneRecord& record) {
    targets.add(zone_labels(record), double{1} * record.targets);
  });
}

}  // namespace tools::exporter
