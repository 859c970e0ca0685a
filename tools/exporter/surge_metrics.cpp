// Metrics of limits, surge queues and spillover, and of UDP's part of targets' flows.
//
// Sums over workers, but for what each worker sees of a whole queue (its highest length, its oldest
// waiter). Limits are absent where there are none: a limit of 0 would look like one that is
// exceeded.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "tools/exporter/metrics.h"

namespace tools::exporter {
namespace {

using dataplane::Counter;
using dataplane::ListenerCounters;
using dataplane::ListenerId;
using dataplane::ListenerRecord;
using dataplane::TargetCounters;
using dataplane::TargetGroupCounters;
using dataplane::TargetGroupId;
using dataplane::TargetGroupRecord;
using dataplane::TargetRecord;
using dataplane::Totals;
using report::SegmentView;

struct SurgeFigure {
  const char* name;
  const char* help;
  Counter TargetGroupCounters::*figure;
  double scale = 1;    // what makes it the unit of the name
  bool whole = false;  // each worker has it of the whole queue: the greatest, not a sum
};

constexpr std::array surge_counters{
    SurgeFigure{"spillway_target_group_surge_entered_total",
                "Clients that began to wait in the surge queue: the sum of those that were "
                "admitted, timed out, left or still wait.",
                &TargetGroupCounters::surge_entered},
    SurgeFigure{"spillway_target_group_surge_admitted_total",
                "Clients that waited and then got a target.", &TargetGroupCounters::surge_admitted},
    SurgeFigure{"spillway_target_group_surge_timed_out_total",
                "Clients that waited as long as surge_queue.timeout and were refused.",
                &TargetGroupCounters::surge_timed_out},
    SurgeFigure{"spillway_target_group_surge_left_total",
                "Clients whose wait ended otherwise: their listener, group or queue was gone, the "
                "worker's flow table full, the daemon stopped.",
                &TargetGroupCounters::surge_left},
    SurgeFigure{"spillway_target_group_surge_joined_packets_total",
                "SYNs that came again while their client waited; it kept its place.",
                &TargetGroupCounters::surge_joined},
    SurgeFigure{"spillway_target_group_surge_wait_seconds_total",
                "Time that all admitted clients together have waited. How long which of them did: "
                "spillway_listener_queue_seconds, spillway_target_queue_seconds.",
                &TargetGroupCounters::surge_wait_milliseconds, 1e-3},
    SurgeFigure{"spillway_target_group_spillover_total",
                "New flows refused at once, since every target had as many connections as it may "
                "and the surge queue no room: SpilloverCount.",
                &TargetGroupCounters::spillover},
};

constexpr std::array surge_gauges{
    SurgeFigure{"spillway_target_group_surge_queue_length",
                "SYNs that wait in the surge queue now: SurgeQueueLength.",
                &TargetGroupCounters::surge_queue_length},
    SurgeFigure{"spillway_target_group_surge_queue_length_max",
                "The most that ever waited in it at once, since the start: SurgeQueueLength at its "
                "highest.",
                &TargetGroupCounters::surge_queue_length_max, 1, true},
    SurgeFigure{"spillway_target_group_surge_oldest_seconds",
                "How long the first in the line has waited; 0: nobody waits.",
                &TargetGroupCounters::surge_oldest_milliseconds, 1e-3, true},
};

void add_figure(const SegmentView& view, Family family, const SurgeFigure& one) {
  each_used(view.control->target_groups, [&](std::uint16_t slot, const TargetGroupRecord& record) {
    const TargetGroupId id{slot};
    const std::uint64_t value = one.whole ? greatest(view, id, record.incarnation, one.figure)
                                          : total(view, id, record.incarnation, one.figure);
    family.add(labels_of(record), static_cast<double>(value) * one.scale);
  });
}

/// Those that take a place. Two figures of one moment or nearly: never less than none.
std::uint64_t connections(const SegmentView& view, dataplane::TargetId target) {
  const std::uint64_t active = total(view, target, &TargetCounters::active_flows);
  return active - std::min(active, total(view, target, &TargetCounters::over_flows));
}

void add_limits_of_groups(Families& families, const SegmentView& view) {
  std::map<std::string, std::uint64_t, std::less<>> sums;
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    sums[report::text(record.target_group)] += connections(view, record.id);
  });
  Family now = families.gauge("spillway_target_group_connections",
                              "Connections of all its targets that take a place below a limit: "
                              "active flows without those that are over.");
  Family limit = families.gauge(
      "spillway_target_group_max_connections",
      "How many connections the group's targets together may have. Absent without such a limit.");
  Family length = families.gauge(
      "spillway_target_group_surge_queue_capacity",
      "SYNs that may wait in the surge queue: surge_queue.length. Absent without a queue.");
  each_used(view.control->target_groups, [&](std::uint16_t, const TargetGroupRecord& record) {
    const auto found = sums.find(record.name.view());
    now.add(labels_of(record), found == sums.end() ? std::uint64_t{0} : found->second);
    if (record.max_connections != 0) {
      limit.add(labels_of(record), std::uint64_t{record.max_connections});
    }
    if (record.surge_length != 0) {
      length.add(labels_of(record), std::uint64_t{record.surge_length});
    }
  });
}

