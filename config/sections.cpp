#include "config/sections.h"

#include "config/ranges.h"

namespace config {
namespace {

using dataplane::Algorithm;
using dataplane::Mode;
using dataplane::Overload;
using dataplane::Protocol;
using dataplane::UnknownFlow;

const Text name_rule{"a name", "\"web\""};

std::string port_text(std::uint16_t port) { return port == 0 ? "\"same\"" : std::to_string(port); }

/// 1 to 65535, or "same" (0): the port that the client asked for.
struct GroupPort {
  [[nodiscard]] std::string text(std::uint16_t port) const { return port_text(port); }
  [[nodiscard]] std::string allowed() const { return "1 to 65535, or \"same\""; }
  [[nodiscard]] std::string example() const { return "8080"; }
  [[nodiscard]] std::optional<std::int64_t> operator()(const Value& value) const {
    if (value.type() == libconfig::Setting::TypeString) {
      if (*value.string(allowed(), "") == "same") return 0;
      value.complain("is neither a number nor \"same\"", allowed(), value.number_remedy(example()));
      return std::nullopt;
    }
    const auto port = value.integer(allowed(), example());
    if (!port || (*port >= 1 && *port <= 65'535)) return port;
    value.complain("is out of range", allowed(),
                   "Write a number like 8080, or \"same\" for the port that the client asked for.");
    return std::nullopt;
  }
};

/// A target's own; 0 ("same") only as its group's.
struct TargetPort : Whole {
  [[nodiscard]] std::string text(std::uint16_t port) const { return port_text(port); }
};

DeregistrationDelay read_deregistration_delay(const Value& value, DeregistrationDelay delay) {
  Group group{value};
  std::int64_t timeout = delay.timeout.count();
  group.read("timeout", timeout, Whole{0, 3600, timeout});
  delay.timeout = seconds{timeout};
  group.read("connection_termination", delay.connection_termination, Flag{});
  group.finish();
  return delay;
}

Stickiness read_stickiness(const Value& value) {
  Stickiness stickiness;
  Group group{value};
  using Type = dataplane::Stickiness;
  group.require("type", stickiness.type,
                OneOf<Type>{{{"source_ip", Type::SourceIp},
                             {"source_ip_dest_ip", Type::SourceIpDestIp},
                             {"source_ip_dest_ip_proto", Type::SourceIpDestIpProto},
                             {"none", Type::None}}});
  std::int64_t timeout = stickiness.timeout.count();
  group.read("timeout", timeout, Whole{1, ranges::stickiness_seconds, timeout});
  stickiness.timeout = seconds{timeout};
  group.finish();
  return stickiness;
}

Unhealthy read_unhealthy(const Value& value, Unhealthy unhealthy) {
  Group group{value};
  group.read("connection_termination", unhealthy.connection_termination, Flag{});
  std::int64_t interval = unhealthy.draining_interval.count();
  group.read("draining_interval", interval, Whole{0, ranges::draining_interval_max, interval});
  unhealthy.draining_interval = seconds{interval};
  group.finish();
  return unhealthy;
}

bool read_passive_health_check(const Value& value, bool enabled) {
  Group group{value};
  group.read("enabled", enabled, Flag{});
  group.finish();
  return enabled;
}

/// 0 or 30 to 900 seconds.
struct SlowStart {
  [[nodiscard]] std::optional<seconds> operator()(const Value& value) const {
    const std::string allowed =
        fmt::format("0 (off), or {} to {} seconds", ranges::slow_start_min, ranges::slow_start_max);
    const auto number = value.integer(allowed, "60");
    if (!number) return std::nullopt;
    const bool good =
        *number == 0 || (*number >= ranges::slow_start_min && *number <= ranges::slow_start_max);
    if (good) return seconds{*number};
    value.complain("is out of range", allowed, "Change it, or leave it out: then it is off.");
    return std::nullopt;
  }
};

void read_targets(Group& group, TargetGroup& target_group) {
  const auto targets = group.find("targets");
  if (!targets) return;
  const auto elements = targets->elements("( { address = \"10.0.1.11\"; } )");
  if (!elements) return;
  for (const Value& one : *elements) {
    target_group.targets.push_back(read_target(one, target_group.port));
  }
}

}  // namespace

OneOf<dataplane::Protocols> protocols_rule() {
  return {{{"tcp", Protocol::Tcp},
           {"udp", Protocol::Udp},
           {"tcp_udp", dataplane::Protocols::tcp_udp()}}};
}

void read_workers(const Value& value, Config& config) {
  const std::string allowed =
      fmt::format("1 to {}, or a list of CPUs like [2, 3]", dataplane::workers_max);
  if (!value.setting().isArray() && !value.setting().isList()) {
    const auto workers = value.integer(allowed, "2");
    if (!workers) return;
    if (*workers >= 1 && *workers <= std::int64_t{dataplane::workers_max}) {
      config.workers = static_cast<std::uint32_t>(*workers);
      return;
    }
    value.complain("is out of range", allowed, "Change it, or leave it out for one worker.");
    return;
  }
  const auto cpus = ListOf<Whole>{Whole{0, ranges::cpu_max, 2, false}}(value);
  if (!cpus) return;
  if (cpus->empty() || cpus->size() > dataplane::workers_max) {
    value.complain(cpus->empty() ? "is empty" : fmt::format("has {} elements", cpus->size()),
                   allowed, "Name one CPU for each worker.");
    return;
  }
  for (const std::int64_t cpu : *cpus) config.worker_cpus.push_back(static_cast<int>(cpu));
  config.workers = static_cast<std::uint32_t>(cpus->size());
}

Eal read_eal(const Value& value) {
  Eal eal;
  eal.line = value.line();
  Group group{value};
  group.read("hugepages", eal.hugepages,
             OneOf<Hugepages>{
                 {{"auto", Hugepages::Automatic}, {"on", Hugepages::On}, {"off", Hugepages::Off}}});
  group.read("memory_megabytes", eal.memory_megabytes, Whole{0, ranges::memory_megabytes_max, 0});
  group.read("pci", eal.pci, Flag{});
  group.finish();
  return eal;
}

Flows read_flows(const Value& value) {
  Flows flows;
  Group group{value};
  group.read("capacity", flows.capacity,
             Whole{ranges::flows_min, ranges::flows_max, flows.capacity});
  group.read("capacity_ipv6", flows.capacity_ipv6, Whole{0, ranges::flows_max, flows.capacity});
  group.read("new_per_second", flows.new_per_second,
             Whole{0, ranges::new_flows_max, flows.new_per_second});
  const auto timeout = [&group](const char* key, milliseconds& duration) {
    group.read(key, duration, Duration{milliseconds{100}, milliseconds{3'600'000}, duration});
  };
  timeout("half_open_timeout", flows.half_open_timeout);
  timeout("half_closed_timeout", flows.half_closed_timeout);
  timeout("closing_timeout", flows.closing_timeout);
  timeout("reset_timeout", flows.reset_timeout);
  group.finish();
  return flows;
}

Sticky read_sticky(const Value& value) {
  Sticky sticky;
  Group group{value};
  group.read("capacity", sticky.capacity,
             Whole{ranges::sticky_min, ranges::sticky_max, sticky.capacity});
  group.finish();
  return sticky;
}

Port read_port(const Value& value) {
  Port port;
  port.line = value.line();
  Group group{value};
  group.require("name", port.name, Text{"a name", "\"front\""});
  group.require("device", port.device,
                Text{"a PCI address like \"0000:3b:00.0\" or a DPDK device like "
                     "\"net_af_xdp0,iface=veth0\"",
                     "\"0000:3b:00.0\""});
  group.read("addresses", port.addresses, ListOf<Prefix>{});
  group.read("gateways", port.gateways, ListOf<Address>{{"\"198.51.100.1\""}});
  group.read("local_addresses", port.local_addresses, ListOf<Address>{{"\"10.0.1.200\""}});
  group.read("vlan", port.vlan, Whole{0, 4094, 0});
  group.read("mtu", port.mtu, Whole{576, 9000, port.mtu});
  group.read("queue_descriptors", port.queue_descriptors,
             Whole{ranges::descriptors_min, ranges::descriptors_max, port.queue_descriptors});
  dataplane::MacAddress mac;
  if (group.read("mac", mac, Mac{})) port.mac = mac;
  group.read("steering", port.steering,
             OneOf<WantedSteering>{{{"auto", WantedSteering::Automatic},
                                    {"hand_off", WantedSteering::HandOff},
                                    {"rss", WantedSteering::Rss}}});
  group.read("kernel_path", port.kernel_path, Flag{});
  group.read("promiscuous", port.promiscuous, Flag{});
  group.finish();
  return port;
}

Neighbour read_neighbour(const Value& value) {
  Neighbour neighbour;
  neighbour.line = value.line();
  Group group{value};
  group.require("port", neighbour.port, Text{"the name of a port", "\"front\""});
  group.require("address", neighbour.address, Address{});
  group.require("mac", neighbour.mac, Mac{});
  group.finish();
  return neighbour;
}

Target read_target(const Value& value, std::uint16_t port) {
  Target target;
  target.line = value.line();
  target.port = port;
  Group group{value};
  group.require("address", target.address, Address{"\"10.0.1.11\""});
  group.read("port", target.port, TargetPort{{1, 65'535, port == 0 ? 8080 : port, port != 0}});
  group.read("weight", target.weight, Whole{0, ranges::weight_max, 1});
  group.read("zone", target.zone, Text{"a name", "\"a\""});
  read_limits(group, target);
  group.finish();
  return target;
}

TargetGroup read_target_group(const Value& value) {
  TargetGroup target_group;
  target_group.line = value.line();
  Group group{value};
  group.require("name", target_group.name, name_rule);
  group.read("protocol", target_group.protocol, protocols_rule());
  group.require("port", target_group.port, GroupPort{});
  group.read("mode", target_group.mode,
             OneOf<Mode>{{{"nat", Mode::Nat}, {"full_nat", Mode::FullNat}}});
  group.read("algorithm", target_group.algorithm,
             OneOf<Algorithm>{{{"round_robin", Algorithm::RoundRobin},
                               {"weighted_round_robin", Algorithm::WeightedRoundRobin},
                               {"maglev", Algorithm::Maglev},
                               {"source_ip", Algorithm::SourceIp},
                               {"least_connections", Algorithm::LeastConnections}}});
  group.read("maglev_table_size", target_group.maglev_table_size,
             Whole{ranges::maglev_size_min, dataplane::MaglevTable::size_max,
                   dataplane::MaglevTable::size_default});
  const bool can_pick_up =
      target_group.mode == Mode::Nat && dataplane::is_consistent(target_group.algorithm);
  target_group.unknown_flow = can_pick_up ? UnknownFlow::PickUp : UnknownFlow::Reset;
  group.read("unknown_flow", target_group.unknown_flow,
             OneOf<UnknownFlow>{{{"pick_up", UnknownFlow::PickUp}, {"reset", UnknownFlow::Reset}}});
  group.read("overload", target_group.overload,
             OneOf<Overload>{{{"refuse", Overload::Refuse}, {"forward", Overload::Forward}}});
  if (const auto stickiness = group.find("stickiness")) {
    target_group.stickiness = read_stickiness(*stickiness);
  }
  // As ELB has it for new target groups.
  target_group.deregistration_delay.connection_termination =
      target_group.protocol.has(Protocol::Udp);
  if (const auto delay = group.find("deregistration_delay")) {
    target_group.deregistration_delay =
        read_deregistration_delay(*delay, target_group.deregistration_delay);
  }
  target_group.unhealthy.connection_termination = target_group.protocol == Protocol::Tcp;
  if (const auto unhealthy = group.find("unhealthy")) {
    target_group.unhealthy = read_unhealthy(*unhealthy, target_group.unhealthy);
  }
  target_group.routing = read_routing(group);
  group.read("slow_start", target_group.slow_start, SlowStart{});
  read_limits(group, target_group);
  if (const auto check = group.find("health_check")) {
    target_group.health_check = read_health_check(*check);
  }
  target_group.passive_health_check = passive_by_default(target_group);
  if (const auto passive = group.find("passive_health_check")) {
    target_group.passive_health_check =
        read_passive_health_check(*passive, target_group.passive_health_check);
  }
  read_targets(group, target_group);
  group.finish();
  return target_group;
}

}  // namespace config
