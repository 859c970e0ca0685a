#include "dataplane/path/drafts.h"
#include "dataplane/path/local_ports.h"
#include "dataplane/path/pick.h"
#include "dataplane/path/security.h"
#include "dataplane/path/stateless.h"
#include "dataplane/path/surge.h"
#include "dataplane/path/track.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

/// nat: the target sees the client's own address and port. They may still be in use there by a
/// connection through another listener, `other`; one that is over makes room.
template <class Address>
bool claim_client_endpoint(FlowIndex other, FlowLedger<Address>& flows) {
  if (other == no_flow) return true;
  const Flow<Address>& flow = flows.table()[other];
  if (flow.key.protocol != Protocol::Tcp || !may_start_anew(flow.phase)) return false;
  flows.end(other, FlowEnd::Removed);
  return true;
}

/// How far a connection is with its first packet that we see: one that is picked up with its FIN is
/// not to be remembered for as long as one that is not.
Phase first_phase(const Burst& burst, std::size_t i, bool from_client) {
  const std::uint8_t flags = burst.tcp_flags[i];
  if ((flags & TcpHeader::syn) != 0) return Phase::SynSent;
  const Direction direction = from_client ? Direction::ToTarget : Direction::ToClient;
  return next_phase(Phase::Established, direction, flags);
}

Verdict refusal(const Burst& burst, std::size_t i) {
  const bool tcp = burst.kinds[i] == Kind::Tcp;
  return tcp ? Verdict::ReplyResetNoTarget : Verdict::DropNoTarget;
}

// --- one flow ---

/// Sets `to_client`, as a nat target sends it, to the reply's key, which is then not in the table,
/// and `token` to its token; Pending, or why it cannot be.
template <class Address>
Verdict find_reply(FlowKey<Address>& to_client, FlowToken& token, std::size_t i, Mode mode,
                   const Target& target, const Snapshot& snapshot, FlowLedger<Address>& flows,
                   Turns& turns, Drafts<Address>& drafts) {
  FlowTable<Address>& table = flows.table();
  if (mode != Mode::FullNat) {
    token = drafts.token(i, target, table, to_client);
    const bool claimed = claim_client_endpoint(table.find(token, to_client), flows);
    return claimed ? Verdict::Pending : Verdict::DropFlowCollision;
  }
  const Draft<Address>* draft = drafts.next(target, to_client, turns);
  if (draft != nullptr && table.find(draft->token, draft->to_client) == no_flow) {
    to_client = draft->to_client;
    token = draft->token;
    turns.local_port = draft->next_local_port;
    return Verdict::Pending;
  }
  const LocalAddresses& locals = snapshot.locals[target.next_hop.port.number];
  if (!take_local_port(to_client, locals, table, turns)) return Verdict::DropNoLocalPort;
  token = table.prehash(to_client);
  return Verdict::Pending;
}

/// Enters the flow of client's key `to_target` towards `target`, with the places that were taken
/// for it; Pending, or why it cannot, and the places are the caller's again.
template <class Address>
Verdict start(Burst& burst, std::size_t i, const Snapshot& snapshot, FlowLedger<Address>& flows,
              Turns& turns, const FlowKey<Address>& to_target, FlowToken to_target_token,
              const Target& target, Drafts<Address>& drafts, Reservation places = {}) {
  const TargetGroup& group = snapshot.target_groups[target.target_group.slot];
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  burst.targets[i] = target.id;
  if (!target.address.is_a<Address>()) return Verdict::DropNoNextHop;
  if (!lets_out(listener, to_target, target, flows.rule_hits())) {
    return Verdict::DropSecurityGroupOutbound;
  }
  if (!target.next_hop.resolved()) return Verdict::DropNoNextHop;
  FlowKey<Address> to_client = reply_of(to_target, target);
  FlowToken to_client_token;
  const Verdict reply =
      find_reply(to_client, to_client_token, i, group.mode, target, snapshot, flows, turns, drafts);
  if (reply != Verdict::Pending) return reply;
  const Packet& packet = burst.packets[i];
  const bool from_client = burst.key<Address>(i) == to_target;
  FlowStart<Address> flow{.to_target = to_target,
                          .to_client = to_client,
                          .to_target_token = to_target_token,
                          .to_client_token = to_client_token,
                          .target = target.id,
                          .listener = &listener,
                          .phase = first_phase(burst, i, from_client),
                          .now = Tick::of(burst.now),
                          .client_mac = {},
                          .client_port = no_port,
                          .failing_open = group.failing_open,
                          .group = group.id,
                          .places = places};
  if (from_client) {
    flow.client_mac = packet.header<EthernetHeader>(0).source;
    flow.client_port = packet.ingress;
  }
  const FlowIndex started = flows.start(flow);
  if (started == no_flow) return Verdict::DropTableFull;
  burst.set_flow(i, from_client ? started : flows.table()[started].twin);
  burst.started |= Mask{1} << i;
  return Verdict::Pending;
}

