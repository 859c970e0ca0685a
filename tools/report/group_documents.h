// Documents about target groups and zones: where new flows go and why, and which zones should be
// announced. As documents.h: what the segment says, as the JSON that operators get.
#pragma once

#include "tools/report/documents.h"
#include "tools/report/segment_view.h"

namespace report {

[[nodiscard]] Json target_groups_document(const SegmentView& view, const Liveness& liveness);
/// Zones, and the shifts that hold. Every zone has ELB's ZonalHealthStatus (1 or 0) and
/// ActiveZonalShiftHostCount.
[[nodiscard]] Json zones_document(const SegmentView& view, const Liveness& liveness);
/// The same array, for other documents.
[[nodiscard]] Json zones_of(const SegmentView& view);

}  // namespace report
