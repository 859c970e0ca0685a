#include "control/traffic_meter.h"

#include <algorithm>
#include <set>
#include <utility>

namespace control {
namespace {

using dataplane::Counter;
using dataplane::TargetCounters;
using dataplane::TrafficRecord;

// PeakBytesPerSecond: "best 10 s average in the period", which is a minute.
constexpr std::uint64_t window_milliseconds = 10'000;
constexpr std::uint64_t period_milliseconds = 60'000;

constexpr std::array<std::pair<std::uint64_t TrafficRecord::*, Counter TargetCounters::*>, 12>
    counted{{{&TrafficRecord::new_flows, &TargetCounters::new_flows},
             {&TrafficRecord::requests, &TargetCounters::handshakes_answered},
             {&TrafficRecord::connection_errors, &TargetCounters::handshakes_failed},
             {&TrafficRecord::processed_bytes, &TargetCounters::bytes_to_target},
             {&TrafficRecord::processed_bytes, &TargetCounters::bytes_to_client},
             {&TrafficRecord::processed_packets, &TargetCounters::packets_to_target},
             {&TrafficRecord::processed_packets, &TargetCounters::packets_to_client},
             {&TrafficRecord::client_resets, &TargetCounters::client_resets},
             {&TrafficRecord::target_resets, &TargetCounters::target_resets},
             {&TrafficRecord::elb_resets, &TargetCounters::elb_resets},
             {&TrafficRecord::port_allocation_errors, &TargetCounters::port_allocation_errors},
             {&TrafficRecord::unhealthy_routing_flows, &TargetCounters::unhealthy_routing_flows}}};

/// All that is added up.
constexpr std::array sums_of_target{
    &TrafficRecord::new_flows,
    &TrafficRecord::new_flows_udp,
    &TrafficRecord::requests,
    &TrafficRecord::connection_errors,
    &TrafficRecord::processed_bytes,
    &TrafficRecord::processed_packets,
    &TrafficRecord::processed_bytes_udp,
    &TrafficRecord::processed_packets_udp,
    &TrafficRecord::client_resets,
    &TrafficRecord::target_resets,
    &TrafficRecord::elb_resets,
    &TrafficRecord::port_allocation_errors,
    &TrafficRecord::unhealthy_routing_flows,
};

/// All that workers have counted of a target so far.
TrafficRecord figures_of(const report::SegmentView& view, const dataplane::TargetRecord& target) {
  TrafficRecord sums{};
  for (const auto& [sum, figure] : counted) {
    sums.*sum += report::total(view, target.id, figure);
  }
  sums.new_flows_udp = report::new_flows_udp(view, target.id);
  const report::UdpTraffic udp = report::udp_traffic(view, target);
  sums.processed_bytes_udp = udp.bytes_to_target + udp.bytes_to_client;
  sums.processed_packets_udp = udp.packets_to_target + udp.packets_to_client;
  return sums;
}

/// What a counted sum has grown by; one that has begun anew has grown by all that it has.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
  return now >= before ? now - before : now;
}

std::uint64_t per_second(std::uint64_t amount, std::uint64_t milliseconds) {
  return milliseconds == 0 ? 0 : amount * 1000 / milliseconds;
}

}  // namespace

void TrafficMeter::collect(const report::SegmentView& view) {
  collect_targets(view);
  collect_listeners(view);
  collect_resets(view);
}

void TrafficMeter::collect_targets(const report::SegmentView& view) {
  for (std::size_t slot = 0; slot < dataplane::targets_max; ++slot) {
    const auto record = view.control->targets[slot].read();
    if (!record || !record->used) continue;
    Seen& seen = seen_[slot];
    if (seen.id != record->id) seen = {record->id, {}};
    const TrafficRecord now = figures_of(view, *record);
    const auto add_to = [&](TrafficRecord& sums) {
      for (const auto sum : sums_of_target) {
        sums.*sum += growth(seen.counted.*sum, now.*sum);
      }
    };
    const std::uint64_t resets = balancer_.record.elb_resets;
    add_to(balancer_.record);
    balancer_.record.elb_resets = resets;  // of targets and of nobody: collect_resets()
    add_to(groups_[std::string(record->target_group.view())].record);
    if (!record->zone.view().empty()) add_to(zones_[std::string(record->zone.view())].record);
    seen.counted = now;
  }
}

void TrafficMeter::collect_listeners(const report::SegmentView& view) {
  using dataplane::ListenerCounters;
  for (std::uint16_t slot = 0; slot < dataplane::listeners_max; ++slot) {
    const auto record = view.control->listeners[slot].read();
    if (!record || !record->used) continue;
    SeenSlot& seen = seen_listeners_[slot];
    if (seen.incarnation != record->incarnation) seen = {.incarnation = record->incarnation};
    const auto counted = [&](Counter ListenerCounters::*figure) {
      return report::total(view, dataplane::ListenerId{slot}, record->incarnation, figure);
    };
    const std::uint64_t all = counted(&ListenerCounters::rejected_flows);
    const std::uint64_t udp = counted(&ListenerCounters::rejected_flows_udp);
    balancer_.record.rejected_flows += growth(std::exchange(seen.first, all), all);
    balancer_.record.rejected_flows_udp += growth(std::exchange(seen.second, udp), udp);
  }
}

