#include "dataplane/packet/headers.h"
#include "dataplane/path/security.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

constexpr std::uint8_t opening_flags =
    TcpHeader::syn | TcpHeader::ack | TcpHeader::rst | TcpHeader::fin;

const TargetGroup* group_of(const Burst& burst, std::size_t i, const Snapshot& snapshot) {
  if (burst.listeners[i] != no_listener) return snapshot.target_group(burst.groups[i]);
  if (const Target* target = snapshot.target(burst.targets[i])) {
    return snapshot.target_group(target->target_group);
  }
  return nullptr;
}

/// It may be of a flow that went on without an entry: choose then sends it on likewise, and does
/// not enter the flow for it. (Anything else that such a flow says, pick-up takes.)
bool passes_stateless(const Burst& burst, std::size_t i, const TargetGroup* group) {
  if (group == nullptr || group->overload != Overload::Forward) return false;
  if (burst.kinds[i] != Kind::Tcp) return false;
  if ((burst.tcp_flags[i] & TcpHeader::rst) != 0) return true;
  // No client answers a SYN, so that is nobody's.
  const bool from_target = burst.listeners[i] == no_listener;
  return from_target && (burst.tcp_flags[i] & opening_flags) == (TcpHeader::syn | TcpHeader::ack);
}

/// A packet from the middle of a connection that we do not know.
void admit_mid_stream(Burst& burst, std::size_t i, const Snapshot& snapshot) {
  const std::uint8_t flags = burst.tcp_flags[i];
  const TargetGroup* group = group_of(burst, i, snapshot);
  if (passes_stateless(burst, i, group)) return;
  if ((flags & TcpHeader::rst) != 0) return burst.decide(i, Verdict::DropUnknownFlow);
  const bool pick_up = group != nullptr && group->unknown_flow == UnknownFlow::PickUp;
  if (burst.kinds[i] == Kind::Udp) {
    // A target's datagram (a client's is a new flow, and never comes here).
    if (!pick_up) burst.decide(i, Verdict::DropUnknownFlow);
    return;
  }
  // SYN-ACK is not mid-stream: half a handshake cannot be picked up.
  if (pick_up && (flags & TcpHeader::syn) == 0) return;
  burst.decide(i, Verdict::ReplyResetUnknownFlow);
}

/// Some rule lets the client in. What has waited in a surge queue was counted when it came.
template <class Address>
bool may_come_in(const Burst& burst, std::size_t i, const Snapshot& snapshot, RuleHits& hits) {
  const Listener& listener = snapshot.listeners[burst.listeners[i].slot];
  if ((burst.released >> i & 1) == 0) return lets_in(listener, burst.key<Address>(i), hits);
  RuleId by;
  return lets_in(listener, burst.key<Address>(i), by);
}

/// An earlier packet of this burst opens the flow that packet `i` is in the middle of.
template <class Address>
bool follows_opening(const Burst& burst, std::size_t i, Mask opening) {
  const Mask earlier = (Mask{1} << i) - 1;
  for (std::size_t j : bits(opening & earlier)) {
    if (burst.key<Address>(j) == burst.key<Address>(i)) return true;
  }
  return false;
}

template <class Address>
void admit_new(Burst& burst, std::size_t i, const Snapshot& snapshot, Mask& opening,
               RuleHits& hits) {
  if (burst.kinds[i] == Kind::IcmpError) return;  // match has found who it may be for
  const bool from_client = burst.listeners[i] != no_listener;
  // Whatever it says: who is not let in is not told what is here. (What a target says of a flow
  // that we do not know is judged in choose, which finds the client.)
  if (from_client && !may_come_in<Address>(burst, i, snapshot, hits)) {
    return burst.decide(i, Verdict::DropSecurityGroupInbound);
  }
  if (from_client && burst.kinds[i] == Kind::Udp) return;
  if (from_client && (burst.tcp_flags[i] & opening_flags) == TcpHeader::syn) {
    opening |= Mask{1} << i;
    return;
  }
  if (!from_client && (burst.tcp_flags[i] & opening_flags) == TcpHeader::syn) {
    // A target that connects out through us: we are not its router.
    return burst.decide(i, Verdict::DropNotOurs);
  }
  if (follows_opening<Address>(burst, i, opening)) {
    burst.follows |= Mask{1} << i;
    return;
  }
  admit_mid_stream(burst, i, snapshot);
}

template <class Address>
void admit_family(Burst& burst, const Snapshot& snapshot, RuleHits& hits) {
  Mask opening = 0;
  for (std::size_t i : bits(burst.of<Address>(burst.pending & burst.keyed & ~burst.known))) {
    admit_new<Address>(burst, i, snapshot, opening, hits);
  }
}

/// The kernel must learn its neighbours, whatever else floods it.
bool resolves_neighbours(Kind kind) { return kind == Kind::Arp || kind == Kind::Neighbour; }

}  // namespace

void admit(Burst& burst, const Snapshot& snapshot, PuntMeters& punts, RuleHits& hits) {
  for (std::size_t i : bits(burst.pending & burst.for_kernel)) {
    auto& meters = resolves_neighbours(burst.kinds[i]) ? punts.neighbours : punts.others;
    TokenBucket& meter = meters[burst.packets[i].ingress.number];
    const bool within = meter.take(burst.now, snapshot.punts_per_second);
    burst.decide(i, within ? Verdict::PuntKernel : Verdict::DropPuntRate);
  }
  admit_family<Ipv4Address>(burst, snapshot, hits);
  admit_family<Ipv6Address>(burst, snapshot, hits);
}

}  // namespace dataplane
