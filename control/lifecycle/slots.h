// Slots: which numbers of a fixed range are free, for ids that must not come back too soon.
//
// The one that has been free for longest is given out first, so a slot rests as long as possible
// before its next incarnation. Written and read by the lifecycle only; bounded by the range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "dataplane/packet/contract.h"

namespace control {

struct Slot {
  std::uint16_t number = 0xffff;
  std::uint16_t incarnation = 0;
  friend constexpr auto operator<=>(Slot, Slot) = default;
};

class Slots {
 public:
  explicit Slots(std::size_t count) {
    CHECK(count < 0xffff);  // which means "none" in ids
    for (std::size_t i = 0; i < count; ++i) free_.push_back({static_cast<std::uint16_t>(i), 0});
  }

  [[nodiscard]] std::size_t free() const { return free_.size(); }

  [[nodiscard]] Slot take() {
    CHECK(!free_.empty());
    const Slot slot = free_.front();
    free_.pop_front();
    return slot;
  }
  /// The next user of the slot gets the next incarnation.
  void give_back(Slot slot) {
    ++slot.incarnation;
    free_.push_back(slot);
  }

 private:
  std::deque<Slot> free_;  // each with the incarnation that its next user gets
};

}  // namespace control
