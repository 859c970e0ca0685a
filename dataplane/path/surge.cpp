#include "dataplane/path/surge.h"

#include <algorithm>
#include <utility>

namespace dataplane {
namespace {

constexpr std::uint64_t nanoseconds_per_millisecond = 1'000'000;

std::uint64_t milliseconds_since(Instant since, Instant now) {
  return now.nanoseconds <= since.nanoseconds
             ? 0
             : (now.nanoseconds - since.nanoseconds) / nanoseconds_per_millisecond;
}

/// Takes a place at a target that packets can reach; nullopt: it has none.
std::optional<Reservation> reserve_at(const Target* target, const TargetGroup& group,
                                      const Snapshot& snapshot, Places& places) {
  if (target == nullptr || !target->eligible || !target->next_hop.resolved()) return std::nullopt;
  return places.reserve(*target, group, snapshot);
}

/// The first of a group's targets, from the `first` on, that has a place.
Placed scan(const TargetGroup& group, std::uint64_t first, const Snapshot& snapshot,
            Places& places) {
  if (places.at_limit(group)) return {};
  const std::size_t count = group.eligible.size();
  for (std::size_t n = 0; n < count; ++n) {
    const Target* target = snapshot.target(group.eligible[(first + n) % count]);
    if (const auto taken = reserve_at(target, group, snapshot, places)) return {target, *taken};
  }
  return {};
}

/// A place for the oldest waiter. `freed`: where there may be one; no_target: anywhere.
std::optional<Grant> place_for(SurgeQueue::Ticket ticket, const TargetGroup& group, TargetId freed,
                               const Snapshot& snapshot, Places& places) {
  // Who gives back a place of the group's may have made room at any of its targets.
  if (freed != no_target && group.max_connections == 0) {
    const auto taken = reserve_at(snapshot.target(freed), group, snapshot, places);
    if (!taken) return std::nullopt;
    return Grant{freed, *taken};
  }
  const Placed placed = scan(group, ticket, snapshot, places);
  if (placed.target == nullptr) return std::nullopt;
  return Grant{placed.target->id, placed.places};
}

/// Gives what places there are to those who have waited longest.
void hand_on(const TargetGroup& group, TargetId freed, const Snapshot& snapshot, Places& places) {
  SurgeQueue* queue = places.gate().queues.of(group.id);
  if (queue == nullptr) return;
  std::optional<Grant> place;
  while (true) {
    const std::optional<SurgeQueue::Ticket> oldest = queue->oldest();
    if (!oldest) {
      if (!place) return;
      // Nobody is left; but somebody may enter before it is given back, so look once more.
      places.give_back(place->target, group.id, place->places);
      place.reset();
      continue;
    }
    if (!place) place = place_for(*oldest, group, freed, snapshot, places);
    if (!place) return;
    if (queue->grant(*oldest, *place)) place.reset();
  }
}

void hand_on_everywhere(const Snapshot& snapshot, Places& places) {
  if (!places.gate().queues.anybody_waits()) return;
  for (const TargetGroupId id : snapshot.queueing) {
    hand_on(snapshot.target_groups[id.slot], no_target, snapshot, places);
  }
}

bool is_timeout(Verdict verdict) {
  return verdict == Verdict::ReplyResetQueueTimeout || verdict == Verdict::DropQueueTimeout;
}

// --- the end of waiting ---

enum class Whom : std::uint8_t { WhoseTimeHasCome, Everybody };

/// What somebody who was granted no place is refused with now; nullopt: it may wait on.
std::optional<Verdict> refusal(const Waiter& waiter, const TargetGroup* group, Whom whom,
                               Instant now) {
  if (whom == Whom::Everybody || group == nullptr || group->surge.length == 0) {
    return Verdict::ReplyResetNoTarget;
  }
  if (milliseconds_since(waiter.since, now) < group->surge.timeout_milliseconds) {
    return std::nullopt;
  }
  return group->surge.spillover == Spillover::Reset ? Verdict::ReplyResetQueueTimeout
                                                    : Verdict::DropQueueTimeout;
}

/// One group's line on one worker.
struct Line {
  Core& core;
  const Snapshot& snapshot;
  TargetGroupId id;
  const TargetGroup* group;  // null: gone
  SurgeQueue& queue;
};

/// A place there can be used: by this snapshot, the target takes new flows of the group.
bool is_usable(const Grant& grant, const Line& line) {
  const Target* target = line.snapshot.target(grant.target);
  return target != nullptr && target->target_group == line.id && target->eligible;
}

/// The place of the first of the line comes to nothing, since its target is gone: all who were
/// granted one are put back, in their turn and with the time they have waited, so that what places
/// there still are go to the oldest of them.
void put_back_all(Line& line) {
  WaitingRoom& room = line.core.room;
  Places& places = line.core.places;
  // Places are granted in order, so whoever has none has nobody with one behind.
  for (const Waiter* waiter = &room.first(line.id); waiter != nullptr;
       waiter = room.next(*waiter)) {
    const std::optional<Grant> granted = line.queue.granted(waiter->ticket);
    if (!granted) break;
    places.give_back(granted->target, line.id, granted->places);
    line.queue.put_back(waiter->ticket);
  }
  if (line.group != nullptr) hand_on(*line.group, no_target, line.snapshot, places);
}

/// The place that the first of the line was granted, if it can be used.
std::optional<Grant> usable_grant(SurgeQueue::Ticket ticket, Line& line) {
  std::optional<Grant> granted = line.queue.granted(ticket);
  if (!granted || is_usable(*granted, line)) return granted;
  put_back_all(line);
  granted = line.queue.granted(ticket);
  // By a worker that has not read this snapshot yet: in the next step, then.
  if (granted && !is_usable(*granted, line)) return std::nullopt;
  return granted;
}

/// How it goes on with the first of a line; nullopt: it waits on. Else its ticket is settled.
std::optional<Verdict> fate_of(const Waiter& waiter, Line& line, Whom whom, Instant now,
                               Grant& grant) {
  std::optional<Grant> granted = usable_grant(waiter.ticket, line);
  std::optional<Verdict> refused;
  if (!granted) {
    refused = refusal(waiter, line.group, whom, now);
    if (!refused) return std::nullopt;
    if (line.queue.cancel(waiter.ticket)) return refused;
    granted = line.queue.granted(waiter.ticket);  // in the last moment
    CHECK(granted.has_value());
    if (is_usable(*granted, line)) refused.reset();
  }
  grant = *granted;
  line.queue.collect(waiter.ticket);
  if (refused) return refused;
  return whom == Whom::Everybody ? Verdict::ReplyResetNoTarget : Verdict::Pending;
}

/// Moves those of one line whose waiting is over into the burst.
void release_line(Core& core, TargetGroupId id, const Snapshot& snapshot, Burst& burst, Whom whom,
                  Instant now) {
  WaitingRoom& room = core.room;
  SurgeQueues& queues = core.places.gate().queues;
  SurgeQueue* queue = queues.of(id);
  CHECK(queue != nullptr);  // they have tickets of it
  Line line{core, snapshot, id, snapshot.target_group(id), *queue};
  TargetGroupCounters& counters = core.counters.groups[id.slot];
  while (room.waiting_for(id) != 0) {
    Waiter& waiter = room.first(id);
    if (burst.size == Burst::capacity) break;
    Grant grant;
    const std::optional<Verdict> fate = fate_of(waiter, line, whom, now, grant);
    if (!fate) break;
    const std::size_t i = burst.size++;
    burst.packets[i] = waiter.packet;
    burst.packets[i].handed_off = true;  // it is here already
    WaitingRoom::Released& released = room.released();
    released.fates[i] = *fate;
    released.grants[i] = grant;
    released.groups[i] = id;
    released.since[i] = waiter.since;
    room.remove_first(id);
    queues.let_go();
  }
  const std::size_t left = room.waiting_for(id);
  counters.surge_queue_length.set(left);
  counters.surge_oldest_milliseconds.set(left == 0 ? 0
                                                   : milliseconds_since(room.first(id).since, now));
}

std::size_t release(Core& core, const Snapshot& snapshot, Burst& burst, Whom whom, Instant now) {
  if (core.room.empty()) return 0;
  burst.reset(now, Burst::capacity);
  burst.size = 0;
  for (std::size_t left = core.room.groups().size(); left-- != 0;) {  // the last may go
    release_line(core, core.room.groups()[left], snapshot, burst, whom, now);
  }
  burst.pending = burst.released = burst.all();
  core.counters.totals.surge_held.set(core.room.size());
  core.counters.totals.received_waiting.add(burst.size);
  return burst.size;
}

}  // namespace

// --- choose's ---

template <class Address>
Placed find_place(const TargetGroup& group, const FlowKey<Address>& key, const Snapshot& snapshot,
                  const FlowLedger<Address>& flows, Turns& turns, int attempt) {
  Places& places = flows.places();
  const Target* picked = snapshot.target(pick(group, key, snapshot, flows, turns, false, attempt));
  if (const auto taken = reserve_at(picked, group, snapshot, places)) return {picked, *taken};
  Placed placed;
  // Under a flood, looking is what costs: with 200 targets fifteen times as much as all the rest.
  if (!places.found_full(group.id)) {
    placed = scan(group, turns.cursors[group.id.slot], snapshot, places);
    if (placed.target == nullptr) places.note_full(group.id);
  }
  if (placed.target != nullptr || picked == nullptr || picked->next_hop.resolved()) return placed;
  // Not because it is full: whoever asks is told that its next hop is not known.
  if (const auto taken = places.reserve(*picked, group, snapshot)) return {picked, *taken};
  return {};
}
template Placed find_place(const TargetGroup&, const FlowKey4&, const Snapshot&,
                           const FlowLedger<Ipv4Address>&, Turns&, int);
template Placed find_place(const TargetGroup&, const FlowKey6&, const Snapshot&,
                           const FlowLedger<Ipv6Address>&, Turns&, int);

template <class Address>
Verdict begin_to_wait(const Burst& burst, std::size_t i, const TargetGroup& group,
                      const Snapshot& snapshot, FlowLedger<Address>& flows, WaitingRoom& room) {
  Places& places = flows.places();
  SurgeQueues& queues = places.gate().queues;
  SurgeQueue* queue = queues.of(group.id);
  if (queue == nullptr || !queues.try_hold()) return spill(burst, i, group, flows.counters());
  const std::optional<SurgeQueue::Ticket> ticket = queue->enter(group.surge.length);
  if (!ticket) {
    queues.let_go();
    return spill(burst, i, group, flows.counters());
  }
  Waiter& waiter = room.add(group.id, burst.tokens[i]);
  waiter.packet = burst.packets[i];
  waiter.template key<Address>() = burst.template key<Address>(i);
  waiter.v6 = std::is_same_v<Address, Ipv6Address>;
  waiter.ticket = *ticket;
  waiter.since = burst.now;
  TargetGroupCounters& counters = counters_of(flows.counters(), group);
  counters.surge_entered.add(1);
  counters.surge_queue_length.set(room.waiting_for(group.id));
  const std::uint64_t waiting = queue->waiting();
  if (waiting > counters.surge_queue_length_max.read()) {
    counters.surge_queue_length_max.set(waiting);
  }
  flows.counters().totals.surge_held.set(room.size());
  if (queue->is_oldest(*ticket)) hand_on(group, no_target, snapshot, places);
  return Verdict::Wait;
}
template Verdict begin_to_wait(const Burst&, std::size_t, const TargetGroup&, const Snapshot&,
                               FlowLedger<Ipv4Address>&, WaitingRoom&);
template Verdict begin_to_wait(const Burst&, std::size_t, const TargetGroup&, const Snapshot&,
                               FlowLedger<Ipv6Address>&, WaitingRoom&);

template <class Address>
bool joins_waiter(Burst& burst, std::size_t i, WorkerBlock& counters, WaitingRoom& room) {
  if (room.empty()) return false;
  Waiter* waiter = room.find(burst.tokens[i], burst.template key<Address>(i));
  if (waiter == nullptr) return false;
  std::swap(waiter->packet, burst.packets[i]);
  counters.groups[waiter->group.slot].surge_joined.add(1);
  return true;
}
template bool joins_waiter<Ipv4Address>(Burst&, std::size_t, WorkerBlock&, WaitingRoom&);
template bool joins_waiter<Ipv6Address>(Burst&, std::size_t, WorkerBlock&, WaitingRoom&);

Verdict spill(const Burst& burst, std::size_t i, const TargetGroup& group, WorkerBlock& counters) {
  counters_of(counters, group).spillover.add(1);
  if (group.surge.spillover == Spillover::Silent) return Verdict::DropSpillover;
  return burst.kinds[i] == Kind::Tcp ? Verdict::ReplyResetSpillover : Verdict::ReplyProhibited;
}

// --- the worker's ---

void enter_generation(Core& core, const Snapshot& snapshot) {
  if (!core.places.enter(snapshot, core.counters)) return;
  hand_on_everywhere(snapshot, core.places);
}

void hand_on_freed(Core& core, const Snapshot& snapshot) {
  Freed freed = core.places.freed();
  core.places.freed().clear();
  if (freed.more) return hand_on_everywhere(snapshot, core.places);
  for (std::size_t i = 0; i < freed.count; ++i) {
    const Target* target = snapshot.target(freed.targets[i]);
    if (target == nullptr) continue;
    const TargetGroup* group = snapshot.target_group(target->target_group);
    if (group != nullptr) hand_on(*group, target->id, snapshot, core.places);
  }
}

std::size_t release_waiters(Core& core, const Snapshot& snapshot, Burst& burst, Instant now) {
  return release(core, snapshot, burst, Whom::WhoseTimeHasCome, now);
}

std::size_t dismiss_waiters(Core& core, const Snapshot& snapshot, Burst& burst, Instant now) {
  return release(core, snapshot, burst, Whom::Everybody, now);
}

void settle_released(Core& core, const Snapshot& snapshot, const Burst& burst) {
  const WaitingRoom::Released& released = core.room.released();
  for (std::size_t i : bits(burst.released)) {
    const TargetGroupId id = released.groups[i];
    const Grant& unused = released.grants[i];
    core.places.give_back(unused.target, id, unused.places);
    const TargetGroup* group = snapshot.target_group(id);
    TargetGroupCounters& counters =
        group == nullptr ? core.counters.groups[id.slot] : counters_of(core.counters, *group);
    if ((burst.started >> i & 1) != 0) {
      counters.surge_admitted.add(1);
      counters.surge_wait_milliseconds.add(milliseconds_since(released.since[i], burst.now));
      core.measures.add(burst.targets[i], burst.listeners[i], &FlowHistograms::queue,
                        burst.now.nanoseconds - released.since[i].nanoseconds);
    } else if (is_timeout(burst.verdicts[i])) {
      counters.surge_timed_out.add(1);
    } else {
      counters.surge_left.add(1);
    }
  }
}

}  // namespace dataplane
