// Sample: an instance's figures at a moment, and what happened between two moments. For stats and
// top.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "dataplane/histogram.h"
#include "tools/report/documents.h"
#include "tools/report/segment_view.h"

namespace tools {

using report::Json;

/// How long connecting, answering and waiting in a surge queue took, over all workers.
struct Latency {
  dataplane::HistogramSum connect;
  dataplane::HistogramSum response;
  dataplane::HistogramSum queue;
};
/// By listener's name, or by target's group and endpoint.
using Latencies = std::map<std::string, Latency>;

struct Sample {
  std::uint64_t unix_milliseconds = 0;
  std::uint64_t pid = 0;
  Json status;  // report's documents
  Json listeners;
  Json targets;
  Json target_groups;
};

[[nodiscard]] Sample take_sample(const report::SegmentView& view, const report::Liveness& liveness,
                                 std::uint64_t now_unix_milliseconds);
/// 21 KiB for each listener and target.
[[nodiscard]] Latencies latencies(const report::SegmentView& view);

/// {"instance", "stale", "seconds", "listeners": […], "target_groups": […], "targets": […],
/// "workers": […]}: figures of now, and rates since `earlier`. Percentiles are of what came since
/// `before`; null where nothing did. Rates are null if the daemon was started in between.
/// SYNs that wait do so for a target group: a listener's surge_queue_length is that of its groups.
[[nodiscard]] Json stats_document(const Sample& earlier, const Sample& now, const Latencies& before,
                                  const Latencies& after);

}  // namespace tools
