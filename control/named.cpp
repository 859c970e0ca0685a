#include "control/named.h"

#include <cstddef>
#include <cstdint>

namespace control {
namespace {

template <class Id, class Records>
std::optional<Id> named_in(const Records& records, std::string_view name) {
  for (std::size_t slot = 0; slot < records.size(); ++slot) {
    const auto record = records[slot].read();
    if (record && record->used && record->name.view() == name) {
      return Id{static_cast<std::uint16_t>(slot)};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<dataplane::ListenerId> listener_named(const report::SegmentView& view,
                                                    std::string_view name) {
  return named_in<dataplane::ListenerId>(view.control->listeners, name);
}

std::optional<dataplane::TargetGroupId> target_group_named(const report::SegmentView& view,
                                                           std::string_view name) {
  return named_in<dataplane::TargetGroupId>(view.control->target_groups, name);
}

}  // namespace control
