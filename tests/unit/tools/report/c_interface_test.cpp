// The C header says what the C++ headers say: every size and every place, checked by the compiler.
// Whoever changes the layout changes both, and raises layout_version (docs/metrics.md).
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>

#include "dataplane/segment.h"
#include "packaging/include/spillway_segment.h"
#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using namespace dataplane;

#define SAME_SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(theirs))
#define SAME_PLACE(ours, theirs, field)                             \
  static_assert(offsetof(ours, field) == offsetof(theirs, field) && \
                sizeof(ours::field) == sizeof(theirs::field))

SAME_SIZE(InstanceRecord, spillway_instance_t);
SAME_PLACE(InstanceRecord, spillway_instance_t, instance);
SAME_PLACE(InstanceRecord, spillway_instance_t, version);
SAME_PLACE(InstanceRecord, spillway_instance_t, config_file);
SAME_PLACE(InstanceRecord, spillway_instance_t, started_unix_milliseconds);
SAME_PLACE(InstanceRecord, spillway_instance_t, generation);
SAME_PLACE(InstanceRecord, spillway_instance_t, reloads);
SAME_PLACE(InstanceRecord, spillway_instance_t, reloads_refused);
SAME_PLACE(InstanceRecord, spillway_instance_t, last_reload_unix_milliseconds);
SAME_PLACE(InstanceRecord, spillway_instance_t, last_reload_error);

SAME_SIZE(PortRecord, spillway_port_t);
SAME_PLACE(PortRecord, spillway_port_t, used);
SAME_PLACE(PortRecord, spillway_port_t, link_up);
SAME_PLACE(PortRecord, spillway_port_t, kernel_path);
SAME_PLACE(PortRecord, spillway_port_t, receive_queues);
SAME_PLACE(PortRecord, spillway_port_t, transmit_queues);
SAME_PLACE(PortRecord, spillway_port_t, mtu);
SAME_PLACE(PortRecord, spillway_port_t, queue_drops_known);
SAME_PLACE(PortRecord, spillway_port_t, link_megabits);
SAME_PLACE(PortRecord, spillway_port_t, name);
SAME_PLACE(PortRecord, spillway_port_t, device);
SAME_PLACE(PortRecord, spillway_port_t, mac);
SAME_PLACE(PortRecord, spillway_port_t, driver);
SAME_PLACE(PortRecord, spillway_port_t, steering);
SAME_PLACE(PortRecord, spillway_port_t, received);
SAME_PLACE(PortRecord, spillway_port_t, sent);
SAME_PLACE(PortRecord, spillway_port_t, missed);
SAME_PLACE(PortRecord, spillway_port_t, errors);
SAME_PLACE(PortRecord, spillway_port_t, received_bytes);
SAME_PLACE(PortRecord, spillway_port_t, sent_bytes);
SAME_PLACE(PortRecord, spillway_port_t, no_buffer);
SAME_PLACE(PortRecord, spillway_port_t, send_errors);
SAME_PLACE(PortRecord, spillway_port_t, dropped_by_queue);

SAME_SIZE(ListenerRecord, spillway_listener_t);
SAME_PLACE(ListenerRecord, spillway_listener_t, used);
SAME_PLACE(ListenerRecord, spillway_listener_t, incarnation);
SAME_PLACE(ListenerRecord, spillway_listener_t, port);
SAME_PLACE(ListenerRecord, spillway_listener_t, port_last);
SAME_PLACE(ListenerRecord, spillway_listener_t, protocol);
SAME_PLACE(ListenerRecord, spillway_listener_t, group_count);
SAME_PLACE(ListenerRecord, spillway_listener_t, name);
SAME_PLACE(ListenerRecord, spillway_listener_t, address);
SAME_PLACE(ListenerRecord, spillway_listener_t, groups);
SAME_PLACE(ListenerRecord, spillway_listener_t, idle_seconds);
SAME_PLACE(ListenerRecord, spillway_listener_t, udp_idle_seconds);

