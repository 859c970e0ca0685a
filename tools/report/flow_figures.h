// Flow figures: what the histograms of targets and listeners say, added up over workers.
//
// Histograms lie in a sparse part of the segment (dataplane/flow_histograms.h); these functions
// touch only places with a mark. A place that is taken away while it is read reads as zeros.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/flow_histograms.h"
#include "tools/report/documents.h"
#include "tools/report/segment_view.h"

namespace report {

using Measure = dataplane::Histogram dataplane::FlowHistograms::*;

/// A measure, its name in documents, and what makes its values the unit that the name tells.
struct NamedMeasure {
  const char* name;
  Measure measure;
  double scale;  // a value times this is in the unit of the name
};
inline constexpr std::array flow_measures{
    NamedMeasure{"connect_seconds", &dataplane::FlowHistograms::connect, 1e-9},
    NamedMeasure{"response_seconds", &dataplane::FlowHistograms::response, 1e-9},
    NamedMeasure{"queue_seconds", &dataplane::FlowHistograms::queue, 1e-9},
    NamedMeasure{"duration_seconds", &dataplane::FlowHistograms::duration, 1e-6},
    NamedMeasure{"bytes", &dataplane::FlowHistograms::bytes, 1},
};

/// All workers' values; nullopt: that target or listener is not measured (it has no place: the
/// daemon's log says why, or it is gone).
[[nodiscard]] std::optional<dataplane::HistogramSum> histogram(const SegmentView& view,
                                                               dataplane::TargetId target,
                                                               Measure measure);
[[nodiscard]] std::optional<dataplane::HistogramSum> histogram(const SegmentView& view,
                                                               dataplane::ListenerId listener,
                                                               std::uint16_t incarnation,
                                                               Measure measure);

/// {"count", "mean", "p50", "p75", "p90", "p95", "p99", "p99_9", "max"}, in the measure's unit; all
/// but the count null without values.
[[nodiscard]] Json figures_document(const dataplane::HistogramSum& sum, double scale);
/// {"connect_seconds": {…}, …, "bytes": {…}}; null if it is not measured.
[[nodiscard]] Json flow_figures_document(const SegmentView& view, dataplane::TargetId target);
[[nodiscard]] Json flow_figures_document(const SegmentView& view, dataplane::ListenerId listener,
                                         std::uint16_t incarnation);

}  // namespace report
