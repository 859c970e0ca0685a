// Verdict: the one thing that happens to a packet, and the index of its counter.
//
// Every packet leaves the path with exactly one. The order is part of the shared memory layout
// (counters.h): append, never reorder. Names as the tools print them are in verdict.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dataplane {

enum class Verdict : std::uint8_t {
  Pending,  // not decided yet; never leaves the path

  // Sent on.
  ForwardToTarget,
  ForwardToClient,

  // Answered by the data path, in the packet's own buffer.
  ReplyArp,
  ReplyNeighbour,  // neighbour solicitation: IPv6's ARP
  ReplyEcho,
  ReplyResetUnknownFlow,  // TCP in mid-stream, no flow, the group does not pick up
  ReplyResetNoTarget,     // SYN, and no target may take it
  ReplyResetTargetGone,   // flow of a target whose draining ended with connection_termination
  ReplyTooBig,            // ICMP fragmentation needed (RFC 1191)

  // Handed to somebody else.
  PuntKernel,  // to the port's TAP twin
  HandOff,     // to the worker that owns the flow

  // Dropped; each name says why.
  DropMalformed,             // lengths or fields that contradict each other
  DropSegmented,             // a frame in more than one buffer
  DropVlan,                  // not the port's VLAN
  DropNotOurs,               // Ethernet or IP address is nobody's here, and nothing to punt to
  DropSource,                // source address that cannot send (multicast, loopback, our own)
  DropFragment,              // IP fragment: no ports, so no flow
  DropProtocol,              // to a listener address, but neither TCP, UDP nor echo
  DropTtl,                   // would leave with TTL 0
  DropNoListener,            // listener address, but no listener on that protocol and port
  DropUnknownFlow,           // mid-stream packet, or target's reply, of no known flow
  DropNoTarget,              // UDP, and no target may take it
  DropNoNextHop,             // the neighbour's MAC address is not known (yet)
  DropTableFull,             // no room for another flow
  DropNoLocalPort,           // full_nat: no free local port towards that target
  DropFlowCollision,         // nat: the target already has a flow with that client address and port
  DropTooBig,                // larger than the egress port's MTU, and not to be answered
  DropPuntRate,              // for the kernel, but above the punt rate
  DropTargetGone,            // UDP or RST of a flow whose target is gone
  DropErrorRate,             // to be answered with an ICMP error, but above the rate of those
  DropFlowRate,              // new flow above the worker's rate of new flows
  DropSecurityGroupInbound,  // new flow or ping that no rule lets in
  DropSecurityGroupOutbound,  // new flow that no rule lets out to its target

  // Surge queues (path/surge). In the order in which they were added, whatever they are.
  Wait,                    // SYN: held until a target has room; comes into the path once more then
  ReplyResetSpillover,     // SYN: every target has as many connections as it may, the queue is full
  ReplyResetQueueTimeout,  // SYN that waited as long as it may
  ReplyProhibited,         // UDP at its targets' limit: ICMP administratively prohibited (RFC
                           // 1812, 5.2.7.1)
  DropSpillover,           // either, where spillover is silent
  DropQueueTimeout,
  DropWaiting,  // older copy of a waiting client's SYN, which came again: it keeps its place
};

inline constexpr std::size_t verdict_count = static_cast<std::size_t>(Verdict::DropWaiting) + 1;
/// What the shared memory layout reserves.
inline constexpr std::size_t verdicts_max = 64;
static_assert(verdict_count <= verdicts_max);

/// "ForwardToTarget", …: the enumerator's own name.
[[nodiscard]] std::string_view to_string(Verdict verdict);
/// One sentence for an operator: what happened and, for a drop, what to do about it.
[[nodiscard]] std::string_view explain(Verdict verdict);

[[nodiscard]] constexpr bool is_forward(Verdict verdict) {
  return verdict == Verdict::ForwardToTarget || verdict == Verdict::ForwardToClient;
}
namespace verdicts {
template <class... Verdicts>
[[nodiscard]] constexpr std::uint64_t mask(Verdicts... verdicts) {
  return ((std::uint64_t{1} << static_cast<unsigned>(verdicts)) | ...);
}
/// From `first` to `last`, both among them.
[[nodiscard]] constexpr std::uint64_t range(Verdict first, Verdict last) {
  return mask(last) | (mask(last) - mask(first));
}
inline constexpr std::uint64_t replies =
    range(Verdict::ReplyArp, Verdict::ReplyTooBig) |
    range(Verdict::ReplyResetSpillover, Verdict::ReplyProhibited);
inline constexpr std::uint64_t drops =
    range(Verdict::DropMalformed, Verdict::DropSecurityGroupOutbound) |
    range(Verdict::DropSpillover, Verdict::DropWaiting);
inline constexpr std::uint64_t resets =
    range(Verdict::ReplyResetUnknownFlow, Verdict::ReplyResetTargetGone) |
    mask(Verdict::ReplyResetSpillover, Verdict::ReplyResetQueueTimeout);
}  // namespace verdicts

[[nodiscard]] constexpr bool is_reply(Verdict verdict) {
  return (verdicts::replies >> static_cast<unsigned>(verdict) & 1) != 0;
}
/// A TCP reset of ours: TCP_ELB_Reset_Count.
[[nodiscard]] constexpr bool is_reset(Verdict verdict) {
  return (verdicts::resets >> static_cast<unsigned>(verdict) & 1) != 0;
}
[[nodiscard]] constexpr bool is_drop(Verdict verdict) {
  return (verdicts::drops >> static_cast<unsigned>(verdict) & 1) != 0;
}

}  // namespace dataplane