SAME_SIZE(GroupShareRecord, spillway_group_share_t);
SAME_PLACE(GroupShareRecord, spillway_group_share_t, name);
SAME_PLACE(GroupShareRecord, spillway_group_share_t, weight);

SAME_SIZE(TargetRecord, spillway_target_t);
SAME_PLACE(TargetRecord, spillway_target_t, used);
SAME_PLACE(TargetRecord, spillway_target_t, state);
SAME_PLACE(TargetRecord, spillway_target_t, reason);
SAME_PLACE(TargetRecord, spillway_target_t, takes_new_flows);
SAME_PLACE(TargetRecord, spillway_target_t, port);
SAME_PLACE(TargetRecord, spillway_target_t, weight);
SAME_PLACE(TargetRecord, spillway_target_t, configured_weight);
SAME_PLACE(TargetRecord, spillway_target_t, weight_is_set);
SAME_PLACE(TargetRecord, spillway_target_t, slow_start_percent);
SAME_PLACE(TargetRecord, spillway_target_t, reports_weight);
SAME_PLACE(TargetRecord, spillway_target_t, reported_percent);
SAME_PLACE(TargetRecord, spillway_target_t, target_group);
SAME_PLACE(TargetRecord, spillway_target_t, address);
SAME_PLACE(TargetRecord, spillway_target_t, zone);
SAME_PLACE(TargetRecord, spillway_target_t, since_unix_milliseconds);
SAME_PLACE(TargetRecord, spillway_target_t, drain_ends_unix_milliseconds);
SAME_PLACE(TargetRecord, spillway_target_t, detail);
SAME_PLACE(TargetRecord, spillway_target_t, exclusion);
SAME_PLACE(TargetRecord, spillway_target_t, protocol);
SAME_PLACE(TargetRecord, spillway_target_t, max_connections);
SAME_PLACE(TargetRecord, spillway_target_t, configured_max_connections);

SAME_SIZE(GroupZoneRecord, spillway_group_zone_t);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, registered);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, healthy);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, shifted);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, failing_open);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, zone_healthy);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, announced);
SAME_PLACE(GroupZoneRecord, spillway_group_zone_t, zone);

SAME_SIZE(TargetGroupRecord, spillway_target_group_t);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, used);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, failing_open);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, cross_zone);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, shift_ignored);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, on_standby);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, affinity);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, spills);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, zone_count);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, registered);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, healthy);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, minimum_count);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, minimum_percentage);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, standby_since_unix_milliseconds);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, name);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, standby);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, incarnation);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, spillover_silent);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, max_connections);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, surge_length);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, surge_timeout_milliseconds);
SAME_PLACE(TargetGroupRecord, spillway_target_group_t, zones);

SAME_SIZE(ZoneRecord, spillway_zone_t);
SAME_PLACE(ZoneRecord, spillway_zone_t, used);
SAME_PLACE(ZoneRecord, spillway_zone_t, own);
SAME_PLACE(ZoneRecord, spillway_zone_t, healthy);
SAME_PLACE(ZoneRecord, spillway_zone_t, shifted);
SAME_PLACE(ZoneRecord, spillway_zone_t, targets);
SAME_PLACE(ZoneRecord, spillway_zone_t, name);
SAME_PLACE(ZoneRecord, spillway_zone_t, comment);
SAME_PLACE(ZoneRecord, spillway_zone_t, started_unix_milliseconds);
SAME_PLACE(ZoneRecord, spillway_zone_t, expires_unix_milliseconds);

SAME_SIZE(RuleRecord, spillway_rule_t);
SAME_PLACE(RuleRecord, spillway_rule_t, used);
SAME_PLACE(RuleRecord, spillway_rule_t, inbound);
SAME_PLACE(RuleRecord, spillway_rule_t, number);
SAME_PLACE(RuleRecord, spillway_rule_t, security_group);
SAME_PLACE(RuleRecord, spillway_rule_t, protocol);
SAME_PLACE(RuleRecord, spillway_rule_t, ports);
SAME_PLACE(RuleRecord, spillway_rule_t, peer);
SAME_PLACE(RuleRecord, spillway_rule_t, attached_to);
SAME_PLACE(RuleRecord, spillway_rule_t, hits_before);

