#include "tools/explain/trial.h"

#include <algorithm>
#include <utility>

#include "dataplane/path/expire.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/path.h"
#include "dataplane/path/steer.h"
#include "dataplane/path/surge.h"

namespace explain {
namespace {

using dataplane::Burst;
using dataplane::FlowKey;
using dataplane::IpAddress;
using dataplane::Verdict;

constexpr std::size_t sticky_clients = 65'536;
constexpr std::size_t room = 256;  // for a VLAN tag in front, or an ICMP error behind
// As a worker with something to do steps: often enough for the sweep's budget.
constexpr std::uint64_t step_nanoseconds = 10'000'000;

/// The part of `memory` from its first multiple of 64.
std::span<std::byte> aligned(std::span<std::byte> memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  return memory.subspan((64 - address % 64) % 64);
}

template <class Address>
void enter(dataplane::FlowTable<Address>& table, const dataplane::FlowRecord& flow,
           const dataplane::Listener& listener, dataplane::Core& core, dataplane::Instant at) {
  const auto to_target = dataplane::of_family<Address>(flow.to_target);
  const auto to_client = dataplane::of_family<Address>(flow.to_client);
  dataplane::FlowLedger<Address> flows(table, core.counters, core.places, {}, at);
  static_cast<void>(flows.start({.to_target = to_target,
                                 .to_client = to_client,
                                 .to_target_token = table.prehash(to_target),
                                 .to_client_token = table.prehash(to_client),
                                 .target = flow.target,
                                 .listener = &listener,
                                 .phase = flow.phase,
                                 .now = dataplane::Tick::of(at),
                                 .client_mac = flow.client_mac,
                                 .client_port = flow.client_port}));
}

/// The rules that were hit since they were taken last. Nobody else reads a trial's hits.
std::vector<dataplane::RuleId> take_hits(dataplane::WorkerBlock& block) {
  std::vector<dataplane::RuleId> rules;
  for (std::size_t slot = 0; slot < block.rule_hits.size(); ++slot) {
    if (block.rule_hits[slot].read() == 0) continue;
    block.rule_hits[slot].set(0);
    rules.push_back(dataplane::RuleId{static_cast<std::uint16_t>(slot)});
  }
  return rules;
}

bool finds_no_place(Verdict verdict) {
  switch (verdict) {
    case Verdict::Wait:
    case Verdict::DropWaiting:
    case Verdict::ReplyResetSpillover:
    case Verdict::ReplyProhibited:
    case Verdict::DropSpillover:
    case Verdict::ReplyResetQueueTimeout:
    case Verdict::DropQueueTimeout: return true;
    default: return false;
  }
}

/// Whose a known packet is: the path need not have written that down.
template <class Address>
void set_whose(Fate& fate, const dataplane::FlowTable<Address>& table, dataplane::FlowIndex index) {
  fate.listener = table[index].listener();
  fate.target = table[index].target;
}

}  // namespace

struct Trial::Frame {
  std::uint64_t number = 0;
  std::vector<std::uint8_t> arrived;
  std::vector<std::uint8_t> buffer;
  dataplane::PortId port;
  dataplane::Instant at;
};

Trial::Trial(const TrialOptions& options)
    : block_(std::make_unique<dataplane::WorkerBlock>()), burst_(std::make_unique<Burst>()) {
  const dataplane::FlowCapacity capacity{options.flows, options.flows};
  const std::size_t sticky_bytes = dataplane::StickyTable::bytes_needed(sticky_clients);
  memory_.resize(sticky_bytes + 64 + capacity.bytes() + 128);
  const std::span<std::byte> first = aligned(memory_);
  const dataplane::Seed seed{0x7265'706c'6179'2031, 0x7370'696c'6c77'6179};
  sticky_ =
      std::make_unique<dataplane::StickyTable>(first.first(sticky_bytes), sticky_clients, seed);
  gate_ = std::make_unique<dataplane::Gate>(1, options.surge_capacity);
  core_ = std::make_unique<dataplane::Core>(dataplane::WorkerId{0},
                                            aligned(first.subspan(sticky_bytes)), capacity, seed,
                                            options.owner_seed, *block_, *sticky_, *gate_);
}

Trial::~Trial() = default;

void Trial::assume_connections(dataplane::TargetId target, std::uint64_t connections) {
  dataplane::TargetCounters& counters = block_->targets[target.slot];
  counters.incarnation.set(target.incarnation);
  counters.active_flows.set(connections);
}

void Trial::assume_queue(dataplane::TargetGroupId group, std::size_t waiting) {
  gate_->queues.prepare(group);
  dataplane::SurgeQueue& queue = *gate_->queues.of(group);
  for (std::size_t i = 0; i < waiting; ++i) {
    if (!queue.enter(dataplane::SurgeQueue::length_max)) return;
  }
}

void Trial::assume_flow(const dataplane::FlowRecord& flow, const dataplane::Snapshot& snapshot,
                        dataplane::Instant at) {
  dataplane::enter_generation(*core_, snapshot);
  dataplane::Listener gone;  // its flows may outlive a listener
  gone.id = flow.listener;
  const dataplane::Listener* found = snapshot.listener(flow.listener);
  const dataplane::Listener& listener = found != nullptr ? *found : gone;
  if (flow.to_target.source.is_v4()) {
    enter(core_->flows4, flow, listener, *core_, at);
  } else {
    enter(core_->flows6, flow, listener, *core_, at);
  }
}

Fate Trial::run(const dataplane::Snapshot& snapshot, std::span<const std::uint8_t> frame,
                dataplane::PortId port, dataplane::Instant at) {
  auto arrived = std::make_unique<Frame>();
  arrived->number = ++frames_;
  arrived->arrived.assign(frame.begin(), frame.end());
  arrived->port = port;
  arrived->at = at;
  arrived->buffer.resize(2 * room + frame.size());
  std::copy(frame.begin(), frame.end(), arrived->buffer.begin() + room);

  dataplane::enter_generation(*core_, snapshot);
  Burst& burst = *burst_;
  burst.reset(at, 1);
  dataplane::Packet packet;
  packet.data = arrived->buffer.data() + room;
  packet.buffer = arrived.get();
  packet.length = static_cast<std::uint16_t>(frame.size());
  packet.headroom = room;
  packet.tailroom = room;
  packet.ingress = port;
  packet.handed_off = true;  // whoever owns it: that is the worker which this one plays
  burst.packets[0] = packet;
  const std::uint64_t sticky = core_->turns.sticky_found;
  dataplane::run(burst, snapshot, *core_);
  Fate fate = fate_of(0, snapshot);
  fate.sticky = core_->turns.sticky_found != sticky;

  // The path keeps the packet that waits. If this one came for the second time, that is the new
  // one, and what the burst has is the one before it.
  const void* key = arrived.get();
  held_.emplace(key, std::move(arrived));
  if (fate.verdict != Verdict::Wait) held_.erase(burst.packets[0].buffer);
  return fate;
}

Fate Trial::fate_of(std::size_t i, const dataplane::Snapshot& snapshot) {
  const Burst& burst = *burst_;
  const auto is_in = [i](dataplane::Mask mask) { return (mask >> i & 1) != 0; };
  Fate fate;
  fate.verdict = burst.verdicts[i];
  fate.kind = burst.kinds[i];
  fate.worker = dataplane::WorkerId{0};
  fate.started = is_in(burst.started);
  fate.known = is_in(burst.known) && !fate.started;
  fate.listener = burst.listeners[i];
  fate.target = burst.targets[i];
  if (is_in(burst.keyed)) {
    const bool v6 = is_in(burst.v6);
    fate.key = v6 ? of_any_family(burst.keys6[i]) : of_any_family(burst.keys4[i]);
    fate.worker = v6 ? dataplane::owner_worker(burst.keys6[i], snapshot, core_->owner_seed)
                     : dataplane::owner_worker(burst.keys4[i], snapshot, core_->owner_seed);
    if (fate.kind == dataplane::Kind::Tcp) fate.tcp_flags = burst.tcp_flags[i];
    if (fate.known && v6) set_whose(fate, core_->flows6, burst.flows[i]);
    if (fate.known && !v6) set_whose(fate, core_->flows4, burst.flows[i]);
  }
  if (const auto* listener = snapshot.listener(fate.listener); listener != nullptr) {
    fate.group = fate.known ? listener->target_group : burst.groups[i];
  }
  if (const auto* target = snapshot.target(fate.target); target != nullptr) {
    fate.group = target->target_group;
  }
  // Rules are asked about what is new: most frames of a capture need no look at all of them.
  // Of several that waited, nobody can tell whose the hits are.
  std::vector<dataplane::RuleId> hits;
  if (!fate.known) hits = take_hits(*block_);
  if (burst.size == 1) fate.rules = std::move(hits);
  const auto* group = snapshot.target_group(fate.group);
  if (finds_no_place(fate.verdict) && group != nullptr) {
    Fate::Crowd& crowd = fate.crowd.emplace();
    for (const dataplane::TargetId target : group->eligible) {
      crowd.connections += dataplane::live_flows(block_->targets[target.slot]);
    }
    const dataplane::SurgeQueue* queue = gate_->queues.of(group->id);
    crowd.waiting = queue == nullptr ? 0 : queue->waiting();
  }
  fate.egress = burst.packets[i].egress;
  fate.bytes.assign(burst.packets[i].data, burst.packets[i].data + burst.packets[i].length);
  return fate;
}

/// One turn of a worker's loop, but for the frames.
void Trial::step(const dataplane::Snapshot& snapshot, dataplane::Instant now,
                 std::vector<Released>& released) {
  dataplane::expire(*core_, snapshot, now);
  if (core_->places.freed().any()) dataplane::hand_on_freed(*core_, snapshot);
  Burst& burst = *burst_;
  while (!core_->room.empty() && dataplane::release_waiters(*core_, snapshot, burst, now) != 0) {
    dataplane::run(burst, snapshot, *core_);
    for (std::size_t i = 0; i < burst.size; ++i) {
      const auto found = held_.find(burst.packets[i].buffer);
      CHECK(found != held_.end());
      const Frame& frame = *found->second;
      released.push_back(
          {frame.number, frame.arrived, frame.port, frame.at, now, fate_of(i, snapshot)});
      if (burst.verdicts[i] != Verdict::Wait) held_.erase(found);
    }
    dataplane::settle_released(*core_, snapshot, burst);
  }
}

std::vector<Released> Trial::pass(const dataplane::Snapshot& snapshot, dataplane::Instant until) {
  std::vector<Released> released;
  dataplane::enter_generation(*core_, snapshot);
  step(snapshot, passed_, released);  // a frame may have freed a place
  // A quiet hour is no reason to sweep a table of nothing 360,000 times.
  const auto something_goes_on = [this] {
    return core_->flows4.size() + core_->flows6.size() != 0 || !core_->room.empty();
  };
  while (something_goes_on() && passed_.nanoseconds + step_nanoseconds < until.nanoseconds) {
    passed_.nanoseconds += step_nanoseconds;
    step(snapshot, passed_, released);
  }
  passed_ = until;
  step(snapshot, until, released);
  return released;
}

std::size_t Trial::waiting() const { return core_->room.size(); }

}  // namespace explain
