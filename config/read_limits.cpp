// How the keys are read that say how many connections targets get, and who waits for one.
#include "config/ranges.h"
#include "config/sections.h"
#include "dataplane/table/surge_queue.h"

namespace config {
namespace {

constexpr auto length_max = static_cast<std::int64_t>(dataplane::SurgeQueue::length_max);

/// 0: no limit.
const Whole connections_rule{0, ranges::connections_max, 1000, false};

SurgeQueue read_surge_queue(const Value& value, SurgeQueue queue) {
  Group group{value};
  queue.length = surge_length_default;
  group.read("length", queue.length, Whole{0, length_max, surge_length_default});
  group.read("timeout", queue.timeout,
             Duration{ranges::surge_timeout_min, ranges::surge_timeout_max, queue.timeout});
  group.finish();
  return queue;
}

}  // namespace

SurgeQueues read_surge_queues(const Value& value) {
  SurgeQueues queues;
  Group group{value};
  group.read("capacity", queues.capacity,
             Whole{0, ranges::surge_capacity_max, surge_length_default, false});
  group.finish();
  return queues;
}

void read_limits(Group& group, TargetGroup& target_group) {
  group.read("max_connections", target_group.max_connections, connections_rule);
  if (const auto queue = group.find("surge_queue")) {
    target_group.surge_queue = read_surge_queue(*queue, target_group.surge_queue);
  }
  using dataplane::Spillover;
  group.read("spillover", target_group.spillover,
             OneOf<Spillover>{{{"reset", Spillover::Reset}, {"silent", Spillover::Silent}}});
}

void read_limits(Group& group, Target& target) {
  group.read("max_connections", target.max_connections, connections_rule);
}

}  // namespace config
