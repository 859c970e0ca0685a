#include "config/config.h"

#include <algorithm>

#include "config/ranges.h"

namespace config {

bool has_limit(const TargetGroup& group) {
  return group.max_connections != 0 ||
         std::any_of(group.targets.begin(), group.targets.end(),
                     [](const Target& target) { return target.max_connections != 0; });
}

std::uint32_t surge_length(const TargetGroup& group) {
  if (!group.protocol.has(dataplane::Protocol::Tcp)) return 0;
  return group.surge_queue.length.value_or(has_limit(group) ? surge_length_default : 0);
}

std::uint32_t surge_capacity(const Config& config) {
  if (config.surge_queues.capacity) return *config.surge_queues.capacity;
  std::uint64_t sum = 0;
  for (const TargetGroup& group : config.target_groups) sum += surge_length(group);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      sum, surge_length_default, static_cast<std::uint64_t>(ranges::surge_capacity_max)));
}

bool carries_ipv6(const std::vector<dataplane::IpPrefix>& addresses,
                  const std::vector<dataplane::IpAddress>& gateways) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [](const dataplane::IpPrefix& prefix) { return !prefix.address.is_v4(); }) ||
         std::any_of(gateways.begin(), gateways.end(),
                     [](const dataplane::IpAddress& gateway) { return !gateway.is_v4(); });
}

bool passive_by_default(const TargetGroup& group) {
  return group.protocol.has(dataplane::Protocol::Tcp) && group.health_check.enabled &&
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
