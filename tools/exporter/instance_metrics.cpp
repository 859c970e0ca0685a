// Metrics of the instance itself: its workers, ports, verdicts and security groups.
#include <array>
#include <string>

#include "dataplane/packet/verdict.h"
#include "tools/exporter/metrics.h"

namespace tools::exporter {
namespace {

using dataplane::Counter;
using dataplane::Totals;

struct WorkerFigure {
  const char* name;
  const char* help;
  Counter Totals::*figure;
};

constexpr std::array worker_counters{
    WorkerFigure{"spillway_worker_received_packets_total",
                 "Packets given to the path: from ports and from other workers' hand-off rings. "
                 "Each leaves with one verdict.",
                 &Totals::received},
    WorkerFigure{"spillway_worker_sent_packets_total",
                 "Forwarded packets and replies that a port took.", &Totals::sent},
    WorkerFigure{"spillway_worker_unsent_packets_total",
                 "Forwarded packets and replies that no port took: its transmit queue was full.",
                 &Totals::unsent},
    WorkerFigure{"spillway_worker_handed_off_packets_total",
                 "Packets passed to the worker that owns their flow.", &Totals::handed_off},
    WorkerFigure{"spillway_worker_hand_off_unsent_packets_total",
                 "Packets lost on their way to another worker: its ring was full, it is "
                 "overloaded.",
                 &Totals::hand_off_unsent},
    WorkerFigure{"spillway_worker_received_hand_off_packets_total",
                 "Of the received packets: those that came over a hand-off ring.",
                 &Totals::received_hand_off},
    WorkerFigure{"spillway_worker_wrong_core_packets_total",
                 "Of the handed off packets: those that the NIC should have brought to the right "
                 "worker by RSS.",
                 &Totals::wrong_core},
    WorkerFigure{"spillway_worker_relayed_packets_total",
                 "Packets put on a wire for workers without a transmit queue there.",
                 &Totals::relayed},
    WorkerFigure{"spillway_worker_relay_unsent_packets_total",
                 "Of the relayed packets: those that the port did not take.",
                 &Totals::relay_unsent},
    WorkerFigure{"spillway_worker_punted_packets_total",
                 "Packets given to the kernel by a port's TAP twin.", &Totals::punted},
    WorkerFigure{"spillway_worker_punt_unsent_packets_total",
                 "Packets for the kernel that were lost: the ring to it was full.",
                 &Totals::punt_unsent},
    WorkerFigure{"spillway_worker_from_kernel_packets_total",
                 "Packets of the kernel put on a wire.", &Totals::from_kernel},
    WorkerFigure{"spillway_worker_from_kernel_unsent_packets_total",
                 "Packets of the kernel that no port took.", &Totals::from_kernel_unsent},
    WorkerFigure{"spillway_worker_originated_packets_total",
                 "Packets of Spillway's own (resets that end flows) put on a wire.",
                 &Totals::originated},
    WorkerFigure{"spillway_worker_originated_unsent_packets_total",
                 "Packets of Spillway's own that were not: transmit queue full, or no buffer.",
                 &Totals::originated_unsent},
    WorkerFigure{
        "spillway_worker_stateless_packets_total",
        "Of the forwarded packets: those of flows that found the flow table full and go by "
        "the hash alone (overload).",
        &Totals::stateless},
    WorkerFigure{"spillway_worker_flows_inserted_total",
                 "Flows entered into the flow table: NewFlowCount of the whole balancer.",
                 &Totals::flows_inserted},
    WorkerFigure{"spillway_worker_flows_expired_total", "Flows that ended by being idle or over.",
                 &Totals::flows_expired},
    WorkerFigure{"spillway_worker_flows_removed_total",
                 "Flows that were replaced by a new one on the same ports, or ended by force.",
                 &Totals::flows_removed},
    WorkerFigure{"spillway_worker_flows_cut_total",
                 "Of the removed flows: those that no security group's rule lets in any more.",
                 &Totals::flows_cut},
    WorkerFigure{"spillway_worker_sticky_found_flows_total",
                 "New flows that went where their client had gone before.", &Totals::sticky_found},
    WorkerFigure{"spillway_worker_sticky_evicted_clients_total",
                 "Clients forgotten before their time, for lack of room: raise sticky.capacity.",
                 &Totals::sticky_evicted},
    WorkerFigure{"spillway_worker_polls_total", "Turns of the worker's loop.", &Totals::polls},
    WorkerFigure{"spillway_worker_busy_polls_total", "Turns that found packets.",
                 &Totals::busy_polls},
};

constexpr std::array worker_gauges{
    WorkerFigure{"spillway_worker_generation", "The generation of the configuration that it uses.",
                 &Totals::generation},
    WorkerFigure{"spillway_worker_sticky_clients",
                 "Clients remembered by stickiness, of this worker's share of the table.",
                 &Totals::sticky_entries},
    WorkerFigure{"spillway_worker_flow_table_bytes", "Memory of its flow tables.",
                 &Totals::table_bytes},
    WorkerFigure{"spillway_worker_flow_table_page_bytes",
                 "Size of the pages that the flow tables lie in. 4096: there were no huge pages.",
                 &Totals::table_page_bytes},
};

Labels label(const dataplane::WorkerBlock& worker, const report::SegmentView& view) {
  return {{"worker", std::to_string(&worker - view.workers.data())}};
}

void add_tables(Families& families, const report::SegmentView& view) {
  const auto add = [&](Family family, Counter Totals::*all, Counter Totals::*ipv6) {
    for (const auto& worker : view.workers) {
      const std::uint64_t of_ipv6 = (worker.totals.*ipv6).read();
      const std::uint64_t of_all = (worker.totals.*all).read();
      const Labels labels = label(worker, view);
      family.add(with(labels, "family", "ipv4"), of_all > of_ipv6 ? of_all - of_ipv6 : 0);
      family.add(with(labels, "family", "ipv6"), of_ipv6);
    }
  };
  add(families.gauge(
          "spillway_worker_flows",
          "Flows in the flow table now: ActiveFlowCount of the whole balancer, and those "
          "that are over but not forgotten yet."),
      &Totals::flows_alive, &Totals::flows_alive_ipv6);
  add(families.gauge("spillway_worker_flow_capacity",
                     "Flows that the flow table has room for. At 90 % of it new flows begin to "
                     "be refused."),
      &Totals::flow_capacity, &Totals::flow_capacity_ipv6);
}

const char* fate_of(dataplane::Verdict verdict) {
  if (is_forward(verdict)) return "forward";
  if (is_reply(verdict)) return "reply";
  if (is_drop(verdict)) return "drop";
  if (verdict == dataplane::Verdict::PuntKernel) return "punt";
  return verdict == dataplane::Verdict::HandOff ? "hand_off" : "wait";
}

std::string_view direction_of(const dataplane::RuleRecord& rule) {
  return rule.inbound ? "inbound" : "outbound";
}

double seconds(std::uint64_t unix_milliseconds) {
  return static_cast<double>(unix_milliseconds) / 1000;
}

}  // namespace

void add_instance(Families& families, const report::SegmentView& view) {
  const auto record = view.control->instance.read();
  if (!record) return;
  families
      .gauge("spillway_info",
             "Always 1; its labels say which balancer this is, and of which version.")
      .add({{"balancer", valid_utf8(record->instance.view())},
            {"config_file", valid_utf8(record->config_file.view())},
            {"layout", std::to_string(view.header->version)},
            {"version", valid_utf8(record->version.view())}},
           true);
  families
      .gauge("spillway_start_time_seconds",
             "When the daemon was started, in Unix time. Counters began at 0 then.")
      .add({}, seconds(record->started_unix_milliseconds));
  families
      .gauge("spillway_generation",
             "The newest generation of the configuration: it rises by one with each change of what "
             "packets do. Workers that lag behind: spillway_worker_generation.")
      .add({}, record->generation);
  Family reloads = families.counter("spillway_reloads_total",
                                    "Reloads of the configuration file, by what came of them.");
  reloads.add({{"result", "applied"}}, record->reloads);
  reloads.add({{"result", "refused"}}, record->reloads_refused);
  families
      .gauge("spillway_last_reload_successful",
             "0 if the last reload was refused: what runs is not what the file says. Why: "
             "spillwayctl status.")
      .add({}, record->last_reload_error.view().empty());
  families
      .gauge("spillway_last_reload_timestamp_seconds",
             "When the last reload was, in Unix time; 0: there was none.")
      .add({}, seconds(record->last_reload_unix_milliseconds));
}

void add_workers(Families& families, const report::SegmentView& view) {
  for (const WorkerFigure& one : worker_counters) {
    Family family = families.counter(one.name, one.help);
    for (const auto& worker : view.workers) {
      family.add(label(worker, view), (worker.totals.*one.figure).read());
    }
  }
  for (const WorkerFigure& one : worker_gauges) {
    Family family = families.gauge(one.name, one.help);
    for (const auto& worker : view.workers) {
      family.add(label(worker, view), (worker.totals.*one.figure).read());
    }
  }
  Family time =
      families.counter("spillway_worker_seconds_total",
                       "Time of the worker's loop, by whether it found packets. A worker polls, so "
                       "the CPU is always "
                       "at 100 %: how much it has to do is rate of mode=busy over that of both.");
  for (const auto& worker : view.workers) {
    const auto add = [&](const char* mode, const Counter& nanoseconds) {
      time.add(with(label(worker, view), "mode", mode),
               static_cast<double>(nanoseconds.read()) * 1e-9);
    };
    add("busy", worker.totals.busy_nanoseconds);
    add("idle", worker.totals.idle_nanoseconds);
  }
  add_tables(families, view);
  families
      .gauge("spillway_sticky_capacity_clients",
             "Clients that the table of stickiness has room for.")
      .add({}, total(view, &Totals::sticky_capacity));
}

void add_verdicts(Families& families, const report::SegmentView& view) {
  Family family = families.counter(
      "spillway_verdict_packets_total",
      "Packets by the one verdict that each leaves the path with. All of them together are the "
      "received packets; fate is forward, reply, punt, hand_off, wait or drop. What each "
      "means and what to do: docs/metrics.md.");
  for (std::size_t i = 1; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<dataplane::Verdict>(i);
    family.add(with({{"fate", fate_of(verdict)}}, "verdict", to_string(verdict)),
               total(view, verdict));
  }
}

void add_ports(Families& families, const report::SegmentView& view) {
  struct PortFigure {
    const char* name;
    const char* help;
    std::uint64_t dataplane::PortRecord::*figure;
  };
  using dataplane::PortRecord;
  constexpr std::array figures{
      PortFigure{"spillway_port_received_packets_total", "Frames that the NIC received.",
                 &PortRecord::received},
      PortFigure{"spillway_port_sent_packets_total", "Frames that the NIC sent.",
                 &PortRecord::sent},
      PortFigure{"spillway_port_received_bytes_total", "Bytes that the NIC received.",
                 &PortRecord::received_bytes},
      PortFigure{"spillway_port_sent_bytes_total", "Bytes that the NIC sent.",
                 &PortRecord::sent_bytes},
      PortFigure{"spillway_port_missed_packets_total",
                 "Frames lost because no descriptor was free: the workers are too slow, or a burst "
                 "was too long.",
                 &PortRecord::missed},
      PortFigure{"spillway_port_no_buffer_packets_total",
                 "Frames lost because no packet buffer was free.", &PortRecord::no_buffer},
      PortFigure{"spillway_port_error_packets_total", "Frames that arrived damaged.",
                 &PortRecord::errors},
      PortFigure{"spillway_port_send_error_packets_total",
                 "Frames that the NIC took and could not send.", &PortRecord::send_errors},
  };
  const auto labels = [](const PortRecord& record) { return with({}, "port", record.name.view()); };
  for (const PortFigure& one : figures) {
    Family family = families.counter(one.name, one.help);
    each_used(view.control->ports, [&](std::uint16_t, const PortRecord& record) {
      family.add(labels(record), record.*one.figure);
    });
  }
  Family drops = families.counter(
      "spillway_port_queue_dropped_packets_total",
      "Frames lost at one receive queue of the NIC: its worker is too slow, or out of buffers. "
      "Absent where the device does not count by queue.");
  each_used(view.control->ports, [&](std::uint16_t, const PortRecord& record) {
    if (!record.queue_drops_known) return;
    const std::size_t queues =
        std::min<std::size_t>(record.receive_queues, record.dropped_by_queue.size());
    for (std::size_t queue = 0; queue < queues; ++queue) {
      drops.add(with(labels(record), "queue", std::to_string(queue)),
                record.dropped_by_queue[queue]);
    }
  });
  Family link = families.gauge("spillway_port_link_up", "1 while the port has a link.");
  each_used(view.control->ports, [&](std::uint16_t, const PortRecord& record) {
    link.add(labels(record), record.link_up);
  });
  Family speed = families.gauge("spillway_port_link_bytes_per_second",
                                "Speed of the link; absent where the device does not know.");
  each_used(view.control->ports, [&](std::uint16_t, const PortRecord& record) {
    if (record.link_megabits == 0 || record.link_megabits == UINT32_MAX) return;
    speed.add(labels(record), 1e6 / 8 * record.link_megabits);
  });
  Family info = families.gauge("spillway_port_info",
                               "Always 1; its labels say what the port is, and how packets are "
                               "brought to the worker that owns their flow.");
  each_used(view.control->ports, [&](std::uint16_t, const PortRecord& record) {
    Labels all = with(labels(record), "device", record.device.view());
    all = with(with(std::move(all), "driver", record.driver.view()), "mac", record.mac.view());
    info.add(with(std::move(all), "steering", record.steering.view()), true);
  });
}

void add_security_groups(Families& families, const report::SegmentView& view) {
  Family blocked =
      families.counter("spillway_security_group_blocked_flows_total",
                       "New flows and pings that no rule lets in, or out to their target: "
                       "SecurityGroupBlockedFlowCount by direction and protocol.");
  const auto add = [&](const char* direction, const char* protocol, Counter Totals::*figure) {
    blocked.add({{"direction", direction}, {"protocol", protocol}}, total(view, figure));
  };
  add("inbound", "icmp", &Totals::blocked_inbound_icmp);
  add("inbound", "tcp", &Totals::blocked_inbound_tcp);
  add("inbound", "udp", &Totals::blocked_inbound_udp);
  add("outbound", "icmp", &Totals::blocked_outbound_icmp);
  add("outbound", "tcp", &Totals::blocked_outbound_tcp);
  add("outbound", "udp", &Totals::blocked_outbound_udp);
  Family family = families.counter("spillway_security_group_rule_hits_total",
                                   "New flows and pings that each rule has let through. A rule "
                                   "without hits may be superfluous.");
  each_used(view.control->rules, [&](std::uint16_t slot, const dataplane::RuleRecord& rule) {
    const std::uint64_t now = hits(view, dataplane::RuleId{slot});
    Labels labels{{"rule", std::to_string(rule.number)}};
    labels = with(std::move(labels), "security_group", rule.security_group.view());
    labels = with(std::move(labels), "direction", direction_of(rule));
    labels = with(std::move(labels), "protocol", rule.protocol.view());
    labels = with(std::move(labels), "ports", rule.ports.view());
    labels = with(std::move(labels), "peer", rule.peer.view());
    family.add(std::move(labels), now > rule.hits_before ? now - rule.hits_before : 0);
  });
}

}  // namespace tools::exporter
