#include "dataplane/table/snapshot.h"

#include <algorithm>

#include "dataplane/packet/contract.h"

namespace dataplane {

const LocalAddresses& Snapshot::locals_of(const IpAddress& local) const {
  const auto among = [&](const auto& addresses) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const auto& one) { return IpAddress(one) == local; });
  };
  for (const LocalAddresses& behind : locals) {
    if (among(behind.v4) || among(behind.v6)) return behind;
  }
  CHECK(false);  // whoever asks has found it in `owners`
  return locals.front();
}

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
