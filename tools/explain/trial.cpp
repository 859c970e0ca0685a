#include "tools/explain/trial.h"

#include <algorithm>

#include "dataplane/path/expire.h"
#include "dataplane/path/path.h"
#include "dataplane/path/steer.h"
#include "dataplane/path/surge.h"

namespace explain {
namespace {

using dataplane::Burst;
using dataplane::FlowKey;
using dataplane::IpAddress;

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
FlowKey<IpAddress> as_any(const FlowKey<Address>& key) {
  FlowKey<IpAddress> any{};
  any.source = IpAddress(key.source);
  any.destination = IpAddress(key.destination);
  any.source_port = key.source_port;
  any.destination_port = key.destination_port;
  any.protocol = key.protocol;
  return any;
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

}  // namespace

Trial::Trial(std::size_t flows, dataplane::Seed owner_seed)
    : block_(std::make_unique<dataplane::WorkerBlock>()), burst_(std::make_unique<Burst>()) {
  const dataplane::FlowCapacity capacity{flows, flows};
  const std::size_t sticky_bytes = dataplane::StickyTable::bytes_needed(sticky_clients);
  memory_.resize(sticky_bytes + 64 + capacity.bytes() + 128);
  const std::span<std::byte> first = aligned(memory_);
  const dataplane::Seed seed{0x7265'706c'6179'2031, 0x7370'696c'6c77'6179};
  sticky_ =
      std::make_unique<dataplane::StickyTable>(first.first(sticky_bytes), sticky_clients, seed);
  // No room to wait: connections that others have are not known here, so nobody has to.
  gate_ = std::make_unique<dataplane::Gate>(1, 0);
  core_ = std::make_unique<dataplane::Core>(dataplane::WorkerId{0},
                                            aligned(first.subspan(sticky_bytes)), capacity, seed,
                                            owner_seed, *block_, *sticky_, *gate_);
}

Trial::~Trial() = default;

Fate Trial::run(const dataplane::Snapshot& snapshot, std::span<const std::uint8_t> frame,
                dataplane::PortId port, dataplane::Instant at) {
  std::vector<std::uint8_t> buffer(2 * room + frame.size());
  std::copy(frame.begin(), frame.end(), buffer.begin() + room);
  const std::uint64_t sticky = core_->turns.sticky_found;

  dataplane::enter_generation(*core_, snapshot);
  Burst& burst = *burst_;
  burst.reset(at, 1);
  dataplane::Packet packet;
  packet.data = buffer.data() + room;
  packet.length = static_cast<std::uint16_t>(frame.size());
  packet.headroom = room;
  packet.tailroom = room;
  packet.ingress = port;
  packet.handed_off = true;  // whoever owns it: that is the worker which this one plays
  burst.packets[0] = packet;
  dataplane::run(burst, snapshot, *core_);

  Fate fate;
  fate.verdict = burst.verdicts[0];
  fate.kind = burst.kinds[0];
  fate.worker = dataplane::WorkerId{0};
  if ((burst.keyed & 1) != 0) {
    const bool v6 = (burst.v6 & 1) != 0;
    fate.key = v6 ? as_any(burst.keys6[0]) : as_any(burst.keys4[0]);
    fate.worker = v6 ? dataplane::owner_worker(burst.keys6[0], snapshot, core_->owner_seed)
                     : dataplane::owner_worker(burst.keys4[0], snapshot, core_->owner_seed);
    if (fate.kind == dataplane::Kind::Tcp) fate.tcp_flags = burst.tcp_flags[0];
  }
  fate.started = (burst.started & 1) != 0;
  fate.known = (burst.known & 1) != 0 && !fate.started;
  fate.sticky = core_->turns.sticky_found != sticky;
  fate.listener = burst.listeners[0];
  if (const auto* listener = snapshot.listener(fate.listener); listener != nullptr) {
    fate.group = fate.known ? listener->target_group : burst.groups[0];
  }
  fate.target = burst.targets[0];
  if (const auto* target = snapshot.target(fate.target); target != nullptr) {
    fate.group = target->target_group;
  }
  // Rules are asked about what is new: most frames of a capture need no look at all of them.
  if (!fate.known) fate.rules = take_hits(*block_);
  fate.egress = burst.packets[0].egress;
  fate.bytes.assign(burst.packets[0].data, burst.packets[0].data + burst.packets[0].length);
  return fate;
}

void Trial::pass(const dataplane::Snapshot& snapshot, dataplane::Instant until) {
  // A quiet hour is no reason to sweep a table of nothing 360,000 times.
  while (core_->flows4.size() + core_->flows6.size() != 0 &&
         passed_.nanoseconds + step_nanoseconds < until.nanoseconds) {
    passed_.nanoseconds += step_nanoseconds;
    dataplane::expire(*core_, snapshot, passed_);
  }
  passed_ = until;
  dataplane::expire(*core_, snapshot, until);
}

}  // namespace explain
