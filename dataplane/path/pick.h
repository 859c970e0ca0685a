// Pick: which target of a group a new flow goes to, by the group's algorithm. Part of choose, and
// of the drafts that it draws before; nobody else calls it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/path/flow_ledger.h"
#include "dataplane/path/sticky.h"
#include "dataplane/path/turns.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

// Maglev must answer the same after a restart and on every machine, so its hash is not secret. Who
// aims at one target with it needs the target list, and could as well open many connections.
inline constexpr Seed maglev_seed{0x6d61'676c'6576'2031, 0x7370'696c'6c77'6179};

// How many targets round robin tries when the first ones' next hops are not resolved, and any
// algorithm when the first ones already have a flow with that client's address and port.
inline constexpr int turns_max = 4;
// How often least_connections draws until it has two targets that differ and can be reached.
inline constexpr int draws_max = 8;

[[nodiscard]] inline TargetId pick_by_turn(const TargetGroup& group, const Snapshot& snapshot,
                                           Turns& turns) {
  if (group.schedule->order().empty()) return no_target;
  std::uint64_t& cursor = turns.cursors[group.id.slot];
  TargetId picked = no_target;
  for (int turn = 0; turn < turns_max; ++turn) {
    picked = group.schedule->at(cursor++);
    const Target* target = snapshot.target(picked);
    if (target == nullptr || target->next_hop.resolved()) break;
  }
  return picked;
}

/// Of two targets drawn at random the one with fewer flows for its weight: nearly as even as asking
/// all of them, and never a herd to the one that just looked emptiest (Mitzenmacher, "The power of
/// two choices", 2001). Heavier targets are drawn more often, too.
template <class Address>
[[nodiscard]] inline TargetId pick_least_loaded(const TargetGroup& group, const Snapshot& snapshot,
                                                const FlowLedger<Address>& flows, Turns& turns) {
  const std::span<const TargetId> order = group.schedule->order();
  if (order.empty()) return no_target;
  struct Drawn {
    TargetId id;
    std::uint64_t load;
    std::uint64_t weight;
  };
  std::array<Drawn, 2> drawn{{{order.front(), 0, 0}, {}}};
  std::size_t found = 0;
  for (int draw = 0; draw < draws_max && found < 2; ++draw) {
    // Each worker draws in an order of its own.
    const std::uint64_t drawn_before = std::uint64_t{turns.worker.number} << 56 | turns.draws++;
    const std::uint64_t random = fold(drawn_before ^ maglev_seed.first, maglev_seed.second);
    const TargetId id = order[(random >> 32) * order.size() >> 32];  // Lemire: no division
    const Target* target = snapshot.target(id);
    if (target == nullptr || !target->next_hop.resolved()) continue;
    if (found == 1 && id == drawn[0].id) continue;  // two different ones, where there are two
    const TargetLoad& more = turns.loads[id.slot];
    const std::uint64_t load = flows.active(id) + more.elsewhere.read() + more.drafted;
    drawn[found++] = {id, load, target->weight};
  }
  if (found < 2) return drawn[0].id;
  // An index, not a branch: which of them it is cannot be foretold.
  const bool second = drawn[1].load * drawn[0].weight < drawn[0].load * drawn[1].weight;
  return drawn[second].id;
}

/// Where in Maglev's table a flow is found. With stickiness, where its client's other flows are
/// too: so pick-up finds all of them again when the table of clients is gone.
template <class Address>
[[nodiscard]] std::uint64_t place_of(const TargetGroup& group, const FlowKey<Address>& to_target) {
  if (group.algorithm == Algorithm::SourceIp) return hash(to_target.source, Be16{0}, maglev_seed);
  return hash(sticky_part(group.stickiness, to_target), maglev_seed);
}

/// Where pick-up looks for a flow that we do not know, and what is sent on without one goes: to its
/// client's target, else where Maglev says. Of consistent algorithms only.
template <class Address>
[[nodiscard]] TargetId home_of(const TargetGroup& group, const FlowKey<Address>& to_target,
                               const Snapshot& snapshot, Turns& turns, Instant now) {
  const Acquaintance client = recall(group, to_target, snapshot, turns, now);
  if (client.target == nullptr) return group.maglev->pick(place_of(group, to_target));
  keep(client, group, turns, now);
  return client.target->id;
}

template <class Address>
[[nodiscard]] inline TargetId pick(const TargetGroup& group, const FlowKey<Address>& to_target,
                                   const Snapshot& snapshot, const FlowLedger<Address>& flows,
                                   Turns& turns, bool mid_stream, int attempt) {
  if (is_consistent(group.algorithm) || mid_stream) {
    const std::uint64_t place = place_of(group, to_target);
    return group.maglev->pick(place + static_cast<std::uint64_t>(attempt) * fold(place, place | 1));
  }
  if (group.algorithm == Algorithm::LeastConnections) {
    return pick_least_loaded(group, snapshot, flows, turns);
  }
  return pick_by_turn(group, snapshot, turns);
}

/// Packets that belong to a flow which was not entered, and are no reason to enter it: half a
/// handshake, the last words of a connection, an error about one.
[[nodiscard]] inline bool never_enters(const Burst& burst, std::size_t i) {
  if (burst.kinds[i] == Kind::Udp) return false;
  if (burst.kinds[i] == Kind::IcmpError || (burst.follows >> i & 1) != 0) return true;
  const std::uint8_t flags = burst.tcp_flags[i];
  return (flags & TcpHeader::rst) != 0 ||
         (flags & (TcpHeader::syn | TcpHeader::ack)) == (TcpHeader::syn | TcpHeader::ack);
}

[[nodiscard]] inline bool is_mid_stream(const Burst& burst, std::size_t i) {
  return burst.kinds[i] == Kind::Tcp && (burst.tcp_flags[i] & TcpHeader::syn) == 0;
}

/// A client's packet: is there anyone at all whom it could go to?
[[nodiscard]] inline bool has_targets(const Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
  return !group.schedule->order().empty() || !group.maglev->slots().empty();
}

}  // namespace dataplane
