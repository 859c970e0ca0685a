#include "config/config.h"

#include <algorithm>

namespace config {

bool carries_ipv6(const std::vector<dataplane::IpPrefix>& addresses,
                  const std::vector<dataplane::IpAddress>& gateways) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [](const dataplane::IpPrefix& prefix) { return !prefix.address.is_v4(); }) ||
         std::any_of(gateways.begin(), gateways.end(),
                     [](const dataplane::IpAddress& gateway) { return !gateway.is_v4(); });
}

bool passive_by_default(const TargetGroup& group) {
  return group.protocol == dataplane::Protocol::Tcp && group.health_check.enabled &&
         group.stickiness.type == dataplane::Stickiness::None;
}

std::vector<WeightedGroup> groups_of(const Listener& listener) {
  if (!listener.target_groups.empty()) return listener.target_groups;
  return {{.name = listener.target_group, .line = listener.line}};
}

bool leads_to(const Listener& listener, std::string_view target_group) {
  if (listener.target_groups.empty()) return listener.target_group == target_group;
  return std::any_of(listener.target_groups.begin(), listener.target_groups.end(),
                     [target_group](const WeightedGroup& one) { return one.name == target_group; });
}

std::uint32_t ipv6_capacity(const Config& config) {
  if (config.flows.capacity_ipv6) return *config.flows.capacity_ipv6;
  const bool used = std::any_of(config.listeners.begin(), config.listeners.end(),
                                [](const Listener& listener) { return !listener.address.is_v4(); });
  return used ? config.flows.capacity : 0;
}

}  // namespace config
