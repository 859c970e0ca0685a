// Named: the ids of listeners and target groups, by the names that the segment has for them.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/table/ids.h"
#include "tools/report/segment_view.h"

namespace control {

/// nullopt: there is none.
[[nodiscard]] std::optional<dataplane::ListenerId> listener_named(const report::SegmentView& view,
                                                                  std::string_view name);
[[nodiscard]] std::optional<dataplane::TargetGroupId> target_group_named(
    const report::SegmentView& view, std::string_view name);

}  // namespace control
