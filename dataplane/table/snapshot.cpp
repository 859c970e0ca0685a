#include "dataplane/table/snapshot.h"

#include <algorithm>

#include "dataplane/packet/contract.h"

namespace dataplane {

const LocalAddresses& Snapshot::locals_of(Ipv4Address local) const {
  for (const LocalAddresses& behind : locals) {
    const auto end = behind.addresses.end();
    if (std::find(behind.addresses.begin(), end, local) != end) return behind;
  }
  CHECK(false);  // whoever asks has found it in `owners`
  return locals.front();
}

NextHop Snapshot::next_hop_to(Ipv4Address address) const {
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
