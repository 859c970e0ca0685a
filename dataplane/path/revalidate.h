// Revalidate: judges the flows that exist by new rules, and cuts those that no rule lets in or out
// any more. Only where the operator asks for it (revalidate_flows); by default rules judge new
// flows alone, as ELB's do.
#pragma once

#include "dataplane/core.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// One step of it: goes over a bounded number of buckets, from the step on in which the worker
/// meets a snapshot with other rules, until it has been over all of both tables. A million flows
/// take some 5,000 steps.
void revalidate(Core& core, const Snapshot& snapshot, Instant now);

}  // namespace dataplane