void TrafficMeter::collect_resets(const report::SegmentView& view) {
  std::uint64_t resets = 0;
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<dataplane::Verdict>(i);
    if (is_reset(verdict)) resets += report::total(view, verdict);
  }
  balancer_.record.elb_resets += growth(std::exchange(seen_resets_, resets), resets);
  for (std::uint16_t slot = 0; slot < dataplane::target_groups_max; ++slot) {
    const auto record = view.control->target_groups[slot].read();
    if (!record || !record->used) continue;
    SeenSlot& seen = seen_groups_[slot];
    if (seen.incarnation != record->incarnation) seen = {.incarnation = record->incarnation};
    const std::uint64_t counted =
        report::total(view, dataplane::TargetGroupId{slot}, record->incarnation,
                      &dataplane::TargetGroupCounters::elb_resets);
    groups_[std::string(record->name.view())].record.elb_resets +=
        growth(std::exchange(seen.first, counted), counted);
  }
}

/// What there is now, and not what there was: no sum of before has a part in it.
void TrafficMeter::count_active(const report::SegmentView& view) {
  const auto clear = [](TrafficRecord& record) {
    record.active_flows = record.active_flows_udp = 0;
  };
  clear(balancer_.record);
  for (auto& [name, series] : groups_) clear(series.record);
  for (auto& [name, series] : zones_) clear(series.record);
  for (std::size_t slot = 0; slot < dataplane::targets_max; ++slot) {
    const auto record = view.control->targets[slot].read();
    if (!record || !record->used) continue;
    const std::uint64_t all = report::total(view, record->id, &TargetCounters::active_flows);
    const std::uint64_t over = report::total(view, record->id, &TargetCounters::over_flows);
    const std::uint64_t udp = report::active_flows_udp(view, record->id);
    const auto add_to = [&](TrafficRecord& sums) {
      sums.active_flows += all - std::min(all, over);
      sums.active_flows_udp += udp;
    };
    add_to(balancer_.record);
    add_to(groups_[std::string(record->target_group.view())].record);
    if (!record->zone.view().empty()) add_to(zones_[std::string(record->zone.view())].record);
  }
}

void TrafficMeter::sample(const report::SegmentView& view, std::uint64_t now_unix_milliseconds) {
  collect(view);
  count_active(view);
  forget_gone(view);
  sample(balancer_, now_unix_milliseconds);
  for (auto& [name, series] : groups_) sample(series, now_unix_milliseconds);
  for (auto& [name, series] : zones_) sample(series, now_unix_milliseconds);
}

void TrafficMeter::sample(Series& series, std::uint64_t now_unix_milliseconds) {
  TrafficRecord& record = series.record;
  std::vector<Moment>& minute = series.minute;
  // The wall clock was set: what was before cannot be compared.
  if (!minute.empty() && minute.back().unix_milliseconds >= now_unix_milliseconds) minute.clear();
  minute.push_back(
      {now_unix_milliseconds, record.processed_bytes, record.processed_packets, record.new_flows});
  std::erase_if(minute, [&](const Moment& moment) {
    return now_unix_milliseconds - moment.unix_milliseconds > period_milliseconds;
  });
  const Moment& before = minute[minute.size() < 2 ? 0 : minute.size() - 2];
  const std::uint64_t passed = now_unix_milliseconds - before.unix_milliseconds;
  record.bytes_per_second = per_second(record.processed_bytes - before.bytes, passed);
  record.packets_per_second = per_second(record.processed_packets - before.packets, passed);
  record.new_flows_per_second = per_second(record.new_flows - before.new_flows, passed);
  record.peak_bytes_per_second = record.peak_packets_per_second = 0;
  auto begin = minute.begin();
  for (const Moment& end : minute) {
    // From the last moment that lies a window before this one.
    while (std::next(begin) != minute.end() &&
           std::next(begin)->unix_milliseconds + window_milliseconds <= end.unix_milliseconds) {
      ++begin;
    }
    const std::uint64_t span = end.unix_milliseconds - begin->unix_milliseconds;
    if (span < window_milliseconds) continue;
    record.peak_bytes_per_second =
        std::max(record.peak_bytes_per_second, per_second(end.bytes - begin->bytes, span));
    record.peak_packets_per_second =
        std::max(record.peak_packets_per_second, per_second(end.packets - begin->packets, span));
  }
  record.sampled_unix_milliseconds = now_unix_milliseconds;
}

void TrafficMeter::forget_gone(const report::SegmentView& view) {
  const auto forget = [](Named& named, const auto& records) {
    std::set<std::string, std::less<>> there;
    for (const auto& each : records) {
      const auto record = each.read();
      if (record && record->used) there.emplace(record->name.view());
    }
    std::erase_if(named, [&](const auto& entry) { return !there.contains(entry.first); });
  };
  forget(groups_, view.control->target_groups);
  forget(zones_, view.control->zones);
}

TrafficRecord TrafficMeter::group(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? TrafficRecord{} : found->second.record;
}

TrafficRecord TrafficMeter::zone(std::string_view name) const {
  const auto found = zones_.find(name);
  return found == zones_.end() ? TrafficRecord{} : found->second.record;
}

}  // namespace control
