// Surge: how new flows of a gated target group get a place, wait for one, or are refused; and how
// places go from those who leave to those who wait. docs/surge-queue.md tells it to operators.
//
//   choose ── a place is free, nobody waits ──▶ flow
//      └───── else ──▶ held in the WaitingRoom, ticket in the SurgeQueue ── queue full ──▶ spilled
//
//   a place is given back, on any worker ──▶ hand_on(): granted to the oldest ticket
//   once a step: release_waiters() takes those with a grant, and those whose time is over, as a
//   burst; it goes through the path like any other; settle_released() counts what became of it
//
//   a grant at a target that takes no flows any more: the ticket is put back, and waits on in its
//   turn
//
// Nothing here runs unless a target group has a limit or a queue.
#pragma once

#include <cstddef>
#include <optional>

#include "dataplane/burst.h"
#include "dataplane/core.h"
#include "dataplane/path/pick.h"
#include "dataplane/path/places.h"
#include "dataplane/path/waiting_room.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

// --- choose's ---

/// A target and the place that was taken there.
struct Placed {
  const Target* target = nullptr;
  Reservation places;
};

/// A place for a new flow at whom the algorithm picks, or at another target of its group that has
/// one; target null: nobody has. Those whose next hop is not known come last.
template <class Address>
[[nodiscard]] Placed find_place(const TargetGroup& group, const FlowKey<Address>& key,
                                const Snapshot& snapshot, const FlowLedger<Address>& flows,
                                Turns& turns, int attempt);

/// The SYN waits (Wait), or is refused since it may not.
template <class Address>
[[nodiscard]] Verdict begin_to_wait(const Burst& burst, std::size_t i, const TargetGroup& group,
                                    const Snapshot& snapshot, FlowLedger<Address>& flows,
                                    WaitingRoom& room);

/// The SYN is one that waits already: the held one is replaced by it, which then is the burst's
/// packet, and to be dropped. Two copies differ in their timestamps; and a client that has begun
/// anew on the same port, in all.
template <class Address>
[[nodiscard]] bool joins_waiter(Burst& burst, std::size_t i, WorkerBlock& counters,
                                WaitingRoom& room);

/// Refuses a new flow that finds neither a place nor room in the queue, and counts it.
[[nodiscard]] Verdict spill(const Burst& burst, std::size_t i, const TargetGroup& group,
                            WorkerBlock& counters);

// --- the worker's ---

/// Begins a generation: counts as it wants, and hands on what places it has made.
void enter_generation(Core& core, const Snapshot& snapshot);
/// Hands on the places that were given back since the last call.
void hand_on_freed(Core& core, const Snapshot& snapshot);

/// Takes those out of the queues whose waiting is over, as many as a burst has room for. Returns
/// how many; the burst is then to be run.
[[nodiscard]] std::size_t release_waiters(Core& core, const Snapshot& snapshot, Burst& burst,
                                          Instant now);
/// The same for all who wait, whatever they wait for: the worker is about to stop.
[[nodiscard]] std::size_t dismiss_waiters(Core& core, const Snapshot& snapshot, Burst& burst,
                                          Instant now);
/// After it was run: counts how the waiting ended, and gives back the places that were not used.
void settle_released(Core& core, const Snapshot& snapshot, const Burst& burst);

}  // namespace dataplane
