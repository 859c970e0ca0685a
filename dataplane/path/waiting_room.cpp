#include "dataplane/path/waiting_room.h"

namespace dataplane {

Waiter& WaitingRoom::add(TargetGroupId group, FlowToken token) {
  CHECK(free_ != Waiter::nobody);
  const std::uint32_t index = free_;
  Waiter& waiter = waiters_[index];
  free_ = waiter.next;
  Line& line = lines_[group.slot];
  if (line.count == 0) {
    line.place = static_cast<std::uint32_t>(active_size_);
    active_[active_size_++] = group;
    line.first = index;
  } else {
    waiters_[line.last].next = index;
  }
  line.last = index;
  ++line.count;
  ++size_;
  waiter.next = Waiter::nobody;
  waiter.group = group;
  waiter.token = token;
  std::uint32_t& head = heads_[head_of(token)];
  waiter.same_hash = head;
  head = index;
  return waiter;
}

void WaitingRoom::remove_first(TargetGroupId group) {
  Line& line = lines_[group.slot];
  DCHECK(line.count != 0);
  const std::uint32_t index = line.first;
  Waiter& waiter = waiters_[index];
  std::uint32_t* link = &heads_[head_of(waiter.token)];
  while (*link != index) link = &waiters_[*link].same_hash;
  *link = waiter.same_hash;
  line.first = waiter.next;
  --line.count;
  --size_;
  waiter.next = free_;
  free_ = index;
  if (line.count != 0) return;
  line.last = Waiter::nobody;
  const TargetGroupId moved = active_[--active_size_];
  active_[line.place] = moved;
  lines_[moved.slot].place = line.place;
}

}  // namespace dataplane
