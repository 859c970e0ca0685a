#include "config/config.h"

#include <algorithm>

namespace config {

std::uint32_t ipv6_capacity(const Config& config) {
  if (config.flows.capacity_ipv6) return *config.flows.capacity_ipv6;
  const bool used = std::any_of(config.listeners.begin(), config.listeners.end(),
                                [](const Listener& listener) { return !listener.address.is_v4(); });
  return used ? config.flows.capacity : 0;
}

}  // namespace config
