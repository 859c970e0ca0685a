#include "control/flow_loads.h"

#include <utility>

namespace control {

using dataplane::Algorithm;
using dataplane::Snapshot;
using dataplane::Target;
using dataplane::TargetGroup;

namespace {

bool counts(const Snapshot& snapshot, const Target& target) {
  const TargetGroup* group = snapshot.target_group(target.target_group);
  return group != nullptr && group->algorithm == Algorithm::LeastConnections;
}

/// A worker that has not met this incarnation of the slot has no flow of it.
std::uint64_t flows_of(const dataplane::Core& core, const Target& target) {
  const dataplane::TargetCounters& slot = core.counters.targets[target.id.slot];
  return slot.incarnation.read() == target.id.incarnation ? slot.active_flows.read() : 0;
}

}  // namespace

FlowLoads::FlowLoads(boost::asio::io_context& io, std::vector<dataplane::Core*> cores,
                     std::function<const Snapshot&()> newest)
    : cores_(std::move(cores)), newest_(std::move(newest)), timer_(io) {
  if (cores_.size() > 1) wait();
}

void FlowLoads::wait() {
  timer_.expires_after(interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    spread();
    wait();
  });
}

void FlowLoads::spread() {
  const Snapshot& snapshot = newest_();
  for (const Target& target : snapshot.targets) {
    if (!counts(snapshot, target)) continue;
    std::uint64_t sum = 0;
    for (const dataplane::Core* core : cores_) sum += flows_of(*core, target);
    for (dataplane::Core* core : cores_) {
      const std::uint64_t own = flows_of(*core, target);  // may have changed since
      core->turns.loads[target.id.slot].elsewhere.set(sum > own ? sum - own : 0);
    }
  }
}

}  // namespace control
