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
// Of flows whose listener nobody knows any more.
constexpr std::uint32_t idle_of_gone_listener = 350'000;

/// What is the same for all buckets of one turn.
struct SweepPass {
  Tick now;
  std::uint64_t milliseconds;  // that a whole sweep takes
  bool thorough;               // looks at buckets that rest, too
};

template <class Address>
std::uint32_t idle_limit(const Flow<Address>& flow, const Snapshot& snapshot) {
  switch (flow.phase) {
    case Phase::SynSent:
    case Phase::SynReceived: return snapshot.timeouts.half_open_milliseconds;
    case Phase::ClientFin:
    case Phase::TargetFin: return snapshot.timeouts.half_closed_milliseconds;
    case Phase::Closing: return snapshot.timeouts.closing_milliseconds;
    case Phase::ClientReset:
    case Phase::TargetReset:
    case Phase::Terminated: return snapshot.timeouts.reset_milliseconds;
    case Phase::Established: break;
  }
  const Listener* listener = snapshot.listener(flow.listener());
  if (listener == nullptr) return idle_of_gone_listener;
  return flow.key.protocol == Protocol::Udp ? listener->udp_idle_milliseconds
                                            : listener->idle_milliseconds;
}

/// Milliseconds until a connection would be idle if only this direction counted; 0: it is.
template <class Address>
std::uint32_t idle_in(const Flow<Address>& flow, std::uint32_t limit, Tick now) {
  const std::uint32_t silent = now.since(flow.last_seen);
  return silent >= limit ? 0 : limit - silent;
}

/// What one sweep's pass over some buckets has found.
template <class Address>
struct Found {
  // Connections that have been silent in the direction of their marked entry.
  std::array<FlowIndex, std::size_t{buckets_together} * TagGroup::width> silent;
  std::size_t silent_count = 0;
};

/// Looks at the marked entries of up to `buckets_ahead` buckets, but for those that rest, and lets
/// each rest until the first of its connections can be due.
template <class Address>
void sweep_few(FlowTable<Address>& table, std::uint32_t first, std::uint32_t last,
               const Snapshot& snapshot, const SweepPass& pass, Found<Address>& found) {
  for (std::uint32_t bucket = first; bucket < last; ++bucket) {
    const std::uint32_t ahead = bucket + buckets_ahead;
    if (ahead < table.buckets() && (pass.thorough || !table.rests(ahead))) {
      table.prefetch_bucket(ahead);
    }
    if (!pass.thorough && table.rests(bucket)) {
      table.pass(bucket);
      continue;
    }
    std::array<FlowIndex, TagGroup::width> marked;
    const std::size_t count = table.list_marked(bucket, marked.data());
    std::uint64_t earliest = UINT64_MAX;
    for (std::size_t i = 0; i < count; ++i) {
      const Flow<Address>& flow = table[marked[i]];
      const std::uint32_t left = idle_in(flow, idle_limit(flow, snapshot), pass.now);
      earliest = std::min<std::uint64_t>(earliest, left);
      if (left != 0) continue;
      table.prefetch(flow.twin);
      table.prefetch_birth(marked[i]);
      found.silent[found.silent_count++] = marked[i];
    }
    table.rest(bucket, earliest / pass.milliseconds);
  }
}

/// Ends the idle connections of some buckets: looks at each once, from its ToTarget entry (those
/// are marked), and at the twin only if that one has been idle.
template <class Address>
void sweep_buckets(FlowLedger<Address>& flows, std::uint32_t first, std::uint32_t last,
                   const Snapshot& snapshot, const SweepPass& pass) {
  FlowTable<Address>& table = flows.table();
  Found<Address> found;
  for (std::uint32_t part = first; part < last; part += buckets_ahead) {
    sweep_few(table, part, std::min(last, part + buckets_ahead), snapshot, pass, found);
  }
  for (std::size_t i = 0; i < found.silent_count; ++i) {
    const Flow<Address>& flow = table[found.silent[i]];
    const std::uint32_t limit = idle_limit(flow, snapshot);
    if (idle_in(table[flow.twin], limit, pass.now) == 0) {
      flows.end(found.silent[i], FlowEnd::Expired);
    }
  }
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
  // A whole sweep late (the process was stopped): nobody has rested by this clock.
  if (until - sweep.until >= table.buckets()) {
    sweep.thorough = true;
    sweep.generation = {};
  }
  // What is later than the budget allows is late for good: the sweep is then slower, not in debt.
  sweep.until = until;
  while (budget != 0) {
    // Buckets rest by the limits of their time: a sweep that begins with others asks them all.
    if (sweep.bucket == 0) {
      sweep.thorough = sweep.generation != snapshot.generation;
      sweep.generation = snapshot.generation;
    }

    const std::uint64_t together = std::min<std::uint64_t>(budget, buckets_together);
    const std::uint32_t first = sweep.bucket;
    const auto last =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(first + together, table.buckets()));
    sweep_buckets(flows, first, last, snapshot,
                  {Tick::of(now), sweep_milliseconds(table.slots()), sweep.thorough});
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

}  // namespace

void expire(Core& core, const Snapshot& snapshot, Instant now) {
  FlowLedgers flows(core.flows4, core.flows6, core.counters, core.places, core.measures, now,
                    &core.flow_log);
  expire_family(flows.v4, core.sweep4, snapshot, now);
  expire_family(flows.v6, core.sweep6, snapshot, now);
  sweep_sticky(core, snapshot, now);
}

}  // namespace dataplane
