#include "dataplane/path/expire.h"

#include <algorithm>
#include <array>

#include "dataplane/path/flow_ledger.h"

namespace dataplane {
namespace {

// A step never sweeps more than this, however late it is: about 20 µs of cold cache lines.
constexpr std::uint64_t buckets_max = 256;
// Buckets are swept so many at a time, so that their cache misses overlap and that nothing is
// computed in most turns.
constexpr std::uint32_t buckets_together = 64;
// … but at least this often, in nanoseconds.
constexpr std::uint64_t interval_max = 100'000;
// How far ahead their entries are fetched. All of them, though half are looked at: in order, memory
// gives all as fast as every other one (measured).
constexpr std::uint32_t buckets_ahead = 8;

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
  return listener == nullptr ? Listener::idle_milliseconds_default : listener->idle_milliseconds;
}

template <class Address>
bool is_idle(const Flow<Address>& flow, std::uint32_t limit, Tick now) {
  return now.since(flow.last_seen) >= limit;
}

/// Ends the idle connections of some buckets: looks at each once, from its ToTarget entry (those
/// are marked), and at the twin only if that one has been idle.
template <class Address>
void sweep_buckets(FlowLedger<Address>& flows, std::uint32_t first, std::uint32_t last,
                   const Snapshot& snapshot, Tick now) {
  FlowTable<Address>& table = flows.table();
  std::array<FlowIndex, std::size_t{buckets_together} * TagGroup::width> silent;
  std::size_t silent_count = 0;
  for (std::uint32_t part = first; part < last; part += buckets_ahead) {
    std::array<FlowIndex, std::size_t{buckets_ahead} * TagGroup::width> marked;
    std::size_t count = 0;
    for (std::uint32_t bucket = part; bucket < std::min(last, part + buckets_ahead); ++bucket) {
      table.prefetch_bucket(bucket + buckets_ahead);
      count += table.list_marked(bucket, &marked[count]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Flow<Address>& flow = table[marked[i]];
      if (!is_idle(flow, idle_limit(flow, snapshot), now)) continue;
      table.prefetch(flow.twin);
      silent[silent_count++] = marked[i];
    }
  }
  for (std::size_t i = 0; i < silent_count; ++i) {
    const Flow<Address>& flow = table[silent[i]];
    const std::uint32_t limit = idle_limit(flow, snapshot);
    if (is_idle(table[flow.twin], limit, now)) flows.end(silent[i], FlowEnd::Expired);
  }
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

/// Nanoseconds for a whole sweep of a table.
template <class Address>
std::uint64_t duration(const FlowTable<Address>& table) {
  return sweep_milliseconds(table.slots()) * 1'000'000;
}

/// How many buckets of a table are due, by a sweep that began at time 0.
template <class Address>
std::uint64_t due(const FlowTable<Address>& table, Instant now) {
  const std::uint64_t sweep = duration(table);
  const std::uint64_t buckets = table.buckets();
  return now.nanoseconds / sweep * buckets + now.nanoseconds % sweep * buckets / sweep;
}

template <class Address>
void expire_family(FlowLedger<Address>& flows, Core::Sweep& sweep, const Snapshot& snapshot,
                   Instant now) {
  if (now.nanoseconds < sweep.pause) return;
  FlowTable<Address>& table = flows.table();
  sweep.pause = now.nanoseconds +
                std::min(duration(table) * buckets_together / table.buckets(), interval_max);
  const std::uint64_t until = due(table, now);
  if (until <= sweep.until) return;
  std::uint64_t budget = std::min(until - sweep.until, buckets_max);
  // What is later than the budget allows is late for good: the sweep is then slower, not in debt.
  sweep.until = until;
  const Tick tick = Tick::of(now);
  while (budget != 0) {
    const std::uint64_t together = std::min<std::uint64_t>(budget, buckets_together);
    const std::uint32_t first = sweep.bucket;
    const auto last =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(first + together, table.buckets()));
    sweep_buckets(flows, first, last, snapshot, tick);
    sweep.bucket = last == table.buckets() ? 0 : last;
    budget -= last - first;
  }
}

// Of the sticky table, so many sets at a time, and nanoseconds for each: 10 ns of work in 10 µs is
// 0.1 % of a core, for a table of any size. A million clients are gone through in 1.3 s.
constexpr std::size_t sets_together = 64;
constexpr std::uint64_t pace_of_sets = 10'000;

/// Goes on over this worker's share of the sets, and says at its end how many clients it has.
void sweep_sticky(Core& core, const Snapshot& snapshot, Instant now) {
  Core::StickySweep& sweep = core.sticky_sweep;
  if (now.nanoseconds < sweep.pause) return;
  StickyTable& table = *core.turns.sticky;
  const std::size_t first = table.sets() * core.id.number / snapshot.workers;
  const std::size_t last = table.sets() * (core.id.number + std::size_t{1}) / snapshot.workers;
  const std::size_t from = first + sweep.place;
  const std::size_t to = std::min(from + sets_together, last);
  sweep.clients += table.sweep(from, to, now);
  sweep.place += to - from;
  sweep.pause = now.nanoseconds + sets_together * pace_of_sets;
  if (to != last) return;
  core.counters.totals.sticky_entries.set(sweep.clients);
  sweep.place = sweep.clients = 0;
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
  sweep_sticky(core, snapshot, now);
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
