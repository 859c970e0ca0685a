// Counters: what one worker counts, laid out for shared memory.
//
//   WorkerBlock (one per worker, single writer, cache-line aligned)
//   ┌──────────────────────────────┐ 0
//   │ totals: 48 counters          │
//   ├──────────────────────────────┤ 384
//   │ verdicts[64]                 │   index: Verdict
//   ├──────────────────────────────┤ 896
//   │ listeners[listeners_max]     │   64 bytes each, index: ListenerId.slot
//   ├──────────────────────────────┤
//   │ targets[targets_max]         │   128 bytes each, index: TargetId.slot
//   ├──────────────────────────────┤
//   │ rule_hits[rules_max]         │   8 bytes each, index: RuleId.slot
//   ├──────────────────────────────┤
//   │ groups[target_groups_max]    │   128 bytes each, index: TargetGroupId.slot
//   ├──────────────────────────────┤
//   │ target_udp[targets_max]      │   64 bytes each, index: TargetId.slot
//   └──────────────────────────────┘
//
// The worker writes with plain relaxed stores (no lock prefix: nobody else writes); readers load
// relaxed and sum over workers. A figure read while packets flow may be a burst behind its
// neighbour.
//
// Laws, per worker:  received = Σ verdicts;  forwards + replies = sent + unsent;
//                    flows_alive = flows_inserted − flows_expired − flows_removed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/counter.h"
#include "dataplane/packet/verdict.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct ListenerCounters {
  Counter incarnation;     // of the slot these figures belong to; others: stale, count as zero
  Counter new_flows;       // NewFlowCount
  Counter active_flows;    // ActiveFlowCount
  Counter rejected_flows;  // RejectedFlowCount: no target, table full, rate, no local port, spilled
  Counter spilled_flows;   // SpilloverCount, of rejected_flows: no place and no room in the queue
  // Of new_flows and active_flows: those of UDP, where a listener has both protocols.
  Counter new_flows_udp;
  Counter active_flows_udp;
  Counter rejected_flows_udp;  // of rejected_flows
};
static_assert(sizeof(ListenerCounters) == 64);

struct alignas(64) TargetCounters {
  Counter incarnation;        // as above
  Counter new_flows;          // NewFlowCount
  Counter active_flows;       // ActiveFlowCount
  Counter packets_to_target;  // ProcessedPackets = the two sums
  Counter bytes_to_target;    // ProcessedBytes = the two sums; IP packet length
  Counter packets_to_client;
  Counter bytes_to_client;
  Counter client_resets;           // TCP_Client_Reset_Count
  Counter target_resets;           // TCP_Target_Reset_Count
  Counter elb_resets;              // TCP_ELB_Reset_Count, of the target's own flows
  Counter picked_up_flows;         // of new_flows: taken over in mid-stream
  Counter port_allocation_errors;  // PortAllocationErrorCount
  // How openings ended, for passive health checks: a SYN-ACK came; or the target's RST, the
  // client's SYN once more, or nothing at all.
  Counter handshakes_answered;
  Counter handshakes_failed;
  Counter unhealthy_routing_flows;  // UnhealthyRoutingFlowCount, of new_flows: group failed open
  // Of active_flows: over (both ends said FIN, or the target RST), and remembered only for what
  // comes late. They take no place below max_connections.
  Counter over_flows;
};
static_assert(sizeof(TargetCounters) == 128);

/// A target group's surge queue, as far as its waiters are this worker's. Over all workers:
/// surge_entered = surge_admitted + surge_timed_out + surge_left + surge_queue_length.
struct alignas(64) TargetGroupCounters {
  Counter incarnation;         // as above
  Counter surge_queue_length;  // SurgeQueueLength: SYNs held now
  /// SurgeQueueLength at its highest, of the whole queue, as this worker saw it: not a part of a
  /// sum, but the greatest of all workers' counts.
  Counter surge_queue_length_max;
  Counter surge_oldest_milliseconds;  // how long the oldest of them has waited; the same holds
  Counter surge_entered;              // SYNs that began to wait
  Counter surge_admitted;             // … and became flows
  Counter surge_timed_out;
  Counter surge_left;    // … and neither: target, listener or queue gone, worker full or stopped
  Counter surge_joined;  // came again while they waited; not among those that entered
  Counter spillover;     // SpilloverCount: new flows refused, no place and no room in the queue
  Counter surge_wait_milliseconds;  // of all that were admitted, summed up
  Counter elb_resets;  // TCP_ELB_Reset_Count, of those that got no target or lost their flow
  std::array<Counter, 4> reserved;
};
static_assert(sizeof(TargetGroupCounters) == 128);

