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

const ListenerId* Snapshot::listener_of_range(const Endpoint& to) const {
  const Segments* among = segments_at.find({to.address, Be16{0}, to.protocol});
  if (among == nullptr) return nullptr;
  const auto first = segments.begin() + among->first;
  const std::uint16_t port = to.port.value();
  // The last one that does not begin behind the port.
  auto after = std::upper_bound(first, first + among->count, port,
                                [](std::uint16_t wanted, const PortSegment& segment) {
                                  return wanted < segment.ports.first;
                                });
  if (after == first || !(--after)->ports.has(port)) return nullptr;
  return &after->listener;
}

const TargetId* Snapshot::keeping_target_for(const Endpoint& from) const {
  const TargetId* found = keeping_target_at.find({from.address, Be16{0}, from.protocol});
  if (found == nullptr) return nullptr;
  const TargetGroup* group = target_group(targets[found->slot].target_group);
  CHECK(group != nullptr);  // compile() enters targets of groups that are there
  for (const ListenerId id : group->listeners) {
    const Listener& one = listeners[id.slot];
    if (one.protocol.has(from.protocol) && one.ports.has(from.port.value())) return found;
  }
  return nullptr;
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