SAME_SIZE(TrafficRecord, spillway_traffic_t);
SAME_PLACE(TrafficRecord, spillway_traffic_t, new_flows);
SAME_PLACE(TrafficRecord, spillway_traffic_t, new_flows_udp);
SAME_PLACE(TrafficRecord, spillway_traffic_t, requests);
SAME_PLACE(TrafficRecord, spillway_traffic_t, connection_errors);
SAME_PLACE(TrafficRecord, spillway_traffic_t, processed_bytes);
SAME_PLACE(TrafficRecord, spillway_traffic_t, processed_packets);
SAME_PLACE(TrafficRecord, spillway_traffic_t, processed_bytes_udp);
SAME_PLACE(TrafficRecord, spillway_traffic_t, processed_packets_udp);
SAME_PLACE(TrafficRecord, spillway_traffic_t, client_resets);
SAME_PLACE(TrafficRecord, spillway_traffic_t, target_resets);
SAME_PLACE(TrafficRecord, spillway_traffic_t, elb_resets);
SAME_PLACE(TrafficRecord, spillway_traffic_t, port_allocation_errors);
SAME_PLACE(TrafficRecord, spillway_traffic_t, unhealthy_routing_flows);
SAME_PLACE(TrafficRecord, spillway_traffic_t, rejected_flows);
SAME_PLACE(TrafficRecord, spillway_traffic_t, rejected_flows_udp);
SAME_PLACE(TrafficRecord, spillway_traffic_t, active_flows);
SAME_PLACE(TrafficRecord, spillway_traffic_t, active_flows_udp);
SAME_PLACE(TrafficRecord, spillway_traffic_t, bytes_per_second);
SAME_PLACE(TrafficRecord, spillway_traffic_t, packets_per_second);
SAME_PLACE(TrafficRecord, spillway_traffic_t, new_flows_per_second);
SAME_PLACE(TrafficRecord, spillway_traffic_t, peak_bytes_per_second);
SAME_PLACE(TrafficRecord, spillway_traffic_t, peak_packets_per_second);
SAME_PLACE(TrafficRecord, spillway_traffic_t, sampled_unix_milliseconds);

SAME_SIZE(SecurityGroupRecord, spillway_security_group_t);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, used);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, name);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, attached_to);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, addresses);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, inbound);
SAME_PLACE(SecurityGroupRecord, spillway_security_group_t, outbound);

SAME_SIZE(FlowLogRecord, spillway_flow_log_t);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, used);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, socket);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, open);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, sample_millionths);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, written);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, written_bytes);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, dropped_slow);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, dropped_unavailable);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, waiting);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, opened);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, problem_since_unix_milliseconds);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, destination);
SAME_PLACE(FlowLogRecord, spillway_flow_log_t, problem);

SAME_SIZE(SegmentHeader, spillway_header_t);
SAME_PLACE(SegmentHeader, spillway_header_t, magic);
SAME_PLACE(SegmentHeader, spillway_header_t, version);
SAME_PLACE(SegmentHeader, spillway_header_t, workers);
SAME_PLACE(SegmentHeader, spillway_header_t, size);
SAME_PLACE(SegmentHeader, spillway_header_t, pid);
SAME_PLACE(SegmentHeader, spillway_header_t, heartbeat_unix_milliseconds);
SAME_PLACE(SegmentHeader, spillway_header_t, stopped);