/// What of a target's TargetCounters is UDP; of the same incarnation. The packets and bytes are
/// counted only where the target's group has both protocols: else they are all UDP, or none.
struct alignas(64) UdpCounters {
  Counter new_flows;
  Counter active_flows;
  Counter packets_to_target;
  Counter bytes_to_target;
  Counter packets_to_client;
  Counter bytes_to_client;
  std::array<Counter, 2> reserved;
};
static_assert(sizeof(UdpCounters) == 64);

struct Totals {
  Counter generation;  // the snapshot this worker uses
  // Packets given to the path: from ports, from hand-off rings, and from surge queues.
  Counter received;
  Counter sent;               // forwards and replies that a port took
  Counter unsent;             // … that no port took (transmit queue full)
  Counter punted;             // PuntKernel that the kernel path took
  Counter punt_unsent;        // … that it did not (ring full)
  Counter handed_off;         // HandOff that the owner's ring took
  Counter hand_off_unsent;    // … that it did not
  Counter received_hand_off;  // of received: came over a hand-off ring
  Counter from_kernel;        // packets of the kernel path put on a wire (not part of received)
  Counter from_kernel_unsent;
  Counter flows_alive;
  Counter flows_inserted;
  Counter flows_expired;  // idle
  Counter flows_removed;  // replaced by a new flow on the same ports, or moved off a dead target
  Counter flow_capacity;
  Counter polls;
  Counter busy_polls;    // polls that found packets
  Counter relayed;       // put on a wire for workers without a queue there (their `sent`)
  Counter relay_unsent;  // … that the port did not take (so their `sent` was too hopeful)
  Counter wrong_core;    // of HandOff: arrived here although their port steers by RSS
  // Where the walk over local ports stands (path/local_ports). The one figure that a restart takes
  // over: targets remember the ports before it for a minute (TIME_WAIT).
  Counter local_port_turn;
  Counter flows_alive_ipv6;    // of flows_alive
  Counter flow_capacity_ipv6;  // of flow_capacity: each family has a table of its own
  Counter table_bytes;         // both tables' memory
  Counter table_page_bytes;    // the size of the pages that it lies in
  Counter stateless;           // of the forwards: packets of flows that were not entered (overload)
  Counter originated;         // packets of our own (path/end_flows) put on a wire; not part of sent
  Counter originated_unsent;  // … that were not: transmit queue full, or no buffer
  Counter sticky_entries;     // clients of its share of the sticky table, as last swept
  Counter sticky_capacity;    // of the whole table; worker 0 says it, the others 0
  Counter sticky_found;       // new flows that went where their client had gone before
  Counter sticky_evicted;     // clients forgotten before their time: the table was too full
  // SecurityGroupBlockedFlowCount_{Inbound,Outbound}_{ICMP,TCP,UDP}: what no rule lets in or out.
  Counter blocked_inbound_icmp;
  Counter blocked_inbound_tcp;
  Counter blocked_inbound_udp;
  Counter blocked_outbound_icmp;
  Counter blocked_outbound_tcp;
  Counter blocked_outbound_udp;
  Counter flows_cut;         // of flows_removed: no rule lets them in any more (revalidate)
  Counter received_waiting;  // of received: SYNs that waited in a surge queue, for the second time
  Counter surge_held;        // SYNs held now: Wait − received_waiting
  Counter surge_capacity;    // of all queues and workers; worker 0 says it, the others 0
  std::array<Counter, 1> reserved;
  // Time between the beginnings of two turns of the loop, by whether the first found packets.
  Counter busy_nanoseconds;
  Counter idle_nanoseconds;
  // Of the flows that ended and were drawn for the flow log: those that control was told of, and
  // those that it was not (ring full).
  Counter flows_logged;
  Counter flow_log_dropped;
};
static_assert(sizeof(Totals) == 384);

/// What each rule of the security groups has let through: flows and pings. Of a slot that has been
/// another rule's, control knows how far it had come (RuleRecord).
using RuleHits = std::array<Counter, rules_max>;

struct alignas(64) WorkerBlock {
  Totals totals;
  std::array<Counter, verdicts_max> verdicts;
  std::array<ListenerCounters, listeners_max> listeners;
  std::array<TargetCounters, targets_max> targets;
  RuleHits rule_hits;
  std::array<TargetGroupCounters, target_groups_max> groups;
  std::array<UdpCounters, targets_max> target_udp;
};
static_assert(offsetof(WorkerBlock, verdicts) == 384);
static_assert(offsetof(WorkerBlock, listeners) == 896);
static_assert(offsetof(WorkerBlock, targets) == 896 + 64 * listeners_max);
static_assert(offsetof(WorkerBlock, rule_hits) == 896 + 64 * listeners_max + 128 * targets_max);
static_assert(offsetof(WorkerBlock, groups) ==
              896 + 64 * listeners_max + 128 * targets_max + 8 * rules_max);

}  // namespace dataplane