void settle(Burst& burst, std::size_t i, Verdict verdict) {
  if (verdict != Verdict::Pending) burst.decide(i, verdict);
}

// --- overload ---

/// Why no flow can be entered now; Pending: one can, and is counted. Asked before a target or a
/// local port is looked for: under a flood, looking is what costs.
template <class Address>
Verdict overload(const Burst& burst, const Snapshot& snapshot, const FlowLedger<Address>& flows,
                 Turns& turns) {
  if (flows.full()) return Verdict::DropTableFull;
  const std::uint32_t rate = snapshot.new_flows_per_second;
  if (rate != 0 && !turns.new_flows.take(burst.now, rate)) return Verdict::DropFlowRate;
  return Verdict::Pending;
}

bool is_overload(Verdict verdict) {
  return verdict == Verdict::DropTableFull || verdict == Verdict::DropFlowRate;
}

/// Sends a client's packet on without a flow, to the target at which pick-up would look for its
/// flow. Pending, or why not: `refusal` if its group does not forward so.
template <class Address>
Verdict pass_to_target(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Turns& turns, Verdict refusal) {
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
  if (group.overload != Overload::Forward) return refusal;
  const FlowKey<Address>& key = burst.key<Address>(i);
  const Target* target = snapshot.target(home_of(group, key, snapshot, turns, burst.now));
  if (target == nullptr || !target->stateless || !target->address.is_a<Address>()) return refusal;
  burst.targets[i] = target->id;
  if (burst.kinds[i] != Kind::IcmpError && !lets_out(listener, key, *target, flows.rule_hits())) {
    return Verdict::DropSecurityGroupOutbound;
  }
  // settle_collisions() will look for it, when it has been fetched. Its own key's is not asked
  // again.
  burst.tokens[i] = flows.table().prehash(reply_of(key, *target));
  flows.table().prefetch_both(burst.tokens[i]);
  burst.stateless |= Mask{1} << i;
  return Verdict::Pending;
}

/// Sends a target's packet back without a flow, as from burst.listeners[i]. Pending, or `refusal`.
Verdict pass_to_client(Burst& burst, std::size_t i, const Target& target, Verdict refusal) {
  if (!target.stateless) return refusal;
  burst.stateless |= Mask{1} << i;
  return Verdict::Pending;
}

// --- limits ---

/// Where the client of a new flow stays from now on, if nothing was known of it: where that flow
/// has a place; or where another worker has just sent the client, if there is a place there, too.
Placed settle_with_place(const Acquaintance& known, const Placed& placed, const TargetGroup& group,
                         const Snapshot& snapshot, Places& places, Turns& turns, Instant now) {
  Acquaintance client = known;
  const Target& agreed = settle(client, *placed.target, group, snapshot, turns, now);
  if (&agreed == placed.target) return placed;
  const auto moved = places.move(placed.target->id, placed.places, agreed, snapshot);
  return moved ? Placed{&agreed, *moved} : placed;
}

/// Where a new flow gets a place: at its client's target if that has one, else at another, which is
/// not the client's from then on: its next flow tries that one first again.
template <class Address>
Placed place_for_client(const Acquaintance& known, const TargetGroup& group,
                        const FlowKey<Address>& key, const Snapshot& snapshot,
                        FlowLedger<Address>& flows, Turns& turns, int attempt, Instant now) {
  Places& places = flows.places();
  if (known.target != nullptr && attempt == 0) {
    if (const auto taken = places.reserve(*known.target, group, snapshot)) {
      keep(known, group, turns, now);
      return {known.target, *taken};
    }
  }
  const Placed placed = find_place(group, key, snapshot, flows, turns, attempt);
  if (placed.target == nullptr || known.target != nullptr) return placed;
  return settle_with_place(known, placed, group, snapshot, places, turns, now);
}

