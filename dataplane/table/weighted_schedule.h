// WeightedSchedule: a fixed, smooth order of targets in which each appears in proportion to its
// weight (smooth: of weights 5,1,1 comes a b a a a c a, not a a a a a b c). Equal weights: in the
// input's order.
//
// Immutable; a worker walks it with a cursor of its own. Length = sum of the weights divided by
// their greatest common divisor, or length_max, to which larger sums are scaled: a share is then
// wrong by less than one place, and every weight > 0 keeps at least one. Built in O(length log
// weights): the textbook's way (nginx) compares all targets for each place, a second for 8,000 of
// them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/table/ids.h"

namespace dataplane {

struct WeightedEntry {
  TargetId id;
  std::uint32_t weight = 1;  // 0: gets nothing
};

class WeightedSchedule {
 public:
  static constexpr std::size_t length_max = 65'536;

  explicit WeightedSchedule(std::span<const WeightedEntry> targets);

  /// The target at a worker's cursor; no_target if the schedule is empty.
  [[nodiscard]] TargetId at(std::uint64_t cursor) const {
    if (order_.empty()) return no_target;
    return order_[static_cast<std::size_t>(cursor % order_.size())];
  }
  [[nodiscard]] std::span<const TargetId> order() const { return order_; }

 private:
  std::vector<TargetId> order_;
};

}  // namespace dataplane
