// Metrics of listeners and targets: flows, bytes, resets, states, and histograms of how flows went.
#include <fmt/core.h>

#include <array>
#include <string>

#include "dataplane/table/listener.h"
#include "dataplane/table/target_state.h"
#include "tools/exporter/metrics.h"
#include "tools/report/flow_figures.h"

namespace tools::exporter {
namespace {

using dataplane::Counter;
using dataplane::ListenerCounters;
using dataplane::ListenerId;
using dataplane::ListenerRecord;
using dataplane::TargetCounters;
using dataplane::TargetRecord;
using dataplane::TargetState;
using report::SegmentView;

/// A figure in several samples of one family: `label`="`value`" tells them apart.
template <class Block>
struct Part {
  const char* value;
  Counter Block::*figure;
};

struct TargetParts {
  const char* name;
  const char* help;
  const char* label;
  std::array<Part<TargetCounters>, 3> parts;  // without a figure: no more
};

constexpr std::array target_counters{
    TargetParts{"spillway_target_new_flows_total",
                "Flows that were given to the target: NewFlowCount.",
                nullptr,
                {{{nullptr, &TargetCounters::new_flows}}}},
    TargetParts{"spillway_target_processed_packets_total",
                "Packets of the target's flows: ProcessedPackets is both directions together.",
                "direction",
                {{{"to_target", &TargetCounters::packets_to_target},
                  {"to_client", &TargetCounters::packets_to_client}}}},
    TargetParts{"spillway_target_processed_bytes_total",
                "Bytes of the target's flows, with IP and TCP headers: ProcessedBytes is both "
                "directions together.",
                "direction",
                {{{"to_target", &TargetCounters::bytes_to_target},
                  {"to_client", &TargetCounters::bytes_to_client}}}},
    TargetParts{"spillway_target_resets_total",
                "Connections reset by the client, by the target or by Spillway: "
                "TCP_Client_Reset_Count, TCP_Target_Reset_Count, TCP_ELB_Reset_Count.",
                "by",
                {{{"client", &TargetCounters::client_resets},
                  {"target", &TargetCounters::target_resets},
                  {"elb", &TargetCounters::elb_resets}}}},
    TargetParts{"spillway_target_handshakes_total",
                "How openings of TCP connections ended: answered by a SYN-ACK (RequestCount), or "
                "failed by a reset or silence (BackendConnectionErrors).",
                "result",
                {{{"answered", &TargetCounters::handshakes_answered},
                  {"failed", &TargetCounters::handshakes_failed}}}},
    TargetParts{"spillway_target_picked_up_flows_total",
                "Of the new flows: those taken over in mid-stream, as after a restart.",
                nullptr,
                {{{nullptr, &TargetCounters::picked_up_flows}}}},
    TargetParts{"spillway_target_port_allocation_errors_total",
                "full_nat: new flows refused because every local port towards the target was "
                "taken: PortAllocationErrorCount. Give the group more local addresses.",
                nullptr,
                {{{nullptr, &TargetCounters::port_allocation_errors}}}},
    TargetParts{"spillway_target_unhealthy_routing_flows_total",
                "Of the new flows: those sent while the group failed open, that is, to whoever was "
                "there: UnhealthyRoutingFlowCount.",
                nullptr,
                {{{nullptr, &TargetCounters::unhealthy_routing_flows}}}},
};

void add_target_counters(Families& families, const SegmentView& view) {
  for (const TargetParts& one : target_counters) {
    Family family = families.counter(one.name, one.help);
    each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
      for (const auto& [value, figure] : one.parts) {
        if (figure == nullptr) break;
        Labels labels = labels_of(record);
        if (one.label != nullptr) labels = with(std::move(labels), one.label, value);
        family.add(std::move(labels), total(view, record.id, figure));
      }
    });
  }
}