void add_limits_of_targets(Families& families, const SegmentView& view) {
  Family now = families.gauge("spillway_target_connections",
                              "Connections that take a place below the target's limit: active "
                              "flows without those that are over.");
  Family limit = families.gauge("spillway_target_max_connections",
                                "How many connections the target may have now; in slow start less "
                                "than is configured. Absent without a limit.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    now.add(labels_of(record), connections(view, record.id));
    if (record.max_connections != 0) {
      limit.add(labels_of(record), std::uint64_t{record.max_connections});
    }
  });
}

void add_surge_of_workers(Families& families, const SegmentView& view) {
  const auto add = [&](Family family, Counter Totals::*figure) {
    for (std::size_t i = 0; i < view.workers.size(); ++i) {
      family.add({{"worker", std::to_string(i)}}, (view.workers[i].totals.*figure).read());
    }
  };
  add(families.counter("spillway_worker_received_waiting_packets_total",
                       "Of the received packets: SYNs that waited in a surge queue and came into "
                       "the path for the second time."),
      &Totals::received_waiting);
  add(families.gauge("spillway_worker_surge_held_packets",
                     "SYNs that the worker holds for surge queues now, a packet buffer each."),
      &Totals::surge_held);
  families
      .gauge("spillway_surge_capacity_packets",
             "SYNs that all surge queues together may hold: surge_queues.capacity.")
      .add({}, total(view, &Totals::surge_capacity));
}

}  // namespace

void add_surge(Families& families, const SegmentView& view) {
  for (const SurgeFigure& one : surge_counters) {
    add_figure(view, families.counter(one.name, one.help), one);
  }
  for (const SurgeFigure& one : surge_gauges) {
    add_figure(view, families.gauge(one.name, one.help), one);
  }
  Family spilled = families.counter(
      "spillway_listener_spilled_flows_total",
      "Of the listener's rejected flows: those that found neither a place nor room in the surge "
      "queue: SpilloverCount.");
  each_used(view.control->listeners, [&](std::uint16_t slot, const ListenerRecord& record) {
    spilled.add(labels_of(record), total(view, ListenerId{slot}, record.incarnation,
                                         &ListenerCounters::spilled_flows));
  });
  add_limits_of_groups(families, view);
  add_limits_of_targets(families, view);
  add_surge_of_workers(families, view);
}

void add_udp_flows_of_targets(Families& families, const SegmentView& view) {
  Family started = families.counter("spillway_target_new_flows_udp_total",
                                    "Of the target's new flows: those of UDP: NewFlowCount_UDP. "
                                    "NewFlowCount_TCP is the rest.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    started.add(labels_of(record), new_flows_udp(view, record.id));
  });
  Family active = families.gauge("spillway_target_active_flows_udp",
                                 "Of the target's active flows: those of UDP: ActiveFlowCount_UDP. "
                                 "ActiveFlowCount_TCP is the rest.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    active.add(labels_of(record), active_flows_udp(view, record.id));
  });
  Family packets = families.counter("spillway_target_processed_packets_udp_total",
                                    "Of the target's packets: those of UDP; TCP is the rest.");
  Family bytes = families.counter("spillway_target_processed_bytes_udp_total",
                                  "Of the target's bytes: those of UDP: ProcessedBytes_UDP is both "
                                  "directions together. ProcessedBytes_TCP is the rest.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    const report::UdpTraffic udp = udp_traffic(view, record);
    const Labels to_target = with(labels_of(record), "direction", "to_target");
    const Labels to_client = with(labels_of(record), "direction", "to_client");
    packets.add(to_target, udp.packets_to_target);
    packets.add(to_client, udp.packets_to_client);
    bytes.add(to_target, udp.bytes_to_target);
    bytes.add(to_client, udp.bytes_to_client);
  });
}

}  // namespace tools::exporter
