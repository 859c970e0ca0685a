// The next hop of what a flow's entry sends on.
#pragma once

#include "dataplane/table/flow.h"
#include "dataplane/table/next_hop.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// Towards the target its own; towards the client the way that the client's packets came last.
/// Unresolved if it is not known.
template <class Address>
[[nodiscard]] NextHop hop_for(const Flow<Address>& flow, const Snapshot& snapshot) {
  if (flow.direction == Direction::ToTarget) {
    const Target* target = snapshot.target(flow.target);
    return target == nullptr ? NextHop{} : target->next_hop;
  }
  // Picked up from the target's side, and the client has not sent anything since.
  if (flow.client_mac.is_zero()) return snapshot.next_hop_to(flow.new_destination);
  const Port& port = snapshot.ports[flow.client_port.number];
  return next_hop(port.id, flow.client_mac, port.mac, port.vlan, port.mtu,
                  IpAddress(flow.new_destination).family());
}

}  // namespace dataplane