SAME_SIZE(Totals, spillway_totals_t);
SAME_PLACE(Totals, spillway_totals_t, generation);
SAME_PLACE(Totals, spillway_totals_t, received);
SAME_PLACE(Totals, spillway_totals_t, sent);
SAME_PLACE(Totals, spillway_totals_t, unsent);
SAME_PLACE(Totals, spillway_totals_t, punted);
SAME_PLACE(Totals, spillway_totals_t, punt_unsent);
SAME_PLACE(Totals, spillway_totals_t, handed_off);
SAME_PLACE(Totals, spillway_totals_t, hand_off_unsent);
SAME_PLACE(Totals, spillway_totals_t, received_hand_off);
SAME_PLACE(Totals, spillway_totals_t, from_kernel);
SAME_PLACE(Totals, spillway_totals_t, from_kernel_unsent);
SAME_PLACE(Totals, spillway_totals_t, flows_alive);
SAME_PLACE(Totals, spillway_totals_t, flows_inserted);
SAME_PLACE(Totals, spillway_totals_t, flows_expired);
SAME_PLACE(Totals, spillway_totals_t, flows_removed);
SAME_PLACE(Totals, spillway_totals_t, flow_capacity);
SAME_PLACE(Totals, spillway_totals_t, polls);
SAME_PLACE(Totals, spillway_totals_t, busy_polls);
SAME_PLACE(Totals, spillway_totals_t, relayed);
SAME_PLACE(Totals, spillway_totals_t, relay_unsent);
SAME_PLACE(Totals, spillway_totals_t, wrong_core);
SAME_PLACE(Totals, spillway_totals_t, local_port_turn);
SAME_PLACE(Totals, spillway_totals_t, flows_alive_ipv6);
SAME_PLACE(Totals, spillway_totals_t, flow_capacity_ipv6);
SAME_PLACE(Totals, spillway_totals_t, table_bytes);
SAME_PLACE(Totals, spillway_totals_t, table_page_bytes);
SAME_PLACE(Totals, spillway_totals_t, stateless);
SAME_PLACE(Totals, spillway_totals_t, originated);
SAME_PLACE(Totals, spillway_totals_t, originated_unsent);
SAME_PLACE(Totals, spillway_totals_t, sticky_entries);
SAME_PLACE(Totals, spillway_totals_t, sticky_capacity);
SAME_PLACE(Totals, spillway_totals_t, sticky_found);
SAME_PLACE(Totals, spillway_totals_t, sticky_evicted);
SAME_PLACE(Totals, spillway_totals_t, blocked_inbound_icmp);
SAME_PLACE(Totals, spillway_totals_t, blocked_inbound_tcp);
SAME_PLACE(Totals, spillway_totals_t, blocked_inbound_udp);
SAME_PLACE(Totals, spillway_totals_t, blocked_outbound_icmp);
SAME_PLACE(Totals, spillway_totals_t, blocked_outbound_tcp);
SAME_PLACE(Totals, spillway_totals_t, blocked_outbound_udp);
SAME_PLACE(Totals, spillway_totals_t, flows_cut);
SAME_PLACE(Totals, spillway_totals_t, received_waiting);
SAME_PLACE(Totals, spillway_totals_t, surge_held);
SAME_PLACE(Totals, spillway_totals_t, surge_capacity);
SAME_PLACE(Totals, spillway_totals_t, reserved);
SAME_PLACE(Totals, spillway_totals_t, busy_nanoseconds);
SAME_PLACE(Totals, spillway_totals_t, idle_nanoseconds);
SAME_PLACE(Totals, spillway_totals_t, flows_logged);
SAME_PLACE(Totals, spillway_totals_t, flow_log_dropped);

SAME_SIZE(ListenerCounters, spillway_listener_counters_t);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, incarnation);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, new_flows);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, active_flows);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, rejected_flows);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, spilled_flows);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, new_flows_udp);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, active_flows_udp);
SAME_PLACE(ListenerCounters, spillway_listener_counters_t, rejected_flows_udp);