void add_target_states(Families& families, const SegmentView& view) {
  constexpr std::array states{
      TargetState::Initial,           TargetState::Healthy,  TargetState::Unhealthy,
      TargetState::UnhealthyDraining, TargetState::Draining, TargetState::Unused,
      TargetState::Unavailable,
  };
  Family state = families.gauge(
      "spillway_target_state",
      "1 for the state that the target is in, 0 for all others; the states are those of "
      "Elastic Load Balancing.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    for (const TargetState each : states) {
      state.add(with(labels_of(record), "state", to_string(each)), record.state == each);
    }
  });
  Family reason = families.gauge(
      "spillway_target_state_reason",
      "Always 1; its label says why the target is not healthy (TargetHealth.Reason). Absent if "
      "there is nothing to say.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    if (record.reason == dataplane::TargetReason::None) return;
    reason.add(with(labels_of(record), "reason", to_string(record.reason)), true);
  });
}

struct TargetGauge {
  const char* name;
  const char* help;
  double (*value)(const TargetRecord&);
};

constexpr std::array target_gauges{
    TargetGauge{"spillway_target_takes_new_flows",
                "1 if new flows may be given to the target. A healthy target may be kept from them "
                "by its zone; an unhealthy one gets them while its group fails open.",
                [](const TargetRecord& record) { return record.takes_new_flows ? 1.0 : 0.0; }},
    TargetGauge{"spillway_target_weight", "The target's weight as it counts now.",
                [](const TargetRecord& record) { return double{1} * record.weight; }},
    TargetGauge{"spillway_target_state_since_timestamp_seconds",
                "Since when the target is in its state, in Unix time.",
                [](const TargetRecord& record) {
                  return static_cast<double>(record.since_unix_milliseconds) / 1000;
                }},
};

void add_listener_flows(const SegmentView& view, Family family, Counter ListenerCounters::*all,
                        Counter ListenerCounters::*udp) {
  using dataplane::Protocols;
  each_used(view.control->listeners, [&](std::uint16_t slot, const ListenerRecord& record) {
    const std::uint64_t flows = total(view, ListenerId{slot}, record.incarnation, all);
    const Protocols protocols = Protocols::from_number(record.protocol);
    if (record.protocol != Protocols::tcp_udp().number()) {
      family.add(with(labels_of(record), "protocol", to_string(protocols)), flows);
      return;
    }
    const std::uint64_t of_udp = total(view, ListenerId{slot}, record.incarnation, udp);
    family.add(with(labels_of(record), "protocol", "tcp"), flows > of_udp ? flows - of_udp : 0);
    family.add(with(labels_of(record), "protocol", "udp"), of_udp);
  });
}

/// What a measure is called, what it tells, and the values that its buckets are for.
struct MeasureText {
  report::Measure measure;
  const char* of_listener;
  const char* of_target;
  const char* help;
  double scale;
  std::uint64_t first;
  std::uint64_t last;
};

using dataplane::FlowHistograms;
constexpr std::uint64_t two_to(unsigned power) { return std::uint64_t{1} << power; }

const std::array measures{
    MeasureText{&FlowHistograms::connect, "spillway_listener_connect_seconds",
                "spillway_target_connect_seconds",
                "Time from the client's first SYN, sent on to the target, to the target's SYN-ACK: "
                "Latency of a TCP listener.",
                1e-9, two_to(14), two_to(36)},
    MeasureText{&FlowHistograms::response, "spillway_listener_response_seconds",
                "spillway_target_response_seconds",
                "Time from a request's first data to the answer's first data.", 1e-9, two_to(14),
                two_to(36)},
    MeasureText{&FlowHistograms::queue, "spillway_listener_queue_seconds",
                "spillway_target_queue_seconds",
                "Time that new connections waited in the surge queue, of those that got a target.",
                1e-9, two_to(20), two_to(36)},
    MeasureText{&FlowHistograms::duration, "spillway_listener_flow_duration_seconds",
                "spillway_target_flow_duration_seconds",
                "Life of flows that have ended, from their first packet to their last.", 1e-6,
                two_to(10), two_to(36)},
    MeasureText{&FlowHistograms::bytes, "spillway_listener_flow_bytes",
                "spillway_target_flow_bytes",
                "Bytes of flows that have ended, both directions, with headers.", 1, two_to(10),
                two_to(36)},
};

}  // namespace

