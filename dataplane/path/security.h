// Security: whether security groups let a flow begin. Part of match, admit, choose and revalidate.
//
// Asked for new flows (and pings) only; an answer costs a look-up in two short arrays or so
// (table/access_list.h). Rules that let something through are counted, each worker on its own.
#pragma once

#include <memory>

#include "dataplane/burst.h"
#include "dataplane/counters.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// The rule by which a flow may be: with this peer, protocol and destination port. Without a list
/// everything may, and no rule says so.
template <class Address>
[[nodiscard]] bool lets_through(const AccessList* list, const Address& peer, RuleProtocol protocol,
                                Be16 port, RuleId& by) {
  by = no_rule;
  if (list == nullptr) return true;
  by = list->find(peer, protocol, port.value());
  return by != no_rule;
}

/// May this client have a flow at this listener? `to_target`: as the client sends.
template <class Address>
[[nodiscard]] bool lets_in(const Listener& listener, const FlowKey<Address>& to_target,
                           RuleId& by) {
  return lets_through(listener.inbound.get(), to_target.source, rule_protocol(to_target.protocol),
                      to_target.destination_port, by);
}
template <class Address>
[[nodiscard]] bool lets_in(const Listener& listener, const FlowKey<Address>& to_target,
                           RuleHits& hits) {
  RuleId by;
  const bool may = lets_in(listener, to_target, by);
  if (by != no_rule) hits[by.slot].add(1);
  return may;
}

/// May a flow of this listener go to this target, which is of the listener's family? To the port
/// that the target has, or keeps.
template <class Address>
[[nodiscard]] bool lets_out(const Listener& listener, const FlowKey<Address>& to_target,
                            const Target& target, RuleId& by) {
  return lets_through(listener.outbound.get(), target.address.as<Address>(),
                      rule_protocol(to_target.protocol),
                      target.port_for(to_target.destination_port), by);
}
template <class Address>
[[nodiscard]] bool lets_out(const Listener& listener, const FlowKey<Address>& to_target,
                            const Target& target, RuleHits& hits) {
  RuleId by;
  const bool may = lets_out(listener, to_target, target, by);
  if (by != no_rule) hits[by.slot].add(1);
  return may;
}

/// May it be pinged from there?
template <class Address>
[[nodiscard]] bool lets_ping(const Snapshot& snapshot, const Address& address, const Address& from,
                             RuleHits& hits) {
  const std::shared_ptr<const AccessList>* list = snapshot.pingers.find(address);
  if (list == nullptr) return true;
  const RuleId by = (*list)->find(from, RuleProtocol::Icmp, 0);
  if (by != no_rule) hits[by.slot].add(1);
  return by != no_rule;
}

}  // namespace dataplane