SAME_SIZE(TargetCounters, spillway_target_counters_t);
SAME_PLACE(TargetCounters, spillway_target_counters_t, incarnation);
SAME_PLACE(TargetCounters, spillway_target_counters_t, new_flows);
SAME_PLACE(TargetCounters, spillway_target_counters_t, active_flows);
SAME_PLACE(TargetCounters, spillway_target_counters_t, packets_to_target);
SAME_PLACE(TargetCounters, spillway_target_counters_t, bytes_to_target);
SAME_PLACE(TargetCounters, spillway_target_counters_t, packets_to_client);
SAME_PLACE(TargetCounters, spillway_target_counters_t, bytes_to_client);
SAME_PLACE(TargetCounters, spillway_target_counters_t, client_resets);
SAME_PLACE(TargetCounters, spillway_target_counters_t, target_resets);
SAME_PLACE(TargetCounters, spillway_target_counters_t, elb_resets);
SAME_PLACE(TargetCounters, spillway_target_counters_t, picked_up_flows);
SAME_PLACE(TargetCounters, spillway_target_counters_t, port_allocation_errors);
SAME_PLACE(TargetCounters, spillway_target_counters_t, handshakes_answered);
SAME_PLACE(TargetCounters, spillway_target_counters_t, handshakes_failed);
SAME_PLACE(TargetCounters, spillway_target_counters_t, unhealthy_routing_flows);
SAME_PLACE(TargetCounters, spillway_target_counters_t, over_flows);

SAME_SIZE(TargetGroupCounters, spillway_target_group_counters_t);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, incarnation);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_queue_length);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_queue_length_max);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_oldest_milliseconds);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_entered);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_admitted);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_timed_out);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_left);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_joined);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, spillover);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, surge_wait_milliseconds);
SAME_PLACE(TargetGroupCounters, spillway_target_group_counters_t, elb_resets);

SAME_SIZE(UdpCounters, spillway_udp_counters_t);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, new_flows);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, active_flows);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, packets_to_target);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, bytes_to_target);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, packets_to_client);
SAME_PLACE(UdpCounters, spillway_udp_counters_t, bytes_to_client);

SAME_SIZE(WorkerBlock, spillway_worker_t);
SAME_PLACE(WorkerBlock, spillway_worker_t, totals);
SAME_PLACE(WorkerBlock, spillway_worker_t, verdicts);
SAME_PLACE(WorkerBlock, spillway_worker_t, listeners);
SAME_PLACE(WorkerBlock, spillway_worker_t, targets);
SAME_PLACE(WorkerBlock, spillway_worker_t, rule_hits);
SAME_PLACE(WorkerBlock, spillway_worker_t, groups);
SAME_PLACE(WorkerBlock, spillway_worker_t, target_udp);

SAME_SIZE(Histogram, spillway_histogram_t);
SAME_PLACE(Histogram, spillway_histogram_t, sum);
SAME_PLACE(Histogram, spillway_histogram_t, largest);
SAME_PLACE(Histogram, spillway_histogram_t, buckets);

SAME_SIZE(FlowHistograms, spillway_flow_histograms_t);
SAME_PLACE(FlowHistograms, spillway_flow_histograms_t, connect);
SAME_PLACE(FlowHistograms, spillway_flow_histograms_t, response);
SAME_PLACE(FlowHistograms, spillway_flow_histograms_t, queue);
SAME_PLACE(FlowHistograms, spillway_flow_histograms_t, duration);
SAME_PLACE(FlowHistograms, spillway_flow_histograms_t, bytes);

SAME_SIZE(ControlBlock, spillway_control_t);
SAME_PLACE(ControlBlock, spillway_control_t, instance);
SAME_PLACE(ControlBlock, spillway_control_t, ports);
SAME_PLACE(ControlBlock, spillway_control_t, listeners);
SAME_PLACE(ControlBlock, spillway_control_t, targets);
SAME_PLACE(ControlBlock, spillway_control_t, target_groups);
SAME_PLACE(ControlBlock, spillway_control_t, zones);
SAME_PLACE(ControlBlock, spillway_control_t, rules);
SAME_PLACE(ControlBlock, spillway_control_t, traffic);
SAME_PLACE(ControlBlock, spillway_control_t, group_traffic);
SAME_PLACE(ControlBlock, spillway_control_t, zone_traffic);
SAME_PLACE(ControlBlock, spillway_control_t, flow_log);

