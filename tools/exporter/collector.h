// Collector: gives Prometheus the figures of the segment as they are at the moment of the scrape.
#pragma once

#include <prometheus/collectable.h>
#include <vector>

#include "tools/exporter/metrics.h"
#include "tools/exporter/source.h"

namespace exporter {

/// Keeps no figures: each Collect() reads shared memory.
class Collector : public prometheus::Collectable {
 public:
  /// The source must outlive it.
  Collector(Source& source, HistogramChoice choice) : source_(&source), choice_(choice) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Source* source_;
  HistogramChoice choice_;
};

}  // namespace exporter
