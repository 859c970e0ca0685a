// Watch: takes a burst through the path while control wants to see packets (dataplane/capture.h).
//
// Saves how each frame begins, where the path may change it; runs the path; then compares verdicts,
// and hands over copies of the packets that match. One that does not match costs the save, and, if
// the filter asks for more than verdicts, the look at its key.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/core.h"
#include "dataplane/path/path.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// run(), watched.
void run_watched(Burst& burst, const Snapshot& snapshot, Core& core);

}  // namespace dataplane
