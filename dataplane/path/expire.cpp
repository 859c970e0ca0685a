#include "dataplane/path/expire.h"

#include <algorithm>

#include "dataplane/path/flow_ledger.h"

namespace dataplane {
namespace {

// A step never sweeps more than this, however late it is: about 20 µs of cold cache lines.
constexpr std::uint64_t buckets_max = 256;

std::uint32_t idle_limit(const Flow4& flow, const Snapshot& snapshot) {
  switch (flow.phase) {
    case Phase::SynSent:
    case Phase::SynReceived: return snapshot.timeouts.half_open_milliseconds;
    case Phase::ClientFin:
    case Phase::TargetFin: return snapshot.timeouts.half_closed_milliseconds;
    case Phase::Closing: return snapshot.timeouts.closing_milliseconds;
    case Phase::ClientReset:
    case Phase::TargetReset: return snapshot.timeouts.reset_milliseconds;
    case Phase::Established: break;
  }
  const Listener* listener = snapshot.listener(flow.listener);
  return listener == nullptr ? Listener{}.idle_milliseconds : listener->idle_milliseconds;
}

/// Looks at a connection once, from its ToTarget entry; at the twin only if that one has been idle.
bool is_idle(const FlowTable& flows, FlowIndex index, const Snapshot& snapshot, Tick now) {
  const Flow4& flow = flows[index];
  if (flow.direction != Direction::ToTarget) return false;
  const std::uint32_t limit = idle_limit(flow, snapshot);
  return now.since(flow.last_seen) >= limit && now.since(flows[flow.twin].last_seen) >= limit;
}

FlowRecord record(const FlowTable& flows, const Flow4& flow, Tick now) {
  const Flow4& twin = flows[flow.twin];
  return FlowRecord{
      .to_target = flow.key,
      .to_client = twin.key,
      .listener = flow.listener,
      .target = flow.target,
      .phase = flow.phase,
      .packets_to_target = flow.packets,
      .bytes_to_target = flow.bytes(),
      .packets_to_client = twin.packets,
      .bytes_to_client = twin.bytes(),
      .idle_milliseconds = std::min(now.since(flow.last_seen), now.since(twin.last_seen)),
  };
}

}  // namespace

void expire(Core& core, const Snapshot& snapshot, Instant now) {
  const std::uint32_t buckets = core.flows.buckets();
  constexpr std::uint64_t sweep = std::uint64_t{sweep_milliseconds} * 1'000'000;
  // How many buckets a sweep that began at time 0 would have passed by now.
  const std::uint64_t seconds = now.nanoseconds / sweep;
  const std::uint64_t due = seconds * buckets + now.nanoseconds % sweep * buckets / sweep;
  if (due <= core.swept_until) return;
  const std::uint64_t budget = std::min(due - core.swept_until, buckets_max);
  // What is later than the budget allows is late for good: the sweep is then slower, not in debt.
  core.swept_until = due;
  const Tick tick = Tick::of(now);
  FlowLedger flows(core.flows, core.flow_entries_max, core.counters);
  for (std::uint64_t n = 0; n < budget; ++n) {
    const std::uint32_t bucket = core.sweep_bucket;
    core.sweep_bucket = bucket + 1 == buckets ? 0 : bucket + 1;
    if (core.flows.bucket_empty(bucket)) continue;
    core.flows.visit_bucket(bucket, [&](FlowIndex index) {
      if (is_idle(core.flows, index, snapshot, tick)) flows.end(index, FlowEnd::Expired);
    });
  }
}

void serve_query(Core& core, Instant now) {
  FlowQuery& query = core.query;
  if (!query.asked()) return;
  const std::uint32_t first = query.cursor();
  const std::uint32_t last = std::min(core.flows.buckets(), first + FlowQuery::buckets_per_step);
  const Tick tick = Tick::of(now);
  for (std::uint32_t bucket = first; bucket < last && !query.full(); ++bucket) {
    core.flows.visit_bucket(bucket, [&](FlowIndex index) {
      const Flow4& flow = core.flows[index];
      if (flow.direction != Direction::ToTarget || query.full()) return;
      if (query.target() != no_target && flow.target != query.target()) return;
      query.add(record(core.flows, flow, tick));
    });
  }
  query.advance(last - first);
  if (last == core.flows.buckets() || query.full()) query.answer();
}

}  // namespace dataplane
