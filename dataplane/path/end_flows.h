// Ends the flows of targets whose draining is over, where the target group has
// connection_termination; and of unhealthy ones those of which one end has been told, by the reset
// of its packet: the other may be waiting for what that end will never send.
//
// A RST is believed only with the very sequence number that its receiver expects, and flows do not
// know it: following it would cost every packet. So both ends of a connection are asked where they
// are, by an ACK that is in no window (reply.h: write_question), and their answers get the RST like
// any packet of such a flow (track). Who does not answer is asked again half a second later, and
// the flow is gone after flows.reset_timeout. UDP flows, and connections that no target has
// answered yet, are gone at once.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/core.h"
#include "dataplane/packet/clock.h"
#include "dataplane/packet/own_frame.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Between the beginnings of two passes over a worker's flows.
inline constexpr std::uint64_t ending_interval = 500'000'000;  // nanoseconds

/// One step: looks at a bounded number of buckets, and returns what is now to be sent, which stays
/// until the next step. Costs nothing while no target is `terminated`, and next to nothing while
/// none of those has a flow on this worker that is to end.
[[nodiscard]] std::span<const OwnFrame> end_flows(Core& core, const Snapshot& snapshot,
                                                  Instant now);

}  // namespace dataplane