/// The same for one that has waited, and has a place: its client may have become known meanwhile.
Placed place_for_waiter(const Acquaintance& known, const Placed& granted, const TargetGroup& group,
                        const Snapshot& snapshot, Places& places, Turns& turns, Instant now) {
  if (known.target == nullptr) {
    return settle_with_place(known, granted, group, snapshot, places, turns, now);
  }
  Placed placed = granted;
  if (known.target != granted.target && known.target->next_hop.resolved()) {
    const auto moved = places.move(granted.target->id, granted.places, *known.target, snapshot);
    if (moved) placed = {known.target, *moved};
  }
  if (placed.target == known.target) keep(known, group, turns, now);
  return placed;
}

/// A SYN that has waited: refused, or to a target that has a place for it. nullopt: its listener
/// leads to another group now, so it begins like one that has just come.
template <class Address>
std::optional<Verdict> start_released(Burst& burst, std::size_t i, const Snapshot& snapshot,
                                      FlowLedger<Address>& flows, Turns& turns,
                                      Drafts<Address>& drafts, WaitingRoom& room) {
  WaitingRoom::Released& released = room.released();
  if (released.fates[i] != Verdict::Pending) return released.fates[i];
  if (released.groups[i] != burst.groups[i]) return std::nullopt;
  const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
  const FlowKey<Address>& key = burst.key<Address>(i);
  Grant& grant = released.grants[i];
  const Target* granted = snapshot.target(grant.target);
  CHECK(granted != nullptr);  // usable, in this snapshot: see surge.cpp
  const Acquaintance client = recall(group, key, snapshot, turns, burst.now);
  const Placed placed = place_for_waiter(client, {granted, grant.places}, group, snapshot,
                                         flows.places(), turns, burst.now);
  grant = {placed.target->id, placed.places};
  const Verdict verdict = start(burst, i, snapshot, flows, turns, key, burst.tokens[i],
                                *placed.target, drafts, placed.places);
  if (verdict != Verdict::Pending) return verdict;
  turns.sticky_found += placed.target == client.target ? 1 : 0;
  grant.places = {};
  return verdict;
}

/// A new flow of a group whose targets have limits, or that has a queue.
template <class Address>
Verdict start_gated(Burst& burst, std::size_t i, const Snapshot& snapshot,
                    FlowLedger<Address>& flows, Turns& turns, Drafts<Address>& drafts,
                    WaitingRoom& room) {
  const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
  const FlowKey<Address>& key = burst.key<Address>(i);
  const bool tcp = burst.kinds[i] == Kind::Tcp;
  if ((burst.released >> i & 1) != 0) {
    const auto verdict = start_released(burst, i, snapshot, flows, turns, drafts, room);
    if (verdict) return *verdict;
  } else {
    if (tcp && joins_waiter<Address>(burst, i, flows.counters(), room)) {
      return Verdict::DropWaiting;
    }
    const Verdict full = overload(burst, snapshot, flows, turns);
    if (is_overload(full)) return full;
  }
  Places& places = flows.places();
  const bool may_wait = tcp && group.surge.length != 0;
  // Nobody overtakes those who wait.
  const SurgeQueue* queue = may_wait ? places.gate().queues.of(group.id) : nullptr;
  const bool behind = queue != nullptr && queue->waiting() != 0;
  const Acquaintance client = recall(group, key, snapshot, turns, burst.now);
  for (int n = 0; n < turns_max && !behind; ++n) {
    const Placed placed =
        place_for_client(client, group, key, snapshot, flows, turns, n, burst.now);
    if (placed.target == nullptr) break;
    const Verdict verdict = start(burst, i, snapshot, flows, turns, key, burst.tokens[i],
                                  *placed.target, drafts, placed.places);
    if (verdict == Verdict::Pending) {
      turns.sticky_found += placed.target == client.target ? 1 : 0;
      return verdict;
    }
    places.give_back(placed.target->id, group.id, placed.places);
    const bool elsewhere = verdict == Verdict::DropFlowCollision && client.target == nullptr;
    if (!elsewhere || n + 1 == turns_max) return verdict;
  }
  if (may_wait) return begin_to_wait(burst, i, group, snapshot, flows, room);
  if (group.eligible.empty()) return refusal(burst, i);
  return spill(burst, i, group, flows.counters());
}

// --- one packet ---