std::string endpoint_of(std::string_view address, std::uint16_t port) {
  const bool ipv6 = address.find(':') != std::string_view::npos;
  const std::string host = ipv6 ? fmt::format("[{}]", address) : std::string(address);
  return port == 0 ? host : fmt::format("{}:{}", host, port);
}

Labels labels_of(const ListenerRecord& record) { return with({}, "listener", record.name.view()); }

Labels labels_of(const TargetRecord& record) {
  Labels labels = with({}, "target_group", record.target_group.view());
  labels = with(std::move(labels), "target", endpoint_of(record.address.view(), record.port));
  return with(std::move(labels), "zone", record.zone.view());
}

void add_listeners(Families& families, const SegmentView& view) {
  Family info = families.gauge("spillway_listener_info",
                               "Always 1; its labels say what the listener listens on.");
  each_used(view.control->listeners, [&](std::uint16_t, const ListenerRecord& record) {
    Labels labels = with(labels_of(record), "address", record.address.view());
    const std::string ports = record.port == record.port_last
                                  ? fmt::format("{}", record.port)
                                  : fmt::format("{}-{}", record.port, record.port_last);
    labels = with(std::move(labels), "port", ports);
    info.add(with(std::move(labels), "protocol",
                  to_string(dataplane::Protocols::from_number(record.protocol))),
             true);
  });
  add_listener_flows(view,
                     families.counter("spillway_listener_new_flows_total",
                                      "Flows that were started by the listener's clients and got a "
                                      "target: NewFlowCount, NewFlowCount_TCP, NewFlowCount_UDP."),
                     &ListenerCounters::new_flows, &ListenerCounters::new_flows_udp);
  add_listener_flows(view,
                     families.gauge("spillway_listener_active_flows",
                                    "Flows of the listener now: ActiveFlowCount, "
                                    "ActiveFlowCount_TCP, ActiveFlowCount_UDP."),
                     &ListenerCounters::active_flows, &ListenerCounters::active_flows_udp);
  add_listener_flows(
      view,
      families.counter(
          "spillway_listener_rejected_flows_total",
          "New flows that were refused: no target, flow table full, above the rate, no local port, "
          "spilled over, waited too long: RejectedFlowCount, RejectedFlowCount_TCP. Which of them: "
          "spillway_verdict_packets_total."),
      &ListenerCounters::rejected_flows, &ListenerCounters::rejected_flows_udp);
}

void add_targets(Families& families, const SegmentView& view) {
  add_target_states(families, view);
  add_target_counters(families, view);
  Family active = families.gauge("spillway_target_active_flows",
                                 "Flows that the target has now: ActiveFlowCount.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    active.add(labels_of(record), total(view, record.id, &TargetCounters::active_flows));
  });
  for (const TargetGauge& one : target_gauges) {
    Family family = families.gauge(one.name, one.help);
    each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
      family.add(labels_of(record), one.value(record));
    });
  }
  Family drain = families.gauge("spillway_target_drain_ends_timestamp_seconds",
                                "When a draining target's deregistration_delay is over, in Unix "
                                "time. Absent if it does not drain.");
  each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
    if (record.drain_ends_unix_milliseconds == 0) return;
    drain.add(labels_of(record), static_cast<double>(record.drain_ends_unix_milliseconds) / 1000);
  });
}

void add_histograms(Families& families, const SegmentView& view, const HistogramChoice& choice) {
  for (const MeasureText& one : measures) {
    const Buckets buckets(one.first, one.last, choice.buckets_per_power);
    if (choice.listeners) {
      Family family = families.histogram(one.of_listener, one.help);
      each_used(view.control->listeners, [&](std::uint16_t slot, const ListenerRecord& record) {
        const auto sum = report::histogram(view, ListenerId{slot}, record.incarnation, one.measure);
        if (sum) family.add(labels_of(record), *sum, buckets, one.scale);
      });
    }
    if (choice.targets) {
      Family family = families.histogram(one.of_target, one.help);
      each_used(view.control->targets, [&](std::uint16_t, const TargetRecord& record) {
        const auto sum = report::histogram(view, record.id, one.measure);
        if (sum) family.add(labels_of(record), *sum, buckets, one.scale);
      });
    }
  }
}

}  // namespace tools::exporter
