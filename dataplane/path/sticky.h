// Sticky: where a client's flows went before, in groups with stickiness. Part of choose, and of
// the drafts that it draws before; nobody else calls it.
//
// A remembered target counts only while it takes new flows of that group; else the group's
// algorithm chooses anew, and the client stays with what it chose.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/burst.h"
#include "dataplane/path/turns.h"
#include "dataplane/table/snapshot.h"
#include "dataplane/table/sticky_table.h"

namespace dataplane {

/// What of a client's packet its flows are stuck by; zeros for the rest. Of a group without
/// stickiness the whole key.
template <class Address>
[[nodiscard]] FlowKey<Address> sticky_part(Stickiness stickiness, const FlowKey<Address>& key) {
  if (stickiness == Stickiness::None) return key;
  FlowKey<Address> part;
  part.source = key.source;
  part.destination = stickiness == Stickiness::SourceIp ? Address{} : key.destination;
  part.source_port = part.destination_port = Be16{0};
  part.protocol =
      stickiness == Stickiness::SourceIpDestIpProto ? key.protocol : static_cast<Protocol>(0);
  return part;
}

/// What is known of a packet's client.
struct Acquaintance {
  StickyToken token;
  StickyEntry entry;
  const Target* target = nullptr;  // null: it has none, or not one that takes new flows
};

[[nodiscard]] inline StickyTerm sticky_term(const TargetGroup& group, Instant now) {
  return {now, group.sticky_seconds};
}

template <class Address>
[[nodiscard]] StickyToken sticky_token(const TargetGroup& group, const FlowKey<Address>& key,
                                       const StickyTable& table) {
  FlowKey<Address> part = sticky_part(group.stickiness, key);
  part.source_port = Be16{group.id.slot};  // each group remembers its own clients
  return table.prehash(part);
}

/// The target that an entry names, if it is one of the group's and takes new flows.
[[nodiscard]] inline const Target* sticky_target(StickyEntry entry, const TargetGroup& group,
                                                 const Snapshot& snapshot) {
  if (!entry.known() || entry.slot() >= snapshot.targets.size()) return nullptr;
  const Target& target = snapshot.targets[entry.slot()];
  const bool usable = entry.names(target.id) && target.target_group == group.id && target.eligible;
  return usable ? &target : nullptr;
}

/// Looks the client of `key` up; nobody is known in a group without stickiness.
template <class Address>
[[nodiscard]] Acquaintance recall(const TargetGroup& group, const FlowKey<Address>& key,
                                  const Snapshot& snapshot, const Turns& turns, Instant now) {
  Acquaintance client;
  if (group.stickiness == Stickiness::None || turns.sticky == nullptr) return client;
  client.token = sticky_token(group, key, *turns.sticky);
  client.entry = turns.sticky->find(client.token, now);
  client.target = sticky_target(client.entry, group, snapshot);
  return client;
}

/// Its flow goes where it went before: its time begins anew.
inline void keep(const Acquaintance& client, const TargetGroup& group, Turns& turns, Instant now) {
  turns.sticky->keep(client.token, client.entry, sticky_term(group, now));
}

/// From now on the client goes to `wanted`, or to where another worker has just sent it; which of
/// the two is returned. `client` knows it afterwards.
[[nodiscard]] inline const Target& settle(Acquaintance& client, const Target& wanted,
                                          const TargetGroup& group, const Snapshot& snapshot,
                                          Turns& turns, Instant now) {
  if (group.stickiness == Stickiness::None || turns.sticky == nullptr) return wanted;
  const StickyTable::Settled settled =
      turns.sticky->settle(client.token, client.entry, wanted.id, sticky_term(group, now));
  turns.sticky_evicted += settled.evicted ? 1 : 0;
  client.entry = settled.entry;
  // Null: the other worker has a snapshot in which that target takes new flows, and we have not.
  client.target = sticky_target(settled.entry, group, snapshot);
  return client.target == nullptr ? wanted : *client.target;
}

/// Has what recall() will read fetched, for all that clients may begin with a burst.
template <class Address>
void prefetch_clients(const Burst& burst, Mask fresh, const Snapshot& snapshot,
                      const Turns& turns) {
  if (!snapshot.any_sticky || turns.sticky == nullptr) return;
  for (std::size_t i : bits(fresh)) {
    if (burst.listeners[i] == no_listener) continue;
    const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
    if (group.stickiness == Stickiness::None) continue;
    turns.sticky->prefetch(sticky_token(group, burst.key<Address>(i), *turns.sticky));
  }
}

}  // namespace dataplane
