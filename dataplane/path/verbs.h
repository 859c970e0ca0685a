// The verbs of the path, in order. Each signature lists what its verb may read and write; each
// lives in the .cpp file of its name (prefetch in find.cpp). A verb looks only at packets that are
// still pending and may decide any. Where a verb needs keys or flows it goes over the burst's IPv4
// packets, then over its IPv6 ones, with the same code.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/counters.h"
#include "dataplane/path/error_meter.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/missing_hops.h"
#include "dataplane/path/punt_meters.h"
#include "dataplane/path/turns.h"
#include "dataplane/path/waiting_room.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Proves every header's length and place of a group's packets; sets kind, key, offsets and TCP
/// flags. Cuts Ethernet padding.
void parse(Burst& burst, Mask group, const Snapshot& snapshot);

/// Decides HandOff for a group's packets whose flow another worker owns; not on ports that steer by
/// RSS. Nothing to do with one worker.
void steer(Burst& burst, Mask group, const Snapshot& snapshot, WorkerId self, Seed owner_seed);

/// Hashes a group's keys and has the tags fetched that they are to be found by.
void prefetch(Burst& burst, Mask group, FlowLedgers& flows);

/// Sets `flows` of a group, some time after prefetch, to the entries that are theirs by their tags,
/// and has those fetched. Where the tags say that a flow may be in its other bucket, that one's are
/// fetched, and the next call, of any group, looks there: so one more is needed after the last.
void find(Burst& burst, Mask group, FlowLedgers& flows);

/// Makes sure of what find has found. Moves TCP phases on and, with that, forwards the usual packet
/// at once (path/fast_path); ends flows that a packet shows to be over, which makes that packet a
/// new one.
void track(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, WorkerBlock& counters);

/// On ports that steer by RSS: decides HandOff for packets of no flow known here that are another
/// worker's. Returns how many, for wrong_core.
[[nodiscard]] std::size_t redirect(Burst& burst, const Snapshot& snapshot, WorkerId self,
                                   Seed owner_seed);

/// Finds the listener (or, for a target's packet, the target) of packets without a flow; answers or
/// drops what belongs to no flow; leaves the kernel's in `for_kernel`.
void match(Burst& burst, const Snapshot& snapshot, RuleHits& hits);

/// Refuses packets that may not start a flow, or are let in by no security group, and punts above
/// the rate.
void admit(Burst& burst, const Snapshot& snapshot, PuntMeters& punts, RuleHits& hits);

/// Picks a target for each new flow and enters it into the table. Where targets have as many as
/// they may, SYNs wait (path/surge).
void choose(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, Turns& turns,
            WaitingRoom& room);

/// Rewrites packets of known flows and sets their egress. Afterwards nothing is pending.
void translate(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, MissingHops& missing,
               ErrorMeter& errors);

/// Counts every packet once by verdict, and by listener and target where they have one.
void account(const Burst& burst, const Snapshot& snapshot, WorkerBlock& counters);

}  // namespace dataplane
