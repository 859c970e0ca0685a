// Core: all that one worker owns. Nobody else writes it; what others may read is in `counters` and
// `query`. Built at start on the worker's NUMA node, never resized.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/counters.h"
#include "dataplane/flow_query.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/path/missing_hops.h"
#include "dataplane/path/punt_meters.h"
#include "dataplane/path/turns.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/token_bucket.h"

namespace dataplane {

struct Core {
  /// `flow_memory`: FlowTable::bytes_needed(2 * flows) bytes, aligned to 64. `table_seed` is secret
  /// and differs per worker; `owner_seed` is the same on all workers.
  Core(WorkerId worker, std::span<std::byte> flow_memory, std::size_t flows_max, Seed table_seed,
       Seed owner_hash_seed, WorkerBlock& block)
      : id(worker),
        flows(flow_memory, 2 * flows_max, table_seed),
        flow_entries_max(2 * flows_max),
        owner_seed(owner_hash_seed),
        counters(block) {
    counters.totals.flow_capacity.set(flows_max);
    turns.worker = worker;
    // Where the process before this one left off, or anywhere; the same for all workers.
    const std::uint64_t left_off = block.totals.local_port_turn.read();
    turns.local_port = left_off != 0 ? left_off : owner_hash_seed.first >> 8;
  }

  WorkerId id;
  FlowTable flows;
  std::size_t flow_entries_max;
  Seed owner_seed;
  WorkerBlock& counters;
  Turns turns;
  PuntMeters punts;
  std::uint32_t sweep_bucket = 0;  // where the expiry sweep goes on
  std::uint64_t swept_until = 0;   // in buckets since start: see expire
  FlowQuery query;
  MissingHops missing_hops;
};

}  // namespace dataplane
