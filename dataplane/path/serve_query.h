// ServeQuery: a worker's answers to control's questions about its flows (dataplane/flow_query.h).
#pragma once

#include "dataplane/core.h"

namespace dataplane {

/// Copies the flows of a few buckets into core.query, if it was asked.
void serve_query(Core& core, Instant now);

}  // namespace dataplane
