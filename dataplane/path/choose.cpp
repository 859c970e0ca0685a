#include <span>

#include "dataplane/path/local_ports.h"
#include "dataplane/path/stateless.h"
#include "dataplane/path/track.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

// Maglev must answer the same after a restart and on every machine, so its hash is not secret. Who
// aims at one target with it needs the target list, and could as well open many connections.
constexpr Seed maglev_seed{0x6d61'676c'6576'2031, 0x7370'696c'6c77'6179};

// How many targets round robin tries when the first ones' next hops are not resolved, and any
// algorithm when the first ones already have a flow with that client's address and port.
constexpr int turns_max = 4;
// How often least_connections draws until it has two targets that differ and can be reached.
constexpr int draws_max = 8;

TargetId pick_by_turn(const TargetGroup& group, const Snapshot& snapshot, Turns& turns) {
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
TargetId pick_least_loaded(const TargetGroup& group, const Snapshot& snapshot,
                           const FlowLedger<Address>& flows, Turns& turns) {
  const std::span<const TargetId> order = group.schedule->order();
  if (order.empty()) return no_target;
  TargetId best = order.front();
  std::uint64_t best_load = 0, best_weight = 0;  // none yet
  for (int draw = 0, found = 0; draw < draws_max && found < 2; ++draw) {
    // Each worker draws in an order of its own.
    const std::uint64_t drawn_before = std::uint64_t{turns.worker.number} << 56 | turns.draws++;
    const std::uint64_t random = fold(drawn_before ^ maglev_seed.first, maglev_seed.second);
    const TargetId drawn = order[static_cast<std::size_t>(random % order.size())];
    const Target* target = snapshot.target(drawn);
    if (target == nullptr || !target->next_hop.resolved()) continue;
    if (found == 1 && drawn == best) continue;  // two different ones, where there are two
    ++found;
    const std::uint64_t load = flows.active(drawn) + turns.elsewhere[drawn.slot].read();
    if (best_weight != 0 && load * best_weight >= best_load * target->weight) continue;
    best = drawn;
    best_load = load;
    best_weight = target->weight;
  }
  return best;
}

/// Where in Maglev's table a flow is found.
template <class Address>
std::uint64_t place_of(const TargetGroup& group, const FlowKey<Address>& to_target) {
  if (group.algorithm == Algorithm::SourceIp) return hash(to_target.source, Be16{0}, maglev_seed);
  return hash(to_target, maglev_seed);
}

template <class Address>
TargetId pick(const TargetGroup& group, const FlowKey<Address>& to_target, const Snapshot& snapshot,
              const FlowLedger<Address>& flows, Turns& turns, bool mid_stream, int attempt) {
  if (is_consistent(group.algorithm) || mid_stream) {
    const std::uint64_t place = place_of(group, to_target);
    return group.maglev->pick(place + static_cast<std::uint64_t>(attempt) * fold(place, place | 1));
  }
  if (group.algorithm == Algorithm::LeastConnections) {
    return pick_least_loaded(group, snapshot, flows, turns);
  }
  return pick_by_turn(group, snapshot, turns);
}

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

Verdict refusal(const Burst& burst, std::size_t i) {
  const bool tcp = burst.kinds[i] == Kind::Tcp;
  return tcp ? Verdict::ReplyResetNoTarget : Verdict::DropNoTarget;
}

/// Enters the flow of client's key `to_target` towards `target`; Pending, or why it cannot.
template <class Address>
Verdict start(Burst& burst, std::size_t i, const Snapshot& snapshot, FlowLedger<Address>& flows,
              Turns& turns, const FlowKey<Address>& to_target, const Target& target) {
  const TargetGroup& group = snapshot.target_groups[target.target_group.slot];
  burst.targets[i] = target.id;
  if (!target.address.is_a<Address>()) return Verdict::DropNoNextHop;
  if (!target.next_hop.resolved()) return Verdict::DropNoNextHop;
  FlowKey<Address> to_client = reply_of(to_target, target);
  if (group.mode == Mode::FullNat) {
    const LocalAddresses& locals = snapshot.locals[target.next_hop.port.number];
    if (!take_local_port(to_client, locals, flows.table(), turns)) {
      return Verdict::DropNoLocalPort;
    }
  } else if (!claim_client_endpoint(flows.table().find(to_client), flows)) {
    return Verdict::DropFlowCollision;
  }
  const Packet& packet = burst.packets[i];
  const bool from_client = burst.key<Address>(i) == to_target;
  const bool opening = (burst.tcp_flags[i] & TcpHeader::syn) != 0;
  FlowStart<Address> flow{.to_target = to_target,
                          .to_client = to_client,
                          .target = target.id,
                          .listener = &snapshot.listeners[burst.listeners[i].slot],
                          .phase = opening ? Phase::SynSent : Phase::Established,
                          .now = Tick::of(burst.now),
                          .client_mac = {},
                          .client_port = no_port};
  if (from_client) {
    flow.client_mac = packet.header<EthernetHeader>(0).source;
    flow.client_port = packet.ingress;
  }
  if (!flows.start(flow)) return Verdict::DropTableFull;
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

/// Packets that belong to a flow which was not entered, and are no reason to enter it: half a
/// handshake, the last words of a connection, an error about one.
bool never_enters(const Burst& burst, std::size_t i) {
  if (burst.kinds[i] == Kind::Udp) return false;
  if (burst.kinds[i] == Kind::IcmpError || (burst.follows >> i & 1) != 0) return true;
  const std::uint8_t flags = burst.tcp_flags[i];
  return (flags & TcpHeader::rst) != 0 ||
         (flags & (TcpHeader::syn | TcpHeader::ack)) == (TcpHeader::syn | TcpHeader::ack);
}

/// Sends a client's packet on without a flow, to the target at which pick-up would look for its
/// flow. Pending, or why not: `refusal` if its group does not forward so.
template <class Address>
Verdict pass_to_target(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Verdict refusal) {
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  const TargetGroup& group = snapshot.target_groups[listener.target_group.slot];
  if (group.overload != Overload::Forward) return refusal;
  const FlowKey<Address>& key = burst.key<Address>(i);
  const Target* target = snapshot.target(group.maglev->pick(place_of(group, key)));
  if (target == nullptr || !target->stateless || !target->address.is_a<Address>()) return refusal;
  burst.targets[i] = target->id;
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

// --- one packet ---

template <class Address>
Verdict start_for_client(Burst& burst, std::size_t i, const Snapshot& snapshot,
                         FlowLedger<Address>& flows, Turns& turns) {
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  const TargetGroup& group = snapshot.target_groups[listener.target_group.slot];
  if (group.schedule->order().empty() && group.maglev->slots().empty()) return refusal(burst, i);
  if (const Verdict full = overload(burst, snapshot, flows, turns); is_overload(full)) return full;
  const bool mid_stream = burst.kinds[i] == Kind::Tcp && (burst.tcp_flags[i] & TcpHeader::syn) == 0;
  const int attempts = mid_stream ? 1 : turns_max;  // pick-up: where the flow was, or nowhere
  Verdict verdict = Verdict::DropFlowCollision;
  for (int n = 0; n < attempts && verdict == Verdict::DropFlowCollision; ++n) {
    const Target* target =
        snapshot.target(pick(group, burst.key<Address>(i), snapshot, flows, turns, mid_stream, n));
    verdict = target == nullptr
                  ? refusal(burst, i)
                  : start(burst, i, snapshot, flows, turns, burst.key<Address>(i), *target);
  }
  return verdict;
}

template <class Address>
void choose_for_client(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Turns& turns) {
  if (never_enters(burst, i)) {
    // If it follows an opening, that was refused, or sent on without a flow, too.
    return settle(burst, i, pass_to_target(burst, i, snapshot, flows, Verdict::DropUnknownFlow));
  }
  const Verdict verdict = start_for_client(burst, i, snapshot, flows, turns);
  settle(burst, i,
         is_overload(verdict) ? pass_to_target(burst, i, snapshot, flows, verdict) : verdict);
}

/// A target's packet whose flow we do not know: which listener did the client use? If several lead
/// to that target's group, the one from which Maglev would have come to this target.
template <class Address>
void choose_for_target(Burst& burst, std::size_t i, const Snapshot& snapshot,
                       FlowLedger<Address>& flows, Turns& turns) {
  const Target* found = snapshot.target(burst.targets[i]);
  CHECK(found != nullptr);  // by match, in this snapshot
  const Target& target = *found;
  if (target.terminated) return burst.decide(i, Verdict::DropTargetGone);
  const TargetGroup& group = snapshot.target_groups[target.target_group.slot];
  const FlowKey<Address>& key = burst.key<Address>(i);
  for (const ListenerId id : group.listeners) {
    const Listener& listener = snapshot.listeners[id.slot];
    // A group may have changed its family while a target of the other one drains.
    if (listener.protocol != key.protocol || !listener.address.is_a<Address>()) continue;
    const FlowKey<Address> to_target{key.destination,      listener.address.as<Address>(),
                                     key.destination_port, listener.port,
                                     key.protocol,         {0, 0, 0}};
    const bool only = group.listeners.size() == 1;
    if (!only && group.maglev->pick(place_of(group, to_target)) != target.id) continue;
    if (flows.table().find(to_target) != no_flow) continue;  // the client is with another target
    burst.listeners[i] = id;
    if (never_enters(burst, i)) {
      return settle(burst, i, pass_to_client(burst, i, target, Verdict::DropUnknownFlow));
    }
    Verdict verdict = overload(burst, snapshot, flows, turns);
    if (!is_overload(verdict)) {
      verdict = start(burst, i, snapshot, flows, turns, to_target, target);
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
void choose_family(Burst& burst, const Snapshot& snapshot, FlowLedger<Address>& flows,
                   Turns& turns) {
  FlowTable<Address>& table = flows.table();
  const std::uint64_t moves = table.moves();
  // In order of arrival: the second packet of a new flow must find what the first has entered.
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.keyed & ~burst.known))) {
    if (burst.started != 0) {
      burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
    }
    if (burst.flows[i] == no_flow) {
      const bool from_client = burst.listeners[i] != no_listener;
      if (from_client) {
        choose_for_client(burst, i, snapshot, flows, turns);
      } else {
        choose_for_target(burst, i, snapshot, flows, turns);
      }
      if ((burst.started >> i & 1) != 0) {
        burst.set_flow(i, table.find(burst.tokens[i], burst.key<Address>(i)));
      }
    } else if (burst.kinds[i] == Kind::Tcp) {
      advance(table[burst.flows[i]], table, burst.tcp_flags[i]);
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

void choose(Burst& burst, const Snapshot& snapshot, FlowLedgers& flows, Turns& turns) {
  choose_family(burst, snapshot, flows.v4, turns);
  choose_family(burst, snapshot, flows.v6, turns);
}

}  // namespace dataplane