template <class Address>
Verdict start_for_client(Burst& burst, std::size_t i, const Snapshot& snapshot,
                         FlowLedger<Address>& flows, Turns& turns, Drafts<Address>& drafts,
                         WaitingRoom& room) {
  const TargetGroup& group = snapshot.target_groups[burst.groups[i].slot];
  if (group.gated && !is_mid_stream(burst, i)) [[unlikely]] {
    return start_gated(burst, i, snapshot, flows, turns, drafts, room);
  }
  if (!has_targets(burst, i, snapshot)) return refusal(burst, i);
  if (const Verdict full = overload(burst, snapshot, flows, turns); is_overload(full)) return full;
  const FlowKey<Address>& key = burst.key<Address>(i);
  const auto start_to = [&](const Target& target) {
    return start(burst, i, snapshot, flows, turns, key, burst.tokens[i], target, drafts);
  };
  Acquaintance client = recall(group, key, snapshot, turns, burst.now);
  if (client.target != nullptr) {
    // There or nowhere, even if that target has a flow with that client's address and port.
    keep(client, group, turns, burst.now);
    const Verdict verdict = start_to(*client.target);
    turns.sticky_found += verdict == Verdict::Pending ? 1 : 0;
    return verdict;
  }
  const bool mid_stream = is_mid_stream(burst, i);
  const int attempts = mid_stream ? 1 : turns_max;  // pick-up: where the flow was, or nowhere
  // Not drawn again: the flows that began meanwhile would turn near ties around, and what was
  // fetched for the draft would be for another target. The burst's drafts knew of each other.
  const bool by_load = group.algorithm == Algorithm::LeastConnections && !mid_stream;
  const Target* drawn = by_load ? drafts.target(i) : nullptr;
  Verdict verdict = Verdict::DropFlowCollision;
  for (int n = 0; n < attempts && verdict == Verdict::DropFlowCollision; ++n) {
    const Target* picked = drawn;
    if (picked == nullptr || n != 0) {
      picked = snapshot.target(pick(group, key, snapshot, flows, turns, mid_stream, n));
    }
    if (picked == nullptr) return refusal(burst, i);
    const Target& target = settle(client, *picked, group, snapshot, turns, burst.now);
    verdict = start_to(target);
    if (&target != picked) break;  // another worker's choice, and it stays
  }
  return verdict;
}

template <class Address>
void choose_for_client(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Turns& turns, Drafts<Address>& drafts,
                       WaitingRoom& room) {
  if (never_enters(burst, i)) {
    // If it follows an opening, that was refused, or sent on without a flow, too.
    return settle(burst, i,
                  pass_to_target(burst, i, snapshot, flows, turns, Verdict::DropUnknownFlow));
  }
  const Verdict verdict = start_for_client(burst, i, snapshot, flows, turns, drafts, room);
  settle(
      burst, i,
      is_overload(verdict) ? pass_to_target(burst, i, snapshot, flows, turns, verdict) : verdict);
}

/// The client of a flow that its target has made known stays with that target.
template <class Address>
void acquaint(const TargetGroup& group, const FlowKey<Address>& to_target, const Target& target,
              const Snapshot& snapshot, Turns& turns, Instant now) {
  Acquaintance client = recall(group, to_target, snapshot, turns, now);
  if (client.target == nullptr && target.eligible) {
    (void)settle(client, target, group, snapshot, turns, now);
  }
}

/// What the client would have sent for a target to answer with `key`; destination port 0: nothing
/// that could be told.
template <class Address>
FlowKey<Address> asked_by_client(const FlowKey<Address>& key, const Listener& listener,
                                 const Target& target) {
  return {key.destination,      listener.address.as<Address>(),
          key.destination_port, asked_port(listener, target, key.source_port),
          key.protocol,         {0, 0, 0}};
}

/// Is that the listener's at all, and not one's of that very port?
template <class Address>
bool may_have_been_asked(const FlowKey<Address>& to_target, const Listener& listener,
                         const Snapshot& snapshot) {
  if (to_target.destination_port == Be16{0}) return false;
  if (!listener.is_range()) return true;
  const ListenerId* found = snapshot.listener_for(
      {to_target.destination, to_target.destination_port, to_target.protocol});
  return found != nullptr && *found == listener.id;
}

