// Which worker owns a flow: computable from either direction, without state, and the same for as
// long as the process runs, whatever is reloaded.
//
//   what a client sends     by the client's address and port; or, where the ports that clients come
//                           by hash whole tuples and no target group keeps the client's address, by
//                           the tuple as RSS does it (Snapshot::client_rss)
//   a nat target's reply    by the client's address and port, which it carries
//   a full_nat reply        by RSS of the port it is for, or by the local port: each worker takes
//                           only local ports that are its own (path/local_ports)
//
// On a port that steers by RSS the packet has arrived at its owner, so nothing is computed: find
// looks first, and only for what it does not find redirect() computes the owner. So a NIC that does
// otherwise than it says costs a hand-off, counted as wrong_core, never a flow.
#pragma once

#include "dataplane/packet/flow_key.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// The worker that owns the flow of a packet with this key.
template <class Address>
[[nodiscard]] WorkerId owner_worker(const FlowKey<Address>& key, const Snapshot& snapshot,
                                    Seed seed);

}  // namespace dataplane
