#include "tests/model/world.h"

#include <algorithm>
#include <iterator>

namespace tests {

using config::Availability;
using dataplane::Algorithm;
using dataplane::Mode;
using std::chrono::milliseconds;

World keeping(World world) {
  world.name += "_keeping_ports";
  world.keeps = true;
  return world;
}

World overloaded(World world, const std::string& name, std::uint32_t rate, std::uint32_t flows,
                 bool forward) {
  world.name += name;
  world.rate = rate;
  world.flows = flows;
  world.forward = forward;
  return world;
}

World sticky(World world) {
  world.name += "_sticky";
  world.sticky = true;
  return world;
}

World limited(World world) {
  world.name += "_limits";
  world.limits = true;
  return world;
}

World weighted(World world) {
  world.name += "_weighted";
  world.weighted = true;
  return world;
}

World zoned(World world) {
  world.name += "_zones";
  world.zones = true;
  return world;
}

namespace {

constexpr int usual_targets = 4;
constexpr int zoned_targets = 6;
constexpr const char* zones[] = {"a", "a", "b", "b", "c", ""};

// --- how it begins ---

void keep_ports(config::Config& config) {
  for (config::TargetGroup& group : config.target_groups) {
    group.port = 0;
    for (config::Target& target : group.targets) target.port = 0;
  }
  for (config::Listener& listener : config.listeners) {
    listener.port_last = static_cast<std::uint16_t>(listener.port + 2);
  }
}

void set_limits(config::Config& config) {
  for (config::TargetGroup& group : config.target_groups) {
    for (config::Target& target : group.targets) target.max_connections = 3;
    group.surge_queue = {.length = 4, .timeout = milliseconds(1500)};
  }
  config.target_groups[0].max_connections = 10;
  config.surge_queues.capacity = 6;
  config.icmp_error_rate = 1'000'000;
}

/// Of "web" three groups are made, two targets each, and one that stands by.
void split_groups(config::Config& config) {
  const config::TargetGroup all = config.target_groups[0];
  const auto part = [&](const char* name, std::size_t first) {
    config::TargetGroup group = all;
    group.name = name;
    const auto begin = all.targets.begin() + static_cast<std::ptrdiff_t>(first);
    group.targets.assign(begin, begin + 2);
    return group;
  };
  config.target_groups[0] = part("blue", 0);
  config.target_groups.push_back(part("green", 2));
  config.target_groups.push_back(part("red", 4));
  config.target_groups.push_back(part("far", 6));
  config.listeners[0].target_group = "";
  config.listeners[0].target_groups = {{.name = "blue", .weight = 70},
                                       {.name = "green", .weight = 25},
                                       {.name = "red", .weight = 5}};
}

void set_zones(config::Config& config) {
  config.zoning = {.zone = "a", .cross_zone = false};
  for (config::TargetGroup& group : config.target_groups) {
    for (std::size_t i = 0; i < group.targets.size(); ++i) group.targets[i].zone = zones[i];
  }
  config.target_groups[1].routing.cross_zone = config::CrossZone::On;
  config.target_groups[1].routing.zonal_affinity = config::ZonalAffinity{};
}

int targets_of(const World& world) {
  if (world.weighted) return 8;
  return world.zones ? zoned_targets : usual_targets;
}

// --- how it goes on ---

template <class Value, std::size_t size>
Value one_of(const Value (&usual)[size], Generator& generator) {
  return usual[generator.below(size)];
}

config::TargetFact& any_target(Rig& rig, Generator& generator) {
  return rig.facts.targets[generator.below(rig.facts.targets.size())];
}

void change_target(Rig& rig, Generator& generator) {
  static constexpr Availability usual[] = {Availability::Serving, Availability::Serving,
                                           Availability::FailOpen, Availability::Draining,
                                           Availability::Terminated};
  config::TargetFact& target = any_target(rig, generator);
  target.availability = one_of(usual, generator);
  target.resets_flows = target.availability == Availability::FailOpen && generator.below(2) == 0;
}

/// Nobody is ended by force: when such a flow's place is free depends on who has been told.
void change_limits(Rig& rig, Generator& generator) {
  static constexpr Availability availabilities[] = {Availability::Serving, Availability::Serving,
                                                    Availability::FailOpen, Availability::Draining};
  static constexpr std::uint32_t limits[] = {1, 2, 2, 3, 3, 4, 0};
  static constexpr std::uint32_t group_limits[] = {0, 4, 8, 10};
  static constexpr std::uint32_t lengths[] = {0, 2, 4, 4, 5};
  static constexpr int timeouts[] = {300, 1500, 4000};
  config::TargetGroup& group = rig.config.target_groups[generator.below(2)];
  switch (generator.below(5)) {
    case 0: any_target(rig, generator).availability = one_of(availabilities, generator); break;
    case 1: any_target(rig, generator).max_connections = one_of(limits, generator); break;
    case 2: group.max_connections = one_of(group_limits, generator); break;
    case 3: group.surge_queue.length = one_of(lengths, generator); break;
    default:
      group.surge_queue.timeout = milliseconds(one_of(timeouts, generator));
      group.spillover =
          generator.below(2) == 0 ? dataplane::Spillover::Reset : dataplane::Spillover::Silent;
  }
}

/// Places are given out at a target that is gone before anybody has taken them.
void tempt(Rig& rig, Generator& generator) {
  config::TargetFact& target = any_target(rig, generator);
  target.availability = Availability::Serving;
  target.max_connections += 2;
  rig.publish();
  target.availability = Availability::Draining;
  target.max_connections = 3;
}

void change_weights(Rig& rig, Generator& generator) {
  static constexpr std::uint16_t weights[] = {0, 1, 5, 25, 70, 70, 999};
  auto& groups = rig.config.listeners[0].target_groups;
  if (generator.below(3) == 0) {
    // green's clients go to far, or come back.
    std::string& standby = rig.facts.target_groups[2].standby;
    standby = standby.empty() ? "far" : "";
    return;
  }
  groups[generator.below(groups.size())].weight = one_of(weights, generator);
  const bool nobody = std::all_of(groups.begin(), groups.end(),
                                  [](const auto& group) { return group.weight == 0; });
  if (nobody) groups[0].weight = 1;
}

void change_zones(Rig& rig, Generator& generator) {
  static constexpr const char* names[] = {"a", "b", "c"};
  static constexpr std::uint32_t percentages[] = {0, 0, 34, 50, 100};
  config::TargetGroup& group = rig.config.target_groups[generator.below(2)];
  config::HealthyTargets& wanted = group.routing.target_group_health.unhealthy_state_routing;
  switch (generator.below(6)) {
    case 0: {
      const std::string zone = one_of(names, generator);
      auto& shifted = rig.facts.shifted_zones;
      if (std::erase(shifted, zone) == 0) shifted.push_back(zone);
      break;
    }
    case 1: rig.config.zoning.cross_zone = !rig.config.zoning.cross_zone; break;
    case 2: rig.facts.target_groups[generator.below(2)].spills = generator.below(2) == 0; break;
    case 3: any_target(rig, generator).weight = generator.below(3) == 0 ? 0 : 1; break;
    case 4: rig.config.zoning.zone = generator.below(4) == 0 ? "" : one_of(names, generator); break;
    default:
      wanted.count = static_cast<std::uint32_t>(1 + generator.below(3));
      wanted.percentage = one_of(percentages, generator);
  }
}

}  // namespace

config::Config config_of(const World& world) {
  config::Config config =
      standard_config(targets_of(world), world.mode, world.algorithm, world.family);
  for (config::TargetGroup& group : config.target_groups) {
    group.unknown_flow =
        world.forward ? dataplane::UnknownFlow::PickUp : dataplane::UnknownFlow::Reset;
    group.overload = world.forward ? dataplane::Overload::Forward : dataplane::Overload::Refuse;
    if (world.sticky) group.stickiness.type = dataplane::Stickiness::SourceIp;
  }
  config.flows.new_per_second = world.rate;
  if (world.keeps) keep_ports(config);
  if (world.limits) set_limits(config);
  if (world.weighted) split_groups(config);
  if (world.zones) set_zones(config);
  config::Listener other = config.listeners[0];
  other.name = "web-2";
  other.port = 81;
  other.port_last = 0;
  // nat, and a target that we cannot foresee: a client's two connections to one target would
  // collide unpredictably.
  const bool foreseen =
      world.algorithm == Algorithm::RoundRobin && !world.limits && !world.weighted;
  if (world.mode == Mode::FullNat || foreseen) config.listeners.push_back(other);
  return config;
}

config::Facts facts_of(const World& world, const config::Config& config) {
  config::Facts facts = world.rss ? facts_with_rss(config, world.workers) : standard_facts(config);
  std::size_t i = 0;
  for (const config::TargetGroup& group : config.target_groups) {
    for (const config::Target& target : group.targets) facts.targets[i++].zone = target.zone;
  }
  return facts;
}

bool change(const World& world, Rig& rig, Generator& generator) {
  bool certain = true;
  if (world.limits && generator.below(4) == 0) {
    tempt(rig, generator);
    certain = false;
  } else if (world.limits && (!world.zones || generator.below(3) != 0)) {
    change_limits(rig, generator);
  } else if (world.weighted && generator.below(2) == 0) {
    change_weights(rig, generator);
  } else if (world.zones && (world.limits || generator.below(3) != 0)) {
    change_zones(rig, generator);
  } else {
    change_target(rig, generator);
  }
  rig.publish();
  return certain;
}

}  // namespace tests
