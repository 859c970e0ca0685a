// Housekeeping of one step: end idle flows, answer the control thread's question about flows.
#pragma once

#include "dataplane/core.h"
#include "dataplane/packet/clock.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Sweeps a bounded number of buckets, so that every bucket is visited once in
/// `sweep_milliseconds`.
inline constexpr std::uint32_t sweep_milliseconds = 1'000;
void expire(Core& core, const Snapshot& snapshot, Instant now);

/// Copies the flows of a few buckets into core.query, if it was asked.
void serve_query(Core& core, Instant now);

}  // namespace dataplane
