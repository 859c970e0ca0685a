#include "dataplane/path/expire.h"

#include <algorithm>

#include "dataplane/path/flow_ledger.h"

namespace dataplane {
namespace {

// A step never sweeps more than this, however late it is: about 20 µs of cold cache lines.
constexpr std::uint64_t buckets_max = 256;
// How far ahead of the sweep entries are fetched.
constexpr std::uint32_t buckets_ahead = 4;

template <class Address>
std::uint32_t idle_limit(const Flow<Address>& flow, const Snapshot& snapshot) {
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
  const Listener* listener = snapshot.listener(flow.listener());
  return listener == nullptr ? Listener{}.idle_milliseconds : listener->idle_milliseconds;
}

/// Looks at a connection once, from its ToTarget entry; at the twin only if that one has been idle.
template <class Address>
bool is_idle(const FlowTable<Address>& flows, FlowIndex index, const Snapshot& snapshot, Tick now) {
  const Flow<Address>& flow = flows[index];
  if (flow.direction != Direction::ToTarget) return false;
  const std::uint32_t limit = idle_limit(flow, snapshot);
  return now.since(flow.last_seen) >= limit && now.since(flows[flow.twin].last_seen) >= limit;
}

template <class Address>
FlowKey<IpAddress> either_family(const FlowKey<Address>& key) {
  return {key.source,           key.destination, key.source_port,
          key.destination_port, key.protocol,    {0, 0, 0}};
}

template <class Address>
FlowRecord record(const FlowTable<Address>& flows, const Flow<Address>& flow, Tick now) {
  const Flow<Address>& twin = flows[flow.twin];
  return FlowRecord{
      .to_target = either_family(flow.key),
      .to_client = either_family(twin.key),
      .listener = flow.listener(),
      .target = flow.target,
      .phase = flow.phase,
      .packets_to_target = flow.packets,
      .bytes_to_target = flow.bytes(),
      .packets_to_client = twin.packets,
      .bytes_to_client = twin.bytes(),
      .idle_milliseconds = std::min(now.since(flow.last_seen), now.since(twin.last_seen)),
  };
}

/// How many buckets of a table are due, by a sweep that began at time 0.
template <class Address>
std::uint64_t due(const FlowTable<Address>& table, Instant now) {
  const std::uint64_t sweep = sweep_milliseconds(table.slots()) * 1'000'000;
  const std::uint64_t buckets = table.buckets();
  return now.nanoseconds / sweep * buckets + now.nanoseconds % sweep * buckets / sweep;
}

template <class Address>
void expire_family(FlowLedger<Address>& flows, Core::Sweep& sweep, const Snapshot& snapshot,
                   Instant now) {
  FlowTable<Address>& table = flows.table();
  const std::uint64_t until = due(table, now);
  if (until <= sweep.until) return;
  const std::uint64_t budget = std::min(until - sweep.until, buckets_max);
  // What is later than the budget allows is late for good: the sweep is then slower, not in debt.
  sweep.until = until;
  const Tick tick = Tick::of(now);
  for (std::uint64_t n = 0; n < budget; ++n) {
    const std::uint32_t bucket = sweep.bucket;
    sweep.bucket = bucket + 1 == table.buckets() ? 0 : bucket + 1;
    table.prefetch_bucket(bucket + buckets_ahead);
    if (table.bucket_empty(bucket)) continue;
    table.visit_bucket(bucket, [&](FlowIndex index) {
      if (is_idle(table, index, snapshot, tick)) flows.end(index, FlowEnd::Expired);
    });
  }
}

/// Answers with what buckets `first` to `last` of the table have.
template <class Address>
void answer(FlowTable<Address>& table, std::uint32_t first, std::uint32_t last, FlowQuery& query,
            Tick now) {
  for (std::uint32_t bucket = first; bucket < last && !query.full(); ++bucket) {
    table.visit_bucket(bucket, [&](FlowIndex index) {
      const Flow<Address>& flow = table[index];
      if (flow.direction != Direction::ToTarget || query.full()) return;
      if (query.target() != no_target && flow.target != query.target()) return;
      query.add(record(table, flow, now));
    });
  }
}

}  // namespace

void expire(Core& core, const Snapshot& snapshot, Instant now) {
  FlowLedgers flows(core.flows4, core.flows6, core.counters);
  expire_family(flows.v4, core.sweep4, snapshot, now);
  expire_family(flows.v6, core.sweep6, snapshot, now);
}

void serve_query(Core& core, Instant now) {
  FlowQuery& query = core.query;
  if (!query.asked()) return;
  const std::uint32_t v4 = core.flows4.buckets();  // first all of these, then all of IPv6's
  const std::uint32_t all = v4 + core.flows6.buckets();
  const std::uint32_t first = query.cursor();
  const std::uint32_t last = std::min(first < v4 ? v4 : all, first + FlowQuery::buckets_per_step);
  if (first < v4) {
    answer(core.flows4, first, last, query, Tick::of(now));
  } else {
    answer(core.flows6, first - v4, last - v4, query, Tick::of(now));
  }
  query.advance(last - first);
  if (last == all || query.full()) query.answer();
}

}  // namespace dataplane
