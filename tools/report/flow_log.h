// What became of the flow log's lines, as a document.
#pragma once

#include "tools/report/documents.h"
#include "tools/report/segment_view.h"

namespace report {

/// Null before there was a flow log. `dropped` is by reason: ring (the worker's was full), slow and
/// unavailable (the destination). Over all: what was drawn = written + dropped + waiting.
[[nodiscard]] Json flow_log_document(const SegmentView& view);

}  // namespace report
