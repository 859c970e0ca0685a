// Stateless forwarding: what becomes of a flow that was not entered (Overload::Forward), packet by
// packet.
//
// choose has found, from the packet alone, which target or which listener's client it is for
// (burst.targets, burst.listeners) and has set its bit in burst.stateless; here its bytes become
// what they would in a flow. What a flow knows and this does not: the router that the client's
// packets came by. Replies take the route to the client.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/path/error_meter.h"
#include "dataplane/path/missing_hops.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// What a nat target sends to a client that sends `to_target`.
template <class Address>
[[nodiscard]] FlowKey<Address> reply_of(const FlowKey<Address>& to_target, const Target& target) {
  return {
      target.address.as<Address>(), to_target.source,   target.port_for(to_target.destination_port),
      to_target.source_port,        to_target.protocol, {0, 0, 0}};
}

/// Who sent a packet of burst.stateless: only what a client sends is for one of the listener's
/// endpoints.
template <class Address>
[[nodiscard]] bool is_from_client(const FlowKey<Address>& key, const Listener& listener) {
  return key.destination == listener.address.as<Address>() &&
         listener.ports.has(key.destination_port.value());
}

/// The port that the client must have asked for if a target's packet from `port` is for it; 0: that
/// cannot be told, or it is none of the listener's.
[[nodiscard]] inline Be16 asked_port(const Listener& listener, const Target& target, Be16 port) {
  if (target.keeps_ports()) return listener.ports.has(port.value()) ? port : Be16{0};
  return listener.is_range() ? Be16{0} : Be16{listener.ports.first};
}

/// Rewrites and decides the packets of burst.stateless.
void forward_stateless(Burst& burst, const Snapshot& snapshot, MissingHops& missing,
                       ErrorMeter& errors);

}  // namespace dataplane
