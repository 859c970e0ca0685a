// Documents: what the shared memory segment says, as the JSON that operators get.
//
// The daemon's control socket and spillwayctl --json answer with these very documents, so both have
// the same fields. Pure: a view and the time in, a value out. Records that the writer left half
// written are left out and counted in "unreadable", which is absent otherwise.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/flow_query.h"
#include "tools/report/segment_view.h"

namespace report {

using Json = nlohmann::ordered_json;  // fields stay in the order in which they are documented

/// {"instance", "version", "layout_version"}
[[nodiscard]] Json version_document(const SegmentView& view);
[[nodiscard]] Json status_document(const SegmentView& view, const Liveness& liveness,
                                   std::uint64_t now_unix_milliseconds);
[[nodiscard]] Json listeners_document(const SegmentView& view, const Liveness& liveness);
[[nodiscard]] Json security_groups_document(const SegmentView& view, const Liveness& liveness);
[[nodiscard]] Json targets_document(const SegmentView& view, const Liveness& liveness);
/// One element of targets_document's "targets".
[[nodiscard]] Json target_document(const SegmentView& view, const dataplane::TargetRecord& record);
/// One element of the flows document's "flows"; names come from the segment.
[[nodiscard]] Json flow_document(const SegmentView& view, const dataplane::FlowRecord& record,
                                 dataplane::WorkerId worker);

/// Who the segment is of; all of it empty while it is being written.
[[nodiscard]] dataplane::InstanceRecord instance_of(const SegmentView& view);

/// "2026-01-02T03:04:05.678Z"
[[nodiscard]] std::string iso_time(std::uint64_t unix_milliseconds);
[[nodiscard]] std::uint64_t now_unix_milliseconds();

}  // namespace report
