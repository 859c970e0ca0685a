#include "dataplane/path/end_flows.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/path/flow_hop.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/reply.h"
#include "dataplane/path/track.h"

namespace dataplane {
namespace {

// A step looks at no more than this: 28 KiB of IPv4 entries, read in order.
constexpr std::uint32_t buckets_per_step = 64;
// How far ahead they are fetched.
constexpr std::uint32_t buckets_ahead = 8;
// Both ends of every connection that a bucket can have.
constexpr std::size_t frames_per_bucket = std::size_t{2} * TagGroup::width;

/// Some target has flows here that are to end: any, if its draining is over; of the others those
/// that have been reset at one end, which are all gone after flows.reset_timeout.
bool anything_left(Core& core, const Snapshot& snapshot, Instant now) {
  std::uint64_t resets = 0;
  for (const TargetId id : snapshot.terminated) {
    const TargetCounters& counters = core.counters.targets[id.slot];
    if (counters.incarnation.read() != id.incarnation) continue;
    if (counters.active_flows.read() == 0) continue;
    if (snapshot.targets[id.slot].ending) return true;
    resets += counters.elb_resets.read();
  }
  Core::Ending& ending = core.ending;
  if (resets != ending.resets) {
    ending.resets = resets;
    ending.asking_until =
        now.nanoseconds + std::uint64_t{snapshot.timeouts.reset_milliseconds} * 1'000'000;
  }
  return now.nanoseconds < ending.asking_until;
}

/// Asks the receiver of what `flow` sends on, if there is a way to it.
template <class Address>
void ask(Core::Ending& ending, const Flow<Address>& flow, const Snapshot& snapshot) {
  const NextHop hop = hop_for(flow, snapshot);
  if (!hop.resolved()) return;
  // Of two numbers that are half the space apart one at least is in no window.
  const std::uint32_t sequence = ending.passes << 31;
  write_question(ending.frames[ending.frame_count++], flow, hop, sequence);
}

/// `index`: of the entry that the client's packets are found by.
template <class Address>
void end_flow(FlowLedger<Address>& flows, FlowIndex index, const Target& target,
              Core::Ending& ending, const Snapshot& snapshot, Tick now) {
  Flow<Address>& flow = flows.table()[index];
  Flow<Address>& twin = flows.table()[flow.twin];
  const bool begun = flow.phase == Phase::Terminated || twin.phase == Phase::Terminated;
  if (!begun && !target.ending) return;  // nobody has spoken
  // A client that has no answer yet sends its SYN again, and is given another target.
  if (flow.key.protocol != Protocol::Tcp || flow.phase == Phase::SynSent) {
    return flows.end(index, FlowEnd::Terminated);
  }
  if (!begun) {
    if (may_start_anew(flow.phase)) return;  // over anyhow, and gone in seconds
    flow.phase = twin.phase = Phase::Terminated;
    flow.last_seen = twin.last_seen = now;
    hurry(flow, flows.table());
  }
  if (flow.phase == Phase::Terminated) ask(ending, twin, snapshot);  // the client
  if (twin.phase == Phase::Terminated) ask(ending, flow, snapshot);  // the target
}

/// Deals with the buckets from `first` on, until `last` or until there is no room for more frames;
/// returns where it stopped.
template <class Address>
std::uint32_t end_some(FlowLedger<Address>& flows, std::uint32_t first, std::uint32_t last,
                       Core::Ending& ending, const Snapshot& snapshot, Tick now) {
  FlowTable<Address>& table = flows.table();
  std::uint32_t bucket = first;
  for (; bucket < last; ++bucket) {
    if (ending.frame_count + frames_per_bucket > ending.frames.size()) break;
    table.prefetch_bucket(bucket + buckets_ahead);
    std::array<FlowIndex, TagGroup::width> marked;
    const std::size_t count = table.list_marked(bucket, marked.data());
    for (std::size_t i = 0; i < count; ++i) {
      const Flow<Address>& flow = table[marked[i]];
      const Target* target = snapshot.target(flow.target);
      if (target == nullptr || !target->terminates(flow.key.protocol)) continue;
      end_flow(flows, marked[i], *target, ending, snapshot, now);
    }
  }
  return bucket;
}

/// Begins a pass, if there is a reason for one.
void begin_pass(Core& core, const Snapshot& snapshot, Instant now) {
  Core::Ending& ending = core.ending;
  const bool news = ending.generation != snapshot.generation;
  if (!news && now.nanoseconds < ending.again) return;
  ending.generation = snapshot.generation;
  ending.again = now.nanoseconds + ending_interval;
  ending.running = anything_left(core, snapshot, now);
  if (!ending.running) return;
  ending.bucket = 0;
  ++ending.passes;
}

}  // namespace

std::span<const OwnFrame> end_flows(Core& core, const Snapshot& snapshot, Instant now) {
  if (snapshot.terminated.empty()) return {};
  Core::Ending& ending = core.ending;
  if (!ending.running) begin_pass(core, snapshot, now);
  if (!ending.running) return {};
  ending.frame_count = 0;
  FlowLedgers flows(core.flows4, core.flows6, core.counters, core.places, core.measures, now,
                    &core.flow_log);
  const std::uint32_t v4 = core.flows4.buckets();  // first all of these, then all of IPv6's
  const std::uint32_t all = v4 + core.flows6.buckets();
  const std::uint32_t first = ending.bucket;
  const std::uint32_t last = std::min(first < v4 ? v4 : all, first + buckets_per_step);
  const Tick tick = Tick::of(now);
  if (first < v4) {
    ending.bucket = end_some(flows.v4, first, last, ending, snapshot, tick);
  } else {
    ending.bucket = v4 + end_some(flows.v6, first - v4, last - v4, ending, snapshot, tick);
  }
  ending.running = ending.bucket != all;
  return {ending.frames.data(), ending.frame_count};
}

}  // namespace dataplane
