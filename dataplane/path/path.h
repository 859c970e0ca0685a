// The path: what happens to a burst, in order. Start reading in path.cpp.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/core.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Takes a burst through all verbs. Afterwards every packet has its one Verdict and is counted.
void run(Burst& burst, const Snapshot& snapshot, Core& core);

}  // namespace dataplane
