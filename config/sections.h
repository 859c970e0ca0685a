// Sections: how each part of the file is read, key by key: one function a section, called by read()
// alone. What cannot be read leaves its default, with a complaint; lists keep one element for each
// of the file's, so that paths and indices agree.
#pragma once

#include "config/config.h"
#include "config/setting.h"

namespace config {

void read_workers(const Value& value, Config& config);
[[nodiscard]] Eal read_eal(const Value& value);
[[nodiscard]] Flows read_flows(const Value& value);
[[nodiscard]] Sticky read_sticky(const Value& value);
[[nodiscard]] SurgeQueues read_surge_queues(const Value& value);
[[nodiscard]] FlowLog read_flow_log(const Value& value);
[[nodiscard]] Port read_port(const Value& value);
[[nodiscard]] Neighbour read_neighbour(const Value& value);
/// `port`: of the target's group, which counts unless the target has its own; 0: not known.
[[nodiscard]] Target read_target(const Value& value, std::uint16_t port);
[[nodiscard]] TargetGroup read_target_group(const Value& value);
[[nodiscard]] HealthCheck read_health_check(const Value& value);
/// The keys of a target group that say which of its targets get new flows.
[[nodiscard]] RoutingRules read_routing(Group& group);
/// The keys of a target group about connection limits and its queue; before its targets are read.
void read_limits(Group& group, TargetGroup& target_group);
/// The same of a target.
void read_limits(Group& group, Target& target);
/// The balancer's own: zone and cross_zone.
[[nodiscard]] Zoning read_zoning(Group& file);
[[nodiscard]] SecurityGroup read_security_group(const Value& value);
[[nodiscard]] Listener read_listener(const Value& value);

/// "tcp", "udp" or "tcp_udp": of listeners and target groups.
[[nodiscard]] OneOf<dataplane::Protocols> protocols_rule();

}  // namespace config
