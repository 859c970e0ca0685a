#include "config/compile_parts.h"

#include <algorithm>
#include <cstddef>

#include "config/reach.h"

namespace config {

using dataplane::FixedTable;
using dataplane::IpAddress;
using dataplane::IpPrefix;
using dataplane::NextHop;
using dataplane::PortId;
using dataplane::Route;
using dataplane::Snapshot;

namespace {

std::vector<KnownNeighbour> configured_neighbours(const Config& config) {
  std::vector<KnownNeighbour> result;
  for (const Neighbour& neighbour : config.neighbours) {
    const auto port = std::find_if(config.ports.begin(), config.ports.end(),
                                   [&](const Port& p) { return p.name == neighbour.port; });
    CHECK(port != config.ports.end());
    result.push_back({port_id(static_cast<std::size_t>(port - config.ports.begin())),
                      neighbour.address, neighbour.mac});
  }
  return result;
}

NextHop hop_to(const KnownNeighbour& neighbour, const Snapshot& snapshot) {
  const dataplane::Port& port = snapshot.ports[neighbour.port.number];
  return dataplane::next_hop(port.id, neighbour.mac, port.mac, port.vlan, port.mtu,
                             neighbour.address.family());
}

/// 0.0.0.0/0 or ::/0.
IpPrefix everything(dataplane::Family family) {
  if (family == dataplane::Family::V4) return {dataplane::Ipv4Address{}, 0};
  return {dataplane::Ipv6Address{}, 0};
}

Route connected(const IpPrefix& prefix, PortId port) {
  return {.prefix = prefix.network(), .port = port, .on_link = true, .gateway = {}};
}

}  // namespace

std::vector<KnownNeighbour> all_neighbours(const Config& config, const Facts& facts) {
  std::vector<KnownNeighbour> result = configured_neighbours(config);
  const auto configured = static_cast<std::ptrdiff_t>(result.size());
  for (const NeighbourFact& fact : facts.neighbours) {
    CHECK(fact.port.number < config.ports.size());
    if (fact.mac.is_zero() || fact.mac.is_group()) continue;  // not resolved, or not one host's
    result.push_back({fact.port, fact.address, fact.mac});
  }
  std::stable_partition(result.begin() + configured, result.end(), [&](const KnownNeighbour& one) {
    return on_link(config.ports[one.port.number], one.address);
  });
  return result;
}

void compile_neighbours(const std::vector<KnownNeighbour>& neighbours, Snapshot& snapshot) {
  snapshot.neighbours = FixedTable<IpAddress, NextHop>(neighbours.size());
  for (const KnownNeighbour& neighbour : neighbours) {
    snapshot.neighbours.insert(neighbour.address, hop_to(neighbour, snapshot));
  }
}

// The same order as Reach's. Longest prefix first; among equals, the order of the file. A neighbour
// that the file names is reachable on its port even where no address of that port says so. Of the
// gateways only those whose MAC is known are routes, so a second one takes over when the first does
// not answer.
void compile_routes(const Config& config, const std::vector<KnownNeighbour>& neighbours,
                    Snapshot& snapshot) {
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    for (const IpPrefix& prefix : config.ports[i].addresses) {
      snapshot.routes.push_back(connected(prefix, port_id(i)));
    }
  }
  for (const KnownNeighbour& neighbour : configured_neighbours(config)) {
    if (on_link(config.ports[neighbour.port.number], neighbour.address)) continue;
    snapshot.routes.push_back(
        connected({neighbour.address, neighbour.address.width()}, neighbour.port));
  }
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    for (const IpAddress& gateway : config.ports[i].gateways) {
      // By port: two links may each have a router fe80::1.
      const auto known =
          std::find_if(neighbours.begin(), neighbours.end(), [&](const KnownNeighbour& one) {
            return one.port == port_id(i) && one.address == gateway;
          });
      if (known == neighbours.end()) continue;
      snapshot.routes.push_back({.prefix = everything(gateway.family()),
                                 .port = known->port,
                                 .on_link = false,
                                 .gateway = hop_to(*known, snapshot)});
    }
  }
  std::stable_sort(
      snapshot.routes.begin(), snapshot.routes.end(),
      [](const Route& a, const Route& b) { return a.prefix.length > b.prefix.length; });
}

}  // namespace config
