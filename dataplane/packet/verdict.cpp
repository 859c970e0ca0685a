#include "dataplane/packet/verdict.h"

#include <array>

namespace dataplane {
namespace {

struct Entry {
  Verdict verdict;
  std::string_view name;
  std::string_view explanation;
};

// In the order of the enumeration (checked below), so that an index finds its entry.
constexpr std::array<Entry, verdict_count> entries{{
    {Verdict::Pending, "Pending", "not decided; never seen outside the path"},
    {Verdict::ForwardToTarget, "ForwardToTarget", "client's packet, sent to its target"},
    {Verdict::ForwardToClient, "ForwardToClient", "target's packet, sent to its client"},
    {Verdict::ReplyArp, "ReplyArp", "ARP request for an address of ours, answered"},
    {Verdict::ReplyNeighbour, "ReplyNeighbour",
     "neighbour solicitation for an IPv6 address of ours, answered"},
    {Verdict::ReplyEcho, "ReplyEcho", "ping of an address of ours, answered"},
    {Verdict::ReplyResetUnknownFlow, "ReplyResetUnknownFlow",
     "TCP packet of no known flow, answered with RST; expected after idle timeouts and restarts"},
    {Verdict::ReplyResetNoTarget, "ReplyResetNoTarget",
     "new TCP flow refused with RST: the target group has no target; register one"},
    {Verdict::ReplyResetTargetGone, "ReplyResetTargetGone",
     "flow of a target whose draining ended, answered with RST (connection_termination)"},
    {Verdict::ReplyTooBig, "ReplyTooBig",
     "larger than the next link's MTU: sender told to send smaller packets (path MTU discovery)"},
    {Verdict::PuntKernel, "PuntKernel", "for the port's own addresses: given to the kernel's TAP"},
    {Verdict::HandOff, "HandOff", "belongs to another worker: passed over a ring"},
    {Verdict::DropMalformed, "DropMalformed", "lengths, version or checksum of a header are wrong"},
    {Verdict::DropSegmented, "DropSegmented",
     "frame in several buffers: the device ignores the configured MTU; lower the sender's"},
    {Verdict::DropVlan, "DropVlan", "VLAN tag is not the port's; check `vlan` of the port"},
    {Verdict::DropNotOurs, "DropNotOurs", "for an address that nobody here has"},
    {Verdict::DropSource, "DropSource",
     "from an address that cannot send: multicast, loopback or one of our own (a loop?)"},
    {Verdict::DropFragment, "DropFragment",
     "IP fragment: no ports in it, so no flow; lower the sender's MTU or datagram size"},
    {Verdict::DropProtocol, "DropProtocol", "to a listener address, but neither TCP, UDP nor ping"},
    {Verdict::DropTtl, "DropTtl", "TTL used up; a routing loop, or a traceroute"},
    {Verdict::DropNoListener, "DropNoListener",
     "to a listener address, but nothing listens on that protocol and port"},
    {Verdict::DropUnknownFlow, "DropUnknownFlow", "of no known flow, and not one that could start"},
    {Verdict::DropNoTarget, "DropNoTarget",
     "new UDP flow, but the target group has no target; register one"},
    {Verdict::DropNoNextHop, "DropNoNextHop",
     "next hop's MAC address is not known; is the target or gateway up, and on that port's "
     "network?"},
    {Verdict::DropTableFull, "DropTableFull", "no room for another flow; raise flows.capacity"},
    {Verdict::DropNoLocalPort, "DropNoLocalPort",
     "full_nat: no free local port towards the target; add local_addresses to its port"},
    {Verdict::DropFlowCollision, "DropFlowCollision",
     "nat: the target already has a flow with that client address and port, by another listener"},
    {Verdict::DropTooBig, "DropTooBig", "larger than the next link's MTU, and may not be answered"},
    {Verdict::DropPuntRate, "DropPuntRate", "for the kernel, but above punt_rate"},
    {Verdict::DropTargetGone, "DropTargetGone", "of a flow whose target is gone"},
    {Verdict::DropErrorRate, "DropErrorRate",
     "larger than the next link's MTU, but above icmp_error_rate, so its sender was not told"},
    {Verdict::DropFlowRate, "DropFlowRate",
     "new flow above flows.new_per_second: a flood; or more load than that, then raise it"},
    {Verdict::DropSecurityGroupInbound, "DropSecurityGroupInbound",
     "new flow or ping that no inbound rule lets in; spillwayctl security-groups shows the rules"},
    {Verdict::DropSecurityGroupOutbound, "DropSecurityGroupOutbound",
     "new flow that no outbound rule lets go to its target; spillwayctl security-groups shows the "
     "rules"},
    {Verdict::Wait, "Wait",
     "SYN held in its target group's surge queue; sent on as soon as a target has room"},
    {Verdict::ReplyResetSpillover, "ReplyResetSpillover",
     "new TCP flow refused with RST: every target is at max_connections and the surge queue is "
     "full; add targets, or raise max_connections or surge_queue.length"},
    {Verdict::ReplyResetQueueTimeout, "ReplyResetQueueTimeout",
     "SYN that waited in the surge queue as long as surge_queue.timeout, refused with RST"},
    {Verdict::ReplyProhibited, "ReplyProhibited",
     "new UDP flow refused with ICMP: every target is at max_connections"},
    {Verdict::DropSpillover, "DropSpillover",
     "new flow refused without a word (spillover = \"silent\"): every target is at "
     "max_connections and the surge queue is full"},
    {Verdict::DropQueueTimeout, "DropQueueTimeout",
     "SYN that waited in the surge queue as long as surge_queue.timeout, refused without a word "
     "(spillover = \"silent\")"},
    {Verdict::DropWaiting, "DropWaiting",
     "a waiting client's SYN came again: it keeps its place in the surge queue, the copy is not "
     "needed"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (static_cast<std::size_t>(entries[i].verdict) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view to_string(Verdict verdict) {
  const auto i = static_cast<std::size_t>(verdict);
  return i < entries.size() ? entries[i].name : "unknown";
}

std::string_view explain(Verdict verdict) {
  const auto i = static_cast<std::size_t>(verdict);
  return i < entries.size() ? entries[i].explanation : "unknown";
}

}  // namespace dataplane
