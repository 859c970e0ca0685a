#include "tools/replay/world.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "config/compile.h"
#include "config/reach.h"

namespace tools::replay {
namespace {

using dataplane::IpAddress;
using dataplane::MacAddress;

MacAddress made_up(std::uint8_t kind, std::size_t number) {
  return {{2, 0, 0, kind, static_cast<std::uint8_t>(number >> 8),
           static_cast<std::uint8_t>(number & 0xff)}};
}

/// MAC addresses for those next hops that the file gives none.
class Neighbours {
 public:
  Neighbours(const config::Config& config, config::Facts& facts)
      : config_(config), reach_(config), facts_(facts) {}

  void add(std::size_t port, const IpAddress& address) {
    if (reach_.has_neighbour(port, address) || !known_.emplace(port, address).second) return;
    facts_.neighbours.push_back(
        {dataplane::PortId{static_cast<std::uint8_t>(port)}, address, made_up(1, known_.size())});
  }
  /// Of a host that is behind one of the ports without a gateway between.
  void add_if_on_link(const IpAddress& address) {
    for (std::size_t port = 0; port < config_.ports.size(); ++port) {
      if (config::on_link(config_.ports[port], address)) return add(port, address);
    }
  }

 private:
  const config::Config& config_;
  config::Reach reach_;
  config::Facts& facts_;
  std::set<std::pair<std::size_t, IpAddress>> known_;
};

void add_ports(const config::Config& config, config::Facts& facts) {
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    facts.ports.push_back({.mac = config.ports[i].mac.value_or(made_up(0, i)),
                           .mtu = config.ports[i].mtu,
                           .kernel_path = config.ports[i].kernel_path});
  }
}

void add_targets(const config::Config& config, const std::set<IpAddress>& down,
                 config::Facts& facts, Neighbours& neighbours) {
  std::uint16_t slot = 0;
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const config::TargetGroup& group = config.target_groups[i];
    facts.target_groups.push_back(
        {group.name, dataplane::TargetGroupId{static_cast<std::uint16_t>(i)}});
    for (const config::Target& target : group.targets) {
      facts.targets.push_back({.id = {slot++, 1},
                               .target_group = group.name,
                               .address = target.address,
                               .port = target.port,
                               .weight = target.weight,
                               .zone = target.zone,
                               .availability = down.contains(target.address)
                                                   ? config::Availability::FailOpen
                                                   : config::Availability::Serving});
      neighbours.add_if_on_link(target.address);
    }
  }
}

}  // namespace

std::unique_ptr<World> make_world(config::Config config, const std::set<IpAddress>& down) {
  auto world = std::make_unique<World>();
  world->config = std::move(config);
  world->config.workers = 1;
  const config::Config& all = world->config;
  world->facts.generation = dataplane::Generation{1};
  add_ports(all, world->facts);
  Neighbours neighbours(all, world->facts);
  for (std::size_t i = 0; i < all.ports.size(); ++i) {
    for (const IpAddress& gateway : all.ports[i].gateways) neighbours.add(i, gateway);
  }
  for (std::size_t i = 0; i < all.listeners.size(); ++i) {
    world->facts.listeners.push_back(
        {all.listeners[i].name, dataplane::ListenerId{static_cast<std::uint16_t>(i)}, 1});
  }
  add_targets(all, down, world->facts, neighbours);
  world->snapshot = config::compile(all, world->facts, nullptr);
  world->names = explain::Names(all, world->facts);
  return world;
}

}  // namespace tools::replay
