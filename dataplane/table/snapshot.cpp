#include "dataplane/table/snapshot.h"

namespace dataplane {

NextHop Snapshot::next_hop_to(const IpAddress& address) const {
  for (const Route& route : routes) {
    if (!route.prefix.contains(address)) continue;
    if (!route.on_link) return route.gateway;
    const NextHop* neighbour = neighbours.find(address);
    // Known or not, the longest prefix decides: a host of this wire is not behind some gateway.
    return neighbour == nullptr ? NextHop{} : *neighbour;
  }
  return {};
}

}  // namespace dataplane
