#include "dataplane/path/places.h"

#include "dataplane/packet/contract.h"

namespace dataplane {

// --- generations ---

/// Brings one target's connections into the counts where they belong now, and out of those where
/// they do not.
void Places::recount(std::uint16_t slot, const Counted& now, std::uint32_t live) {
  const Counted was = counted_[slot];
  ConnectionLimits& limits = gate_.limits;
  const LimitId target = limit_of(TargetId{slot, 0});
  if (was.target && !now.target) limits.leave(target, live);
  if (!was.target && now.target) limits.join(target, live);
  const bool stays = was.in_group && now.in_group && was.group == now.group;
  if (was.in_group && !stays) limits.give_back(limit_of(was.group), live);
  if (now.in_group && !stays) limits.take(limit_of(now.group), live);
  counted_[slot] = now;
}

void Places::settle(const Snapshot& snapshot, const WorkerBlock& block) {
  const auto group_is_limited = [&](TargetGroupId id) {
    const TargetGroup* group = snapshot.target_group(id);
    return group != nullptr && group->max_connections != 0;
  };
  // A group whose limit is gone first: from now on nobody relies on its count.
  std::size_t groups = 0;
  for (std::size_t i = 0; i < joined_size_; ++i) {
    const TargetGroupId id{joined_slots_[i]};
    joined_[id.slot] = group_is_limited(id);
    if (joined_[id.slot]) {
      joined_slots_[groups++] = id.slot;
    } else {
      gate_.limits.leave(limit_of(id), 0);
    }
  }
  joined_size_ = groups;
  const auto wanted = [&](std::uint16_t slot) {
    Counted now;
    if (slot >= snapshot.targets.size() || snapshot.targets[slot].id == no_target) return now;
    const Target& target = snapshot.targets[slot];
    now.group = target.target_group;
    now.target = snapshot.limit_of(target.id) != 0;
    now.in_group = group_is_limited(target.target_group);
    return now;
  };
  std::size_t left = 0;
  for (std::size_t i = 0; i < counted_size_; ++i) {
    const std::uint16_t slot = counted_slots_[i];
    recount(slot, wanted(slot), live_flows(block.targets[slot]));
    if (counted_[slot].any()) counted_slots_[left++] = slot;
  }
  counted_size_ = left;
  for (const TargetId id : snapshot.limited) {
    if (counted_[id.slot].any()) continue;
    recount(id.slot, wanted(id.slot), live_flows(block.targets[id.slot]));
    DCHECK(counted_[id.slot].any());
    counted_slots_[counted_size_++] = id.slot;
  }
  // A group with a limit last: all connections that it has here are counted now.
  for (const TargetId id : snapshot.limited) {
    const TargetGroupId group = counted_[id.slot].group;
    if (!counted_[id.slot].in_group || joined_[group.slot]) continue;
    joined_[group.slot] = true;
    joined_slots_[joined_size_++] = group.slot;
    gate_.limits.join(limit_of(group), 0);
  }
}

// --- places ---

std::optional<Reservation> Places::reserve(const Target& target, const TargetGroup& group,
                                           const Snapshot& snapshot) {
  ConnectionLimits& limits = gate_.limits;
  Reservation taken;
  if (group.max_connections != 0) {
    if (!limits.try_take(limit_of(group.id), group.max_connections)) return std::nullopt;
    taken.group = true;
  }
  const std::uint32_t limit = snapshot.limit_of(target.id);
  if (limit != 0) {
    taken.target = limits.try_take(limit_of(target.id), limit);
    if (!taken.target) {
      give_back(target.id, group.id, taken);
      return std::nullopt;
    }
  }
  return taken;
}

std::optional<Reservation> Places::move(TargetId from, Reservation held, const Target& to,
                                        const Snapshot& snapshot) {
  Reservation taken = held;  // of the group's, the same one
  const std::uint32_t limit = snapshot.limit_of(to.id);
  taken.target = limit != 0;
  if (taken.target && !gate_.limits.try_take(limit_of(to.id), limit)) return std::nullopt;
  give_back(from, to.target_group, {.target = held.target, .group = false});
  return taken;
}

void Places::give_back(TargetId target, TargetGroupId group, Reservation places) {
  if (places.target) gate_.limits.give_back(limit_of(target));
  if (places.group) gate_.limits.give_back(limit_of(group));
  if (places.any()) note_free(target);
}

void Places::begin(TargetId target, TargetGroupId group, Reservation places) {
  const Counted& counted = counted_[target.slot];
  // What is counted but was not reserved exists already (picked up in mid-stream), or was reserved
  // when there was no limit yet; what was reserved but is not counted (any more) here is not taken.
  if (counted.target && !places.target) gate_.limits.take(limit_of(target));
  if (counted.in_group && !places.group) gate_.limits.take(limit_of(counted.group));
  const Reservation unused{places.target && !counted.target, places.group && !counted.in_group};
  if (unused.any()) give_back(target, group, unused);
}

void Places::end(TargetId target) {
  const Counted& counted = counted_[target.slot];
  if (!counted.any()) return;
  if (counted.target) gate_.limits.give_back(limit_of(target));
  if (counted.in_group) gate_.limits.give_back(limit_of(counted.group));
  note_free(target);
}

void Places::note_free(TargetId target) {
  ++search_;
  // After the place was given back: see surge_queue.h.
  if (gate_.queues.anybody_waits()) freed_.note(target);
}

}  // namespace dataplane