static_assert(offsetof(TargetRecord, id) == offsetof(spillway_target_t, slot));
static_assert(offsetof(TargetId, incarnation) ==
              offsetof(spillway_target_t, incarnation) - offsetof(spillway_target_t, slot));
static_assert(offsetof(ControlBlock, histogram_marks) ==
              offsetof(spillway_control_t, target_histogram_marks));
static_assert(offsetof(ControlBlock, histogram_marks) + offsetof(HistogramMarks, listeners) ==
              offsetof(spillway_control_t, listener_histogram_marks));
static_assert(SPILLWAY_MAGIC == segment_magic && SPILLWAY_LAYOUT_VERSION == layout_version);
static_assert(SPILLWAY_STALE_MILLISECONDS == heartbeat_stale_milliseconds);
static_assert(SPILLWAY_CONTROL_OFFSET == control_block_offset);

TEST(CInterface, FindsWorkersAndHistogramsWhereTheyAre) {
  EXPECT_EQ(spillway_workers_offset(), worker_blocks_offset);
  for (const unsigned workers : {1u, 2u, 64u}) {
    EXPECT_EQ(spillway_histograms_offset(workers), histogram_blocks_offset(workers));
    EXPECT_EQ(spillway_segment_size(workers), segment_size(workers));
    EXPECT_EQ(spillway_listener_histograms_offset(workers, 0, 7),
              histogram_blocks_offset(workers) + offsetof(HistogramBlock, listeners) +
                  7 * sizeof(FlowHistograms));
  }
}

TEST(CInterface, HasTheSameBuckets) {
  for (unsigned i = 0; i < histogram_buckets; ++i) {
    ASSERT_EQ(spillway_bucket_first(i), range_of(i).first);
    ASSERT_EQ(spillway_bucket_last(i), range_of(i).last);
  }
}

TEST(CInterface, SaysWhatTheToolsSay) {
  test_support::ScratchSegment segment;
  segment.set_instance("edge-1");
  const TargetId id{5, 2};
  for (std::uint64_t i = 1; i <= 1'000; ++i) segment.histograms(0, id).connect.add(i * i * 777);
  const void* base = &segment.header();
  ASSERT_STREQ(spillway_check(base, segment_size(1)), "");
  EXPECT_STRNE(spillway_check(base, 4096), "");
  const auto* control = reinterpret_cast<const spillway_control_t*>(static_cast<const char*>(base) +
                                                                    SPILLWAY_CONTROL_OFFSET);
  spillway_instance_t instance;
  ASSERT_EQ(spillway_read(&control->instance, &instance, sizeof instance), 1);
  EXPECT_STREQ(instance.instance, "edge-1");
  EXPECT_EQ(control->target_histogram_marks[5], 3u);
  const auto* place = reinterpret_cast<const spillway_flow_histograms_t*>(
      static_cast<const char*>(base) + spillway_target_histograms_offset(1, 0, 5));
  auto theirs = std::make_unique<spillway_histogram_t>();
  spillway_histogram_add(theirs.get(), &place->connect);
  HistogramSum ours;
  ours.add(segment.histograms(0, id).connect);
  EXPECT_EQ(spillway_histogram_count(theirs.get()), 1'000u);
  for (const unsigned per_mille : {0u, 1u, 500u, 990u, 999u, 1000u}) {
    EXPECT_EQ(spillway_histogram_percentile(theirs.get(), per_mille), ours.percentile(per_mille));
  }
}

TEST(CInterface, NamesStatesAndReasons) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(TargetState::Unavailable); ++i) {
    EXPECT_EQ(spillway_state(i), to_string(static_cast<TargetState>(i)));
  }
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(TargetReason::HealthCheckDisabled); ++i) {
    EXPECT_EQ(spillway_reason(i), to_string(static_cast<TargetReason>(i)));
  }
}

}  // namespace
}  // namespace report
