#include "dataplane/packet/headers.h"
#include "dataplane/path/verbs.h"

namespace dataplane {
namespace {

void account_forward(const Burst& burst, std::size_t i, const Snapshot& snapshot,
                     WorkerBlock& counters) {
  const Packet& packet = burst.packets[i];
  TargetCounters& target = counters_of(counters, burst.targets[i]);
  const auto bytes = static_cast<std::uint64_t>(packet.length - packet.network);
  const bool reset = burst.kinds[i] == Kind::Tcp && (burst.tcp_flags[i] & TcpHeader::rst) != 0;
  const bool to_target = burst.verdicts[i] == Verdict::ForwardToTarget;
  if (snapshot.any_tcp_udp && burst.kinds[i] == Kind::Udp) {
    const Target* known = snapshot.target(burst.targets[i]);
    const Direction direction = to_target ? Direction::ToTarget : Direction::ToClient;
    if (known != nullptr && known->tcp_udp) count_udp(counters, known->id, direction, bytes);
  }
  if (to_target) {
    target.packets_to_target.add(1);
    target.bytes_to_target.add(bytes);
    if (reset) target.client_resets.add(1);
  } else {
    target.packets_to_client.add(1);
    target.bytes_to_client.add(bytes);
    if (reset) target.target_resets.add(1);
  }
}

/// SecurityGroupBlockedFlowCount_…: the only metric that blocked packets are part of.
void account_blocked(const Burst& burst, std::size_t i, Totals& totals) {
  const bool inbound = burst.verdicts[i] == Verdict::DropSecurityGroupInbound;
  switch (burst.kinds[i]) {
    case Kind::Tcp:
      return (inbound ? totals.blocked_inbound_tcp : totals.blocked_outbound_tcp).add(1);
    case Kind::Udp:
      return (inbound ? totals.blocked_inbound_udp : totals.blocked_outbound_udp).add(1);
    default: return (inbound ? totals.blocked_inbound_icmp : totals.blocked_outbound_icmp).add(1);
  }
}

/// Whose a reset of ours is: a target's, or its group's where a client got none.
void account_reset(const Burst& burst, std::size_t i, const Snapshot& snapshot,
                   WorkerBlock& counters) {
  if (burst.verdicts[i] == Verdict::ReplyResetTargetGone) {
    return counters_of(counters, burst.targets[i]).elb_resets.add(1);
  }
  if (burst.listeners[i] == no_listener) return;
  if (const TargetGroup* group = snapshot.target_group(burst.groups[i])) {
    counters_of(counters, *group).elb_resets.add(1);
  }
}

bool is_spillover(Verdict verdict) {
  return verdict == Verdict::ReplyResetSpillover || verdict == Verdict::ReplyProhibited ||
         verdict == Verdict::DropSpillover;
}

/// What else a packet's verdict says about its target and listener.
void account_refusal(const Burst& burst, std::size_t i, const Snapshot& snapshot,
                     WorkerBlock& counters) {
  if (burst.verdicts[i] == Verdict::DropNoLocalPort) {
    counters_of(counters, burst.targets[i]).port_allocation_errors.add(1);
  }
  if (is_reset(burst.verdicts[i])) account_reset(burst, i, snapshot, counters);
  switch (burst.verdicts[i]) {
    case Verdict::DropNoNextHop:
      // Of a known flow, or one that goes on without: nothing was refused.
      if (burst.flows[i] != no_flow || (burst.stateless >> i & 1) != 0) break;
      [[fallthrough]];
    case Verdict::DropNoLocalPort:
    case Verdict::ReplyResetNoTarget:
    case Verdict::DropNoTarget:
    case Verdict::DropTableFull:
    case Verdict::DropFlowRate:
    case Verdict::DropFlowCollision:
    case Verdict::ReplyResetQueueTimeout:
    case Verdict::DropQueueTimeout:
    case Verdict::ReplyResetSpillover:
    case Verdict::ReplyProhibited:
    case Verdict::DropSpillover:
      if (const Listener* listener = snapshot.listener(burst.listeners[i])) {
        ListenerCounters& refused = counters_of(counters, *listener);
        refused.rejected_flows.add(1);
        if (burst.kinds[i] == Kind::Udp) refused.rejected_flows_udp.add(1);
        if (is_spillover(burst.verdicts[i])) refused.spilled_flows.add(1);
      }
      break;
    case Verdict::DropSecurityGroupInbound:
    case Verdict::DropSecurityGroupOutbound: account_blocked(burst, i, counters.totals); break;
    default: break;
  }
}

}  // namespace

void account(const Burst& burst, const Snapshot& snapshot, WorkerBlock& counters) {
  CHECK(burst.pending == 0);
  counters.totals.received.add(burst.size);
  for (std::size_t i : bits(burst.all() & ~burst.counted)) {
    counters.verdicts[static_cast<std::size_t>(burst.verdicts[i])].add(1);
    if (is_forward(burst.verdicts[i])) {
      account_forward(burst, i, snapshot, counters);
    } else {
      account_refusal(burst, i, snapshot, counters);
    }
  }
  for (std::size_t i : bits(burst.stateless)) {
    if (is_forward(burst.verdicts[i])) counters.totals.stateless.add(1);
  }
  for (std::size_t i : bits(burst.started)) {
    const bool opening = burst.kinds[i] == Kind::Udp || (burst.tcp_flags[i] & TcpHeader::syn) != 0;
    if (!opening) counters_of(counters, burst.targets[i]).picked_up_flows.add(1);
  }
}

}  // namespace dataplane