/// A target's packet whose flow we do not know: which listener did the client use? If several lead
/// to that target's group, the one from which weights, and what is known of the client or Maglev,
/// would have come to this target.
template <class Address>
void choose_for_target(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Turns& turns, Drafts<Address>& drafts) {
  const Target* found = snapshot.target(burst.targets[i]);
  CHECK(found != nullptr);  // by match, in this snapshot
  const Target& target = *found;
  const TargetGroup& group = snapshot.target_groups[target.target_group.slot];
  const FlowKey<Address>& key = burst.key<Address>(i);
  if (target.terminates(key.protocol)) return burst.decide(i, Verdict::DropTargetGone);
  for (const ListenerId id : group.listeners) {
    const Listener& listener = snapshot.listeners[id.slot];
    // A group may have changed its family while a target of the other one drains.
    if (!listener.protocol.has(key.protocol) || !listener.address.is_a<Address>()) continue;
    const FlowKey<Address> to_target = asked_by_client(key, listener, target);
    if (!may_have_been_asked(to_target, listener, snapshot)) continue;
    const bool only = group.listeners.size() == 1;
    const auto leads_here = [&] {
      return listener.group_of(to_target) == group.id &&
             home_of(group, to_target, snapshot, turns, burst.now) == target.id;
    };
    if (!only && !leads_here()) continue;
    const FlowToken token = flows.table().prehash(to_target);
    if (flows.table().find(token, to_target) != no_flow)
      continue;  // the client is with another target
    burst.listeners[i] = id;
    if (burst.kinds[i] != Kind::IcmpError) {
      if (!lets_in(listener, to_target, flows.rule_hits())) {
        return burst.decide(i, Verdict::DropSecurityGroupInbound);
      }
    }
    if (never_enters(burst, i)) {
      return settle(burst, i, pass_to_client(burst, i, target, Verdict::DropUnknownFlow));
    }
    Verdict verdict = overload(burst, snapshot, flows, turns);
    if (!is_overload(verdict)) {
      verdict = start<Address>(burst, i, snapshot, flows, turns, to_target, token, target, drafts);
      if (verdict == Verdict::Pending)
        acquaint(group, to_target, target, snapshot, turns, burst.now);
    }
    return settle(burst, i,
                  is_overload(verdict) ? pass_to_client(burst, i, target, verdict) : verdict);
  }
  burst.decide(i, Verdict::DropUnknownFlow);
}

/// Drops what goes on without a flow to a target that has a flow with that client's address and
/// port: its replies would be taken for that flow's.
template <class Address>
void settle_collisions(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows) {
  for (std::size_t i : bits(burst.of<Address>(burst.stateless))) {
    const FlowKey<Address>& key = burst.key<Address>(i);
    if (!is_from_client(key, snapshot.listeners[burst.listeners[i].slot])) continue;
    const Target& target = snapshot.targets[burst.targets[i].slot];
    const FlowTable<Address>& table = flows.table();
    const FlowIndex other = table.find(burst.tokens[i], reply_of(key, target));
    // Its own: a later packet of this burst has started it.
    if (other != no_flow && table[table[other].twin].key == key) continue;
    if (claim_client_endpoint(other, flows)) continue;
    burst.stateless &= ~(Mask{1} << i);
    burst.decide(i, Verdict::DropFlowCollision);
  }
}

template <class Address>
void choose_family(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows, Turns& turns,
                   WaitingRoom& room) {
  FlowTable<Address>& table = flows.table();
  const std::uint64_t moves = table.moves();
  const Mask fresh = burst.of<Address>(burst.pending & burst.keyed & ~burst.known);
  if (fresh == 0) return;
  flows.places().begin_burst();
  Drafts<Address> drafts;
  drafts.draw(burst, fresh, snapshot, flows, turns);
  // In order of arrival: the second packet of a new flow must find what the first has entered.
  for (std::size_t i : bits(fresh)) {
    if (burst.started != 0) {
      burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
    }
    if (burst.flows[i] == no_flow) {
      const bool from_client = burst.listeners[i] != no_listener;
      if (from_client) {
        choose_for_client(burst, i, snapshot, flows, turns, drafts, room);
      } else {
        choose_for_target(burst, i, snapshot, flows, turns, drafts);
      }
    } else if (burst.kinds[i] == Kind::Tcp) {
      advance(table[burst.flows[i]], flows, burst.tcp_flags[i]);
    }
  }
  if (burst.stateless != 0) settle_collisions(burst, snapshot, flows);
  if (table.moves() == moves) return;
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.keyed & ~burst.stateless))) {
    burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
    // Its connection was over, and has made room for one that began in this burst.
    if (burst.flows[i] == no_flow) burst.decide(i, Verdict::DropUnknownFlow);
  }
}

}  // namespace

void choose(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, Turns& turns,
            WaitingRoom& room) {
  choose_family(burst, snapshot, flows.v4, turns, room);
  choose_family(burst, snapshot, flows.v6, turns, room);
}

}  // namespace dataplane
