// Local ports: which address and port of ours full_nat speaks to a target from.
//
// Each worker takes only ports whose replies are its own: those that the target's port brings to
// its queue by RSS, or else every n-th. The flow table is the record of what is in use, towards
// each target apart. All workers walk the same long way over all addresses and ports, so a port
// rests for a whole round before its turn comes again, and after a restart the walk goes on where
// the furthest one stood (dataplane/counters.h).
#pragma once

#include <cstdint>

#include "dataplane/packet/flow_key.h"
#include "dataplane/path/turns.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// How many of its own ports that are in use a worker looks at before it gives up: at 90 % use the
/// chance that all of them are taken is 0.1 %. They lie far apart, because connections that were
/// opened together are often open together.
inline constexpr int local_ports_max = 64;

/// Sets the destination of `to_client`, a target's reply, to the next local address and port that
/// are worker `turns.worker`'s and not in use towards its source. False: none was found.
template <class Address>
[[nodiscard]] bool take_local_port(FlowKey<Address>& to_client, const LocalAddresses& locals,
                                   const FlowTable<Address>& flows, Turns& turns);

/// Sets it to the one that take_local_port would try first, in use or not, and `turns` as if it was
/// taken: so that the table can be asked for many of them at once.
template <class Address>
[[nodiscard]] bool draft_local_port(FlowKey<Address>& to_client, const LocalAddresses& locals,
                                    Turns& turns);

}  // namespace dataplane
