#include "config/reach.h"

#include <algorithm>

namespace config {

using dataplane::Ipv4Address;
using dataplane::Ipv4Prefix;

bool on_link(const Port& port, Ipv4Address address) {
  return std::any_of(port.addresses.begin(), port.addresses.end(),
                     [address](Ipv4Prefix prefix) { return prefix.contains(address); });
}

Ipv4Prefix network(Ipv4Prefix prefix) {
  prefix.address.bits = dataplane::Be32{prefix.address.bits.value() & prefix.mask()};
  return prefix;
}

Reach::Reach(const Config& config) : config_(config) {
  for (const Neighbour& neighbour : config.neighbours) {
    for (std::size_t i = 0; i < config.ports.size(); ++i) {
      if (config.ports[i].name == neighbour.port) neighbours_.emplace(neighbour.address, i);
    }
  }
}

bool Reach::has_neighbour(std::size_t port, Ipv4Address address) const {
  const auto found = neighbours_.find(address);
  return found != neighbours_.end() && found->second == port;
}

std::optional<std::size_t> Reach::port_towards(Ipv4Address address) const {
  std::optional<std::size_t> found;
  int longest = -1;
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    const Port& port = config_.ports[i];
    for (const Ipv4Prefix prefix : port.addresses) {
      if (!prefix.contains(address) || prefix.length <= longest) continue;
      found = i;
      longest = prefix.length;
    }
    if (longest < 0 && !port.gateways.empty() && !found) found = i;
  }
  const auto neighbour = neighbours_.find(address);
  if (neighbour != neighbours_.end() && longest < 32) return neighbour->second;
  return found;
}

}  // namespace config
