// Core: all that one worker owns. Nobody else writes it; what others may read is in `counters`,
// `query` and `capture`. Built at start on the worker's NUMA node, never resized.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/capture.h"
#include "dataplane/counters.h"
#include "dataplane/flow_histograms.h"
#include "dataplane/flow_log.h"
#include "dataplane/flow_query.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/own_frame.h"
#include "dataplane/path/error_meter.h"
#include "dataplane/path/missing_hops.h"
#include "dataplane/path/places.h"
#include "dataplane/path/punt_meters.h"
#include "dataplane/path/turns.h"
#include "dataplane/path/waiting_room.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/sticky_table.h"

namespace dataplane {

/// How many flows (both directions count as one) a worker can hold of each family.
struct FlowCapacity {
  std::size_t v4 = 0;
  std::size_t v6 = 0;

  [[nodiscard]] constexpr std::size_t bytes_v4() const { return FlowTable4::bytes_needed(2 * v4); }
  [[nodiscard]] constexpr std::size_t bytes_v6() const { return FlowTable6::bytes_needed(2 * v6); }
  /// What one worker's tables take, each beginning at a multiple of 64.
  [[nodiscard]] constexpr std::size_t bytes() const {
    return (bytes_v4() + 63) / 64 * 64 + bytes_v6();
  }
};

struct Core {
  /// `flow_memory`: capacity.bytes() bytes, aligned to 64. `table_seed` is secret and differs per
  /// worker; `owner_seed` is the same on all workers, and so are `sticky` and `gate`, which outlive
  /// them. Without `flow_measures` no histograms are kept; `flow_log_capacity`: flows that have
  /// ended and wait for control to write them down.
  Core(WorkerId worker, std::span<std::byte> flow_memory, FlowCapacity capacity, Seed table_seed,
       Seed owner_hash_seed, WorkerBlock& block, StickyTable& sticky, Gate& gate,
       FlowMeasures flow_measures = {}, std::size_t flow_log_capacity = 0)
      : id(worker),
        flows4(flow_memory, 2 * capacity.v4, table_seed),
        flows6(flow_memory.subspan((capacity.bytes_v4() + 63) / 64 * 64), 2 * capacity.v6,
               table_seed),
        owner_seed(owner_hash_seed),
        counters(block),
        places(gate),
        room(gate.queues.capacity()),
        measures(flow_measures),
        flow_log(flow_log_capacity) {
    counters.totals.flow_capacity.set(capacity.v4 + capacity.v6);
    counters.totals.flow_capacity_ipv6.set(capacity.v6);
    if (worker.number == 0) counters.totals.sticky_capacity.set(sticky.capacity());
    if (worker.number == 0) counters.totals.surge_capacity.set(gate.queues.capacity());
    turns.worker = worker;
    turns.sticky = &sticky;
    // Where the process before this one left off, or anywhere; the same for all workers.
    const std::uint64_t left_off = block.totals.local_port_turn.read();
    turns.local_port = left_off != 0 ? left_off : owner_hash_seed.first >> 8;
  }

  /// Where an expiry sweep is.
  struct Sweep {
    std::uint32_t bucket = 0;  // where it goes on
    std::uint64_t until = 0;   // in buckets since start: see expire
    std::uint64_t pause = 0;   // nothing is due before: nanoseconds
    Generation generation;     // in which the sweep began; another than the one before:
    bool thorough = false;     // it looks at buckets that rest, too
  };

  /// Where the ending of terminated targets' flows is (path/end_flows).
  struct Ending {
    bool running = false;             // a pass over the tables is under way
    std::uint32_t bucket = 0;         // where it goes on: all of IPv4's, then all of IPv6's
    std::uint32_t passes = 0;         // so far
    Generation generation;            // that the last pass was begun for
    std::uint64_t again = 0;          // the next may begin: nanoseconds
    std::uint64_t resets = 0;         // of terminated targets' flows, when the last was begun
    std::uint64_t asking_until = 0;   // somebody may have been told alone: nanoseconds
    std::array<OwnFrame, 64> frames;  // to be sent in this step
    std::size_t frame_count = 0;
  };

  /// Where the sweep over this worker's share of the sticky table is.
  struct StickySweep {
    std::size_t place = 0;    // how many of the share's sets are done
    std::size_t clients = 0;  // that were found in them
    std::uint64_t pause = 0;  // it goes on then: nanoseconds
  };

  /// Where the judging of flows by new rules is (path/revalidate).
  struct Revalidation {
    Generation judged_by;      // the rules'
    std::uint32_t bucket = 0;  // where it goes on; first IPv4's, then IPv6's
    std::uint32_t end = 0;     // … until it is over
  };

  WorkerId id;
  FlowTable4 flows4;
  FlowTable6 flows6;
  Sweep sweep4, sweep6;
  Ending ending;
  StickySweep sticky_sweep;
  Revalidation revalidation;
  Seed owner_seed;
  WorkerBlock& counters;
  Places places;
  WaitingRoom room;
  FlowMeasures measures;
  FlowLog flow_log;
  Turns turns;
  PuntMeters punts;
  ErrorMeter errors;
  FlowQuery query;
  Capture capture;
  MissingHops missing_hops;
};

}  // namespace dataplane
