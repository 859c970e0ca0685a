#include "tools/report/documents.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "dataplane/packet/address.h"
#include "dataplane/table/target_state.h"
#include "tools/report/flow_figures.h"
#include "tools/report/flow_log.h"
#include "tools/report/group_documents.h"
#include "tools/report/traffic_document.h"

namespace report {
namespace {

using dataplane::Counter;
using dataplane::TargetCounters;
using dataplane::Totals;

template <class Block>
using Figures = std::pair<const char*, Counter Block::*>;

constexpr std::array worker_figures{
    Figures<Totals>{"received", &Totals::received},
    Figures<Totals>{"sent", &Totals::sent},
    Figures<Totals>{"unsent", &Totals::unsent},
    Figures<Totals>{"handed_off", &Totals::handed_off},
    Figures<Totals>{"hand_off_unsent", &Totals::hand_off_unsent},
    Figures<Totals>{"received_hand_off", &Totals::received_hand_off},
    Figures<Totals>{"wrong_core", &Totals::wrong_core},
    Figures<Totals>{"stateless", &Totals::stateless},
    Figures<Totals>{"punted", &Totals::punted},
    Figures<Totals>{"punt_unsent", &Totals::punt_unsent},
    Figures<Totals>{"from_kernel", &Totals::from_kernel},
    Figures<Totals>{"from_kernel_unsent", &Totals::from_kernel_unsent},
    Figures<Totals>{"originated", &Totals::originated},
    Figures<Totals>{"originated_unsent", &Totals::originated_unsent},
    Figures<Totals>{"flows_alive", &Totals::flows_alive},
    Figures<Totals>{"flows_inserted", &Totals::flows_inserted},
    Figures<Totals>{"flows_expired", &Totals::flows_expired},
    Figures<Totals>{"flows_removed", &Totals::flows_removed},
    Figures<Totals>{"flow_capacity", &Totals::flow_capacity},
    Figures<Totals>{"flows_alive_ipv6", &Totals::flows_alive_ipv6},
    Figures<Totals>{"flow_capacity_ipv6", &Totals::flow_capacity_ipv6},
    Figures<Totals>{"table_bytes", &Totals::table_bytes},
    Figures<Totals>{"blocked_inbound_icmp", &Totals::blocked_inbound_icmp},
    Figures<Totals>{"blocked_inbound_tcp", &Totals::blocked_inbound_tcp},
    Figures<Totals>{"blocked_inbound_udp", &Totals::blocked_inbound_udp},
    Figures<Totals>{"blocked_outbound_icmp", &Totals::blocked_outbound_icmp},
    Figures<Totals>{"blocked_outbound_tcp", &Totals::blocked_outbound_tcp},
    Figures<Totals>{"blocked_outbound_udp", &Totals::blocked_outbound_udp},
    Figures<Totals>{"flows_cut", &Totals::flows_cut},
    Figures<Totals>{"sticky_entries", &Totals::sticky_entries},
    Figures<Totals>{"sticky_capacity", &Totals::sticky_capacity},
    Figures<Totals>{"sticky_found", &Totals::sticky_found},
    Figures<Totals>{"sticky_evicted", &Totals::sticky_evicted},
    Figures<Totals>{"received_waiting", &Totals::received_waiting},
    Figures<Totals>{"surge_held", &Totals::surge_held},
    Figures<Totals>{"surge_capacity", &Totals::surge_capacity},
    Figures<Totals>{"polls", &Totals::polls},
    Figures<Totals>{"busy_polls", &Totals::busy_polls},
    Figures<Totals>{"busy_nanoseconds", &Totals::busy_nanoseconds},
    Figures<Totals>{"idle_nanoseconds", &Totals::idle_nanoseconds},
    Figures<Totals>{"flows_logged", &Totals::flows_logged},
    Figures<Totals>{"flow_log_dropped", &Totals::flow_log_dropped},
};

constexpr std::array target_figures{
    Figures<TargetCounters>{"new_flows", &TargetCounters::new_flows},
    Figures<TargetCounters>{"active_flows", &TargetCounters::active_flows},
    Figures<TargetCounters>{"packets_to_target", &TargetCounters::packets_to_target},
    Figures<TargetCounters>{"bytes_to_target", &TargetCounters::bytes_to_target},
    Figures<TargetCounters>{"packets_to_client", &TargetCounters::packets_to_client},
    Figures<TargetCounters>{"bytes_to_client", &TargetCounters::bytes_to_client},
    Figures<TargetCounters>{"client_resets", &TargetCounters::client_resets},
    Figures<TargetCounters>{"target_resets", &TargetCounters::target_resets},
    Figures<TargetCounters>{"elb_resets", &TargetCounters::elb_resets},
    Figures<TargetCounters>{"picked_up_flows", &TargetCounters::picked_up_flows},
    Figures<TargetCounters>{"port_allocation_errors", &TargetCounters::port_allocation_errors},
    Figures<TargetCounters>{"handshakes_answered", &TargetCounters::handshakes_answered},
    Figures<TargetCounters>{"handshakes_failed", &TargetCounters::handshakes_failed},
    Figures<TargetCounters>{"unhealthy_routing_flows", &TargetCounters::unhealthy_routing_flows},
    Figures<TargetCounters>{"over_flows", &TargetCounters::over_flows},
};

constexpr std::array listener_figures{
    Figures<dataplane::ListenerCounters>{"new_flows", &dataplane::ListenerCounters::new_flows},
    Figures<dataplane::ListenerCounters>{"active_flows",
                                         &dataplane::ListenerCounters::active_flows},
    Figures<dataplane::ListenerCounters>{"rejected_flows",
                                         &dataplane::ListenerCounters::rejected_flows},
    Figures<dataplane::ListenerCounters>{"spilled_flows",
                                         &dataplane::ListenerCounters::spilled_flows},
    Figures<dataplane::ListenerCounters>{"new_flows_udp",
                                         &dataplane::ListenerCounters::new_flows_udp},
    Figures<dataplane::ListenerCounters>{"active_flows_udp",
                                         &dataplane::ListenerCounters::active_flows_udp},
};

/// The verdicts of all `workers` together, those that happened.
Json verdicts_of(std::span<const dataplane::WorkerBlock> workers) {
  Json verdicts = Json::object();
  for (std::size_t i = 1; i < dataplane::verdict_count; ++i) {
    std::uint64_t sum = 0;
    for (const auto& worker : workers) sum += worker.verdicts[i].read();
    if (sum == 0) continue;
    verdicts[std::string(to_string(static_cast<dataplane::Verdict>(i)))] = sum;
  }
  return verdicts;
}

/// RejectedFlowCount of all listeners that there are.
std::uint64_t rejected_of(const SegmentView& view) {
  std::uint64_t sum = 0;
  for (std::size_t slot = 0; slot < view.control->listeners.size(); ++slot) {
    const auto record = view.control->listeners[slot].read();
    if (!record || !record->used) continue;
    sum += total(view, dataplane::ListenerId{static_cast<std::uint16_t>(slot)}, record->incarnation,
                 &dataplane::ListenerCounters::rejected_flows);
  }
  return sum;
}

/// One worker's figures, or several workers' sums; of the pages' sizes the smallest.
void add_figures(Json& document, const SegmentView& view) {
  document["generation"] = oldest_generation(view);
  for (const auto& [name, figure] : worker_figures) document[name] = total(view, figure);
  document["table_page_bytes"] = least(view, &Totals::table_page_bytes);
  document["rejected_flows"] = rejected_of(view);
  document["verdicts"] = verdicts_of(view.workers);
}

Json workers_of(const SegmentView& view) {
  Json workers = Json::array();
  for (std::size_t i = 0; i < view.workers.size(); ++i) {
    Json worker;
    worker["worker"] = i;
    add_figures(worker, {view.header, view.control, view.workers.subspan(i, 1)});
    workers.push_back(std::move(worker));
  }
  return workers;
}

/// By receive queue; null: the device does not tell them apart.
Json queue_drops(const dataplane::PortRecord& record) {
  if (!record.queue_drops_known) return {};
  Json drops = Json::array();
  const std::size_t queues =
      std::min<std::size_t>(record.receive_queues, record.dropped_by_queue.size());
  for (std::size_t queue = 0; queue < queues; ++queue) {
    drops.push_back(record.dropped_by_queue[queue]);
  }
  return drops;
}

Json port_document(const dataplane::PortRecord& record) {
  return {
      {"name", text(record.name)},
      {"device", text(record.device)},
      {"driver", text(record.driver)},
      {"mac", text(record.mac)},
      {"link_up", record.link_up},
      {"link_megabits", record.link_megabits},
      {"mtu", record.mtu},
      {"kernel_path", record.kernel_path},
      {"receive_queues", record.receive_queues},
      {"transmit_queues", record.transmit_queues},
      {"steering", text(record.steering)},
      {"received", record.received},
      {"sent", record.sent},
      {"received_bytes", record.received_bytes},
      {"sent_bytes", record.sent_bytes},
      {"missed", record.missed},
      {"no_buffer", record.no_buffer},
      {"errors", record.errors},
      {"send_errors", record.send_errors},
      {"dropped_by_queue", queue_drops(record)},
  };
}

std::size_t group_count(const dataplane::ListenerRecord& record) {
  return std::min<std::size_t>(record.group_count, record.groups.size());
}

Json groups_document(const dataplane::ListenerRecord& record) {
  Json groups = Json::array();
  for (std::size_t i = 0; i < group_count(record); ++i) {
    const dataplane::GroupShareRecord& group = record.groups[i];
    groups.push_back({{"name", text(group.name)}, {"weight", group.weight}});
  }
  return groups;
}

Json listener_document(const SegmentView& view, dataplane::ListenerId id,
                       const dataplane::ListenerRecord& record) {
  Json listener{
      {"name", text(record.name)},
      {"address", text(record.address)},
      {"port", record.port},
      {"port_last", record.port_last},
      {"protocol", to_string(dataplane::Protocols::from_number(record.protocol))},
      {"target_group", group_count(record) == 1 ? Json(text(record.groups[0].name)) : Json()},
      {"target_groups", groups_document(record)},
      {"idle_timeout", record.idle_seconds},
  };
  const bool tcp_udp = record.protocol == dataplane::Protocols::tcp_udp().number();
  if (tcp_udp) listener["udp_idle_timeout"] = record.udp_idle_seconds;
  for (const auto& [name, figure] : listener_figures) {
    listener[name] = total(view, id, record.incarnation, figure);
  }
  listener["histograms"] = flow_figures_document(view, id, record.incarnation);
  return listener;
}

/// Reads every used record of a table; `make(slot, record)` makes its element.
template <class Records, class Make>
void add_elements(Json& document, const char* name, const Records& records, Make make) {
  Json elements = Json::array();
  std::uint64_t unreadable = 0;
  for (std::size_t slot = 0; slot < records.size(); ++slot) {
    const auto record = records[slot].read();
    if (!record) {
      ++unreadable;
    } else if (record->used) {
      elements.push_back(make(static_cast<std::uint16_t>(slot), *record));
    }
  }
  document[name] = std::move(elements);
  if (unreadable != 0) document["unreadable"] = unreadable;
}

std::string endpoint(const dataplane::IpAddress& address, dataplane::Be16 port) {
  return with_port(address, port.value());
}

}  // namespace

dataplane::InstanceRecord instance_of(const SegmentView& view) {
  return view.control->instance.read().value_or(dataplane::InstanceRecord{});
}

Json version_document(const SegmentView& view) {
  const auto instance = instance_of(view);
  return {{"instance", text(instance.instance)},
          {"version", text(instance.version)},
          {"layout_version", view.header->version}};
}

Json status_document(const SegmentView& view, const Liveness& liveness,
                     std::uint64_t now_unix_milliseconds) {
  const auto instance = instance_of(view);
  const std::uint64_t until =
      liveness.running ? now_unix_milliseconds : view.header->heartbeat_unix_milliseconds.read();
  const std::uint64_t started = instance.started_unix_milliseconds;
  Json document{
      {"instance", text(instance.instance)},
      {"version", text(instance.version)},
      {"pid", view.header->pid},
      {"running", liveness.running},
      {"stale", liveness.stale},
      {"last_heartbeat", iso_time(view.header->heartbeat_unix_milliseconds.read())},
      {"stopped_cleanly", view.header->stopped.read() != 0},
      {"uptime_seconds", until > started ? (until - started) / 1000 : 0},
      {"generation", instance.generation},
      {"reloads", instance.reloads},
      {"reloads_refused", instance.reloads_refused},
      {"last_reload_error", text(instance.last_reload_error)},
      {"config_file", text(instance.config_file)},
      {"workers", workers_of(view)},
  };
  Json totals;
  add_figures(totals, view);
  const Json traffic = traffic_document(view.control->traffic);
  if (!traffic.is_null()) {  // what listeners that are gone have refused, too
    totals["rejected_flows"] = std::max(totals["rejected_flows"].get<std::uint64_t>(),
                                        traffic["rejected_flows"].get<std::uint64_t>());
  }
  document["totals"] = std::move(totals);
  document["traffic"] = traffic;
  document["zones"] = zones_of(view);
  document["flow_log"] = flow_log_document(view);
  add_elements(document, "ports", view.control->ports,
               [](std::uint16_t, const auto& record) { return port_document(record); });
  return document;
}

Json listeners_document(const SegmentView& view, const Liveness& liveness) {
  Json document{{"instance", text(instance_of(view).instance)}, {"stale", liveness.stale}};
  add_elements(document, "listeners", view.control->listeners,
               [&](std::uint16_t slot, const auto& record) {
                 return listener_document(view, dataplane::ListenerId{slot}, record);
               });
  return document;
}

Json targets_document(const SegmentView& view, const Liveness& liveness) {
  Json document{{"instance", text(instance_of(view).instance)}, {"stale", liveness.stale}};
  add_elements(document, "targets", view.control->targets,
               [&](std::uint16_t, const auto& record) { return target_document(view, record); });
  return document;
}

Json target_document(const SegmentView& view, const dataplane::TargetRecord& record) {
  Json target{
      {"target_group", text(record.target_group)},
      {"address", text(record.address)},
      {"port", record.port},
      {"weight", record.weight},
      {"configured_weight", record.configured_weight},
      {"weight_is_set", record.weight_is_set},
      {"slow_start_percent",
       record.slow_start_percent == 0 ? Json() : Json(record.slow_start_percent)},
      {"reported_percent", record.reports_weight ? Json(record.reported_percent) : Json()},
      {"zone", text(record.zone)},
      {"state", to_string(record.state)},
      {"reason", to_string(record.reason)},
      {"detail", text(record.detail)},
      {"since", iso_time(record.since_unix_milliseconds)},
      {"takes_new_flows", record.takes_new_flows},
      {"exclusion", to_string(record.exclusion)},
  };
  for (const auto& [name, figure] : target_figures) {
    target[name] = total(view, record.id, figure);
  }
  target["new_flows_udp"] = new_flows_udp(view, record.id);
  target["active_flows_udp"] = active_flows_udp(view, record.id);
  const UdpTraffic udp = udp_traffic(view, record);
  target["packets_to_target_udp"] = udp.packets_to_target;
  target["bytes_to_target_udp"] = udp.bytes_to_target;
  target["packets_to_client_udp"] = udp.packets_to_client;
  target["bytes_to_client_udp"] = udp.bytes_to_client;
  const auto connections_max = [](std::uint32_t limit) {
    return limit == 0 ? Json() : Json(limit);
  };
  target["max_connections"] = connections_max(record.max_connections);
  target["configured_max_connections"] = connections_max(record.configured_max_connections);
  // Each worker's two figures are of one moment or nearly: never less than none.
  const auto active = target["active_flows"].get<std::uint64_t>();
  target["connections"] = active - std::min(active, target["over_flows"].get<std::uint64_t>());
  const std::uint64_t ends = record.drain_ends_unix_milliseconds;
  target["drain_ends"] = ends == 0 ? Json() : Json(iso_time(ends));
  target["histograms"] = flow_figures_document(view, record.id);
  return target;
}

Json flow_document(const SegmentView& view, const dataplane::FlowRecord& record,
                   dataplane::WorkerId worker) {
  const dataplane::FlowKey<dataplane::IpAddress>& out = record.to_target;
  const dataplane::FlowKey<dataplane::IpAddress>& back = record.to_client;
  std::string listener;
  if (record.listener.slot < dataplane::listeners_max) {
    const auto found = view.control->listeners[record.listener.slot].read();
    if (found && found->used) listener = text(found->name);
  }
  const auto found = target(view, record.target);
  // full_nat: the target answers to one of our own addresses, not to the client's.
  const bool translated =
      back.destination != out.source || !(back.destination_port == out.source_port);
  return {
      {"protocol", to_string(out.protocol)},
      {"listener", listener},
      {"client", endpoint(out.source, out.source_port)},
      {"destination", endpoint(out.destination, out.destination_port)},
      {"local", translated ? Json(endpoint(back.destination, back.destination_port)) : Json()},
      {"target_group", found ? text(found->target_group) : std::string()},
      {"target", endpoint(back.source, back.source_port)},
      {"phase", to_string(record.phase)},
      {"packets_to_target", record.packets_to_target},
      {"bytes_to_target", record.bytes_to_target},
      {"packets_to_client", record.packets_to_client},
      {"bytes_to_client", record.bytes_to_client},
      {"idle_seconds", record.idle_milliseconds / 1000.0},
      {"age_seconds", static_cast<double>(record.age_milliseconds) / 1000.0},
      {"worker", worker.number},
  };
}

std::string iso_time(std::uint64_t unix_milliseconds) {
  const auto seconds = static_cast<std::time_t>(unix_milliseconds / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), unix_milliseconds % 1000);
}

std::uint64_t now_unix_milliseconds() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

}  // namespace report
