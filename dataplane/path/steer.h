// Which worker owns a flow: computable from either direction, without state.
//
// nat: by the client's address and port, which both directions carry. full_nat: the client's for
// what the client sends; the reply carries a local port, and each worker takes only ports that are
// its own.
#pragma once

#include "dataplane/packet/flow_key.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

[[nodiscard]] constexpr WorkerId worker_of_local_port(Be16 port, std::uint8_t workers) {
  return WorkerId{static_cast<std::uint8_t>(port.value() % workers)};
}

/// The worker that owns the flow of a packet with this key.
template <class Address>
[[nodiscard]] WorkerId owner_worker(const FlowKey<Address>& key, const Snapshot& snapshot,
                                    Seed seed);

}  // namespace dataplane
