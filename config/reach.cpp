#include "config/reach.h"

#include <algorithm>

namespace config {

using dataplane::IpAddress;
using dataplane::IpPrefix;

bool is_link_local(const IpAddress& address) {
  return !address.is_v4() && address.v6().is_link_local();
}

bool on_link(const Port& port, const IpAddress& address) {
  if (is_link_local(address)) return true;
  return std::any_of(port.addresses.begin(), port.addresses.end(),
                     [&address](const IpPrefix& prefix) { return prefix.contains(address); });
}

Reach::Reach(const Config& config) : config_(config) {
  for (const Neighbour& neighbour : config.neighbours) {
    for (std::size_t i = 0; i < config.ports.size(); ++i) {
      if (config.ports[i].name == neighbour.port) neighbours_[neighbour.address].push_back(i);
    }
  }
}

bool Reach::has_neighbour(std::size_t port, const IpAddress& address) const {
  const auto found = neighbours_.find(address);
  return found != neighbours_.end() &&
         std::find(found->second.begin(), found->second.end(), port) != found->second.end();
}

std::optional<std::size_t> Reach::port_towards(const IpAddress& address) const {
  std::optional<std::size_t> found;
  int longest = -1;
  for (std::size_t i = 0; i < config_.ports.size(); ++i) {
    const Port& port = config_.ports[i];
    for (const IpPrefix& prefix : port.addresses) {
      if (!prefix.contains(address) || prefix.length <= longest) continue;
      found = i;
      longest = prefix.length;
    }
    const bool leads_out =
        std::any_of(port.gateways.begin(), port.gateways.end(),
                    [&](const IpAddress& gateway) { return gateway.family() == address.family(); });
    if (longest < 0 && leads_out && !found) found = i;
  }
  const auto neighbour = neighbours_.find(address);
  if (neighbour != neighbours_.end() && longest < address.width()) return neighbour->second.front();
  return found;
}

}  // namespace config
