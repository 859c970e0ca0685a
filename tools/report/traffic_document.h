// What went through the balancer, a target group or a zone, as JSON.
#pragma once

#include "dataplane/segment.h"
#include "tools/report/documents.h"

namespace report {

/// {"new_flows", "requests", …, "peak_bytes_per_second"}: sums that do not fall when a target goes,
/// what is active now, and rates; null before control has sampled for the first time.
[[nodiscard]] Json traffic_document(const dataplane::Record<dataplane::TrafficRecord>& record);

}  // namespace report
