#include "tools/bench/world.h"

#include <string>

namespace tools::bench {
namespace {

using dataplane::Protocol;

config::Port port(const char* name) {
  config::Port port;
  port.name = name;
  port.device = "memory";
  port.kernel_path = false;
  return port;
}

template <class Family>
void add_service(config::Config& config, const Terms& terms, Protocol protocol) {
  config::TargetGroup group;
  group.name = protocol == Protocol::Tcp ? "tcp" : "udp";
  group.protocol = protocol;
  group.port = target_port(protocol);
  group.mode = terms.mode;
  group.algorithm = terms.algorithm;
  group.maglev_table_size = terms.maglev_table_size;
  group.overload = terms.overload;
  group.stickiness.type = terms.stickiness;
  if (terms.overload == dataplane::Overload::Forward) {
    group.unknown_flow = dataplane::UnknownFlow::PickUp;
  }
  for (std::uint32_t number = 0; number < terms.targets; ++number) {
    config::Target target;
    target.address = Family::target(number);
    target.port = group.port;
    group.targets.push_back(target);
  }
  config.target_groups.push_back(group);
  config::Listener listener;
  listener.name = group.name;
  listener.address = Family::listener();
  listener.port = listener_port(protocol);
  listener.protocol = protocol;
  listener.target_group = group.name;
  if (protocol == Protocol::Udp) listener.idle_timeout = terms.udp_idle_timeout;
  config.listeners.push_back(listener);
}

/// Rules about strangers, all over the address space and nested, and one that lets everybody in: a
/// flow's rule is found when all others around it have been asked.
void add_rules(config::Config& config, std::uint32_t count) {
  if (count == 0) return;
  config::SecurityGroup group;
  group.name = "many";
  group.inbound.resize(count);
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    config::SecurityRule& rule = group.inbound[i];
    const dataplane::Ipv4Address stranger{dataplane::Be32{i * 2'654'435'769u}};
    rule.protocol = config::RuleChoice::Tcp;
    rule.port_first = rule.port_last = static_cast<std::uint16_t>(1'000 + i);
    rule.prefix = dataplane::IpPrefix{stranger, static_cast<std::uint8_t>(8 + i % 25)};
  }
  config.security_groups.push_back(group);
  config.balancer_security_groups = {group.name};
}

/// What control would have found out: MAC addresses, ids, and that every target is healthy.
config::Facts facts_of(const config::Config& config) {
  config::Facts facts;
  facts.ports = {{.mac = front_mac}, {.mac = back_mac}};
  facts.neighbours.push_back({front, config.ports[0].gateways.front(), router_mac});
  std::uint16_t listeners = 0, groups = 0, targets = 0;
  for (const config::Listener& listener : config.listeners) {
    facts.listeners.push_back({listener.name, dataplane::ListenerId{listeners++}, 1});
  }
  for (const config::TargetGroup& group : config.target_groups) {
    facts.target_groups.push_back({group.name, dataplane::TargetGroupId{groups++}});
    for (const config::Target& target : group.targets) {
      facts.targets.push_back({.id = {targets++, 1},
                               .target_group = group.name,
                               .address = target.address,
                               .port = target.port,
                               .weight = target.weight,
                               .availability = config::Availability::Serving});
      if (groups == 1) facts.neighbours.push_back({back, target.address, target_mac});
    }
  }
  return facts;
}

}  // namespace

std::string_view name_of(dataplane::Mode mode) {
  switch (mode) {
    case dataplane::Mode::Nat: return "nat";
    case dataplane::Mode::FullNat: break;
  }
  return "full_nat";
}

void World::compile() {
  ++facts.generation.number;
  snapshot = config::compile(config, facts, snapshot.get());
}

template <class Family>
World make_world(const Terms& terms) {
  World world;
  world.config.instance = "bench";
  world.config.workers = terms.workers;
  world.config.flows.new_per_second = terms.new_flows_per_second;
  world.config.flows.closing_timeout = terms.closing_timeout;
  config::Port clients = port("front"), targets = port("back");
  clients.addresses = {*dataplane::parse_prefix(Family::front_network)};
  clients.gateways = {Family::gateway()};
  targets.addresses = {*dataplane::parse_prefix(Family::back_network)};
  for (std::uint32_t number = 0; number < terms.locals; ++number) {
    targets.local_addresses.push_back(Family::local(number));
  }
  world.config.ports = {clients, targets};
  add_service<Family>(world.config, terms, Protocol::Tcp);
  add_service<Family>(world.config, terms, Protocol::Udp);
  add_rules(world.config, terms.rules);
  world.facts = facts_of(world.config);
  world.compile();
  return world;
}

template World make_world<Ipv4>(const Terms& terms);
template World make_world<Ipv6>(const Terms& terms);

}  // namespace tools::bench
