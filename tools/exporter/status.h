// Status: the document behind the web page, /status.json.
//
// The documents of spillwayctl --json side by side, so their fields are the same, and the counts
// that the page draws its latency heat map from. Of a daemon that does not run these are its last
// figures, and "why" says so.
#pragma once

#include "tools/exporter/source.h"
#include "tools/report/documents.h"

namespace exporter {

/// {"instance", "time", "up", "stale", "why", "status", "listeners", "targets", "target_groups",
/// "latency": {"bounds_seconds", "listeners": [{"name", "connect", "response", "queue"}]}}; without
/// a segment the first five.
[[nodiscard]] report::Json status(const Reading& reading);

}  // namespace exporter
