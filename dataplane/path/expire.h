// Housekeeping of one step: end idle flows, forget clients, answer the control thread's question
// about flows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/core.h"
#include "dataplane/packet/clock.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// How long one sweep over a table of so many slots takes: 1 s for a million flows, 9 s for ten
/// million, so that sweeping costs about the same share of a core for every size
/// (docs/performance.md has it). A flow ends so much later than its timeout at most; after a new
/// generation, which may have other timeouts, up to twice as much.
[[nodiscard]] constexpr std::uint64_t sweep_milliseconds(std::size_t slots) {
  constexpr std::uint64_t least = 1'000;
  return slots / 2'500 < least ? least : slots / 2'500;
}

/// Sweeps a bounded number of buckets, so that every bucket is visited once in
/// sweep_milliseconds(); and of its share of the sticky table.
void expire(Core& core, const Snapshot& snapshot, Instant now);

}  // namespace dataplane
