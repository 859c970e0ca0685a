// Segment: the whole shared memory layout, as its writer (control/segment) and its readers (tools)
// map it. One POSIX segment per instance, "/spillway-INSTANCE", mode 0640, read-only for readers.
//
//   ┌────────────────────┐ 0      SegmentHeader: magic, versions, pid, heartbeat
//   ├────────────────────┤ 4096   ControlBlock: what the control thread knows, one Record each
//   ├────────────────────┤        WorkerBlock 0
//   │ …                  │        WorkerBlock 1 …   (counters.h)
//   ├────────────────────┤        HistogramBlock 0, at a whole page
//   │ …                  │        HistogramBlock 1 …   (flow_histograms.h), sparse
//   └────────────────────┘
//
// Everything but the header's constants may change at any time. A Record (record.h) is
// read whole or not at all. Layout changes raise layout_version; readers refuse other versions.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "dataplane/counters.h"
#include "dataplane/flow_histograms.h"
#include "dataplane/record.h"
#include "dataplane/table/exclusion.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/target_state.h"

namespace dataplane {

inline constexpr std::uint64_t segment_magic = 0x5941'574c'4c49'5053;  // "SPILLWAY", little-endian
inline constexpr std::uint32_t layout_version = 5;
/// Older than this and the daemon is dead or stuck. It writes a heartbeat every second.
inline constexpr std::uint64_t heartbeat_stale_milliseconds = 5'000;

/// A short text in shared memory; cut to fit (never inside a UTF-8 character), always terminated.
template <std::size_t N>
struct Text {
  std::array<char, N> bytes{};

  void assign(std::string_view text) {
    std::size_t size = std::min(text.size(), N - 1);
    const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) >> 6) == 2; };
    while (size > 0 && size < text.size() && continues(text[size])) --size;
    bytes.fill('\0');
    std::copy_n(text.data(), size, bytes.data());
  }
  [[nodiscard]] std::string_view view() const { return {bytes.data(), strnlen(bytes.data(), N)}; }
};

struct InstanceRecord {
  Text<64> instance;
  Text<32> version;
  Text<256> config_file;
  std::uint64_t started_unix_milliseconds;
  std::uint64_t generation;  // newest published
  std::uint64_t reloads;     // that were applied
  std::uint64_t reloads_refused;
  std::uint64_t last_reload_unix_milliseconds;
  Text<256> last_reload_error;  // "" after one that was applied
};

struct PortRecord {
  bool used;
  bool link_up;
  bool kernel_path;
  bool queue_drops_known;  // the device tells them apart; else dropped_by_queue is all 0
  std::uint8_t receive_queues;
  std::uint8_t transmit_queues;
  std::uint16_t mtu;
  std::uint32_t link_megabits;
  Text<16> name;
  Text<128> device;
  Text<18> mac;
  Text<32> driver;
  Text<32> steering;       // "rss", "hand_off", "single_worker"
  std::uint64_t received;  // the device's own figures
  std::uint64_t sent;
  std::uint64_t missed;  // no descriptor when it arrived: the workers are too slow
  std::uint64_t errors;  // frames that arrived damaged
  std::uint64_t received_bytes;
  std::uint64_t sent_bytes;
  std::uint64_t no_buffer;    // no packet buffer was free for what arrived
  std::uint64_t send_errors;  // frames that it took and could not send
  /// Frames that were for a receive queue and lost before its worker saw them, for whatever reason
  /// the device counts by queue. Part of `missed`, `no_buffer` or `errors` with most devices.
  std::array<std::uint64_t, workers_max> dropped_by_queue;
};

/// What one target group of a listener gets of its new flows.
struct GroupShareRecord {
  Text<33> name;
  std::uint16_t weight;
};

struct ListenerRecord {
  bool used;
  std::uint16_t incarnation;
  std::uint16_t port;
  std::uint16_t port_last;  // of a range; else the same
  std::uint8_t protocol;    // IANA number; 0: TCP and UDP
  std::uint8_t group_count;
  Text<33> name;
  Text<46> address;
  std::array<GroupShareRecord, groups_of_listener_max> groups;
  std::uint32_t idle_seconds;
  std::uint32_t udp_idle_seconds;  // of TCP and UDP
};

struct TargetRecord {
  bool used;
  TargetId id;
  TargetState state;
  TargetReason reason;
  bool takes_new_flows;  // eligible in the newest generation
  std::uint16_t port;    // 0: flows keep theirs
  std::uint16_t weight;
  std::uint16_t configured_weight;  // the file's
  bool weight_is_set;               // by the operator, instead of the file's
  std::uint8_t slow_start_percent;  // of the weight; 0: it is not in slow start
  bool reports_weight;
  std::uint8_t reported_percent;  // of the weight, if it does
  Text<33> target_group;
  Text<46> address;
  Text<33> zone;
  std::uint64_t since_unix_milliseconds;       // of the state
  std::uint64_t drain_ends_unix_milliseconds;  // 0: not draining
  Text<192> detail;                            // a sentence: the last probe's outcome
  Exclusion exclusion;                         // why a zone keeps new flows from it
  std::uint8_t protocol;                       // its group's: IANA number; 0: TCP and UDP
  std::uint32_t max_connections;               // as it counts now, in slow start less; 0: no limit
  std::uint32_t configured_max_connections;
};

/// How a target group stands in one zone: config::GroupZone.
struct GroupZoneRecord {
  std::uint32_t registered;
  std::uint32_t healthy;
  bool shifted;
  bool failing_open;
  bool zone_healthy;
  bool announced;
  Text<33> zone;
};

struct TargetGroupRecord {
  bool used;
  bool failing_open;   // of this balancer, as all that follows
  bool cross_zone;     // on
  bool shift_ignored;  // it would leave the group nothing
  bool on_standby;     // new flows go to `standby`
  bool affinity;       // zonal_affinity is set
  bool spills;         // … and the own zone lacks capacity
  std::uint8_t zone_count;
  std::uint32_t registered;  // of whom it is asked whether enough are healthy
  std::uint32_t healthy;
  std::uint32_t minimum_count;  // unhealthy_state_routing
  std::uint32_t minimum_percentage;
  std::uint64_t standby_since_unix_milliseconds;
  Text<33> name;
  Text<33> standby;           // "": none
  std::uint16_t incarnation;  // of the slot: whose TargetGroupCounters count
  bool spillover_silent;
  std::uint32_t max_connections;  // 0: no limit
  std::uint32_t surge_length;     // 0: no queue
  std::uint32_t surge_timeout_milliseconds;
  std::array<GroupZoneRecord, zones_max> zones;
};

/// A zone that this balancer or a target is in, or that is shifted away.
struct ZoneRecord {
  bool used;
  bool own;      // this balancer stands there
  bool healthy;  // for every group in use: ZonalHealthStatus
  bool shifted;
  std::uint32_t targets;  // registered in it
  Text<33> name;
  Text<128> comment;
  std::uint64_t started_unix_milliseconds;  // of the shift
  std::uint64_t expires_unix_milliseconds;
};

/// What went through the balancer, one of its target groups or zones, added up once a second by
/// control: unlike sums over targets, these never fall when a target goes. Of both ways, with IP
/// headers, without health checks.
struct TrafficRecord {
  std::uint64_t new_flows;              // NewFlowCount
  std::uint64_t new_flows_udp;          // … of them
  std::uint64_t requests;               // RequestCount: TCP connections that targets accepted
  std::uint64_t connection_errors;      // BackendConnectionErrors: those that they did not
  std::uint64_t processed_bytes;        // ProcessedBytes
  std::uint64_t processed_packets;      // ProcessedPackets
  std::uint64_t processed_bytes_udp;    // … of them: ProcessedBytes_UDP
  std::uint64_t processed_packets_udp;  // … of them
  std::uint64_t client_resets;          // TCP_Client_Reset_Count
  std::uint64_t target_resets;          // TCP_Target_Reset_Count
  std::uint64_t elb_resets;             // TCP_ELB_Reset_Count; docs/metrics.md: of which
  std::uint64_t port_allocation_errors;
  std::uint64_t unhealthy_routing_flows;
  std::uint64_t rejected_flows;      // RejectedFlowCount, of the balancer; of others 0
  std::uint64_t rejected_flows_udp;  // … of them
  // Now.
  std::uint64_t active_flows;      // ActiveFlowCount: those that are not over
  std::uint64_t active_flows_udp;  // … of them
  // Of the second before `sampled`.
  std::uint64_t bytes_per_second;
  std::uint64_t packets_per_second;
  std::uint64_t new_flows_per_second;
  // PeakBytesPerSecond, PeakPacketsPerSecond: the best 10 seconds' average of the last 60.
  std::uint64_t peak_bytes_per_second;
  std::uint64_t peak_packets_per_second;
  std::uint64_t sampled_unix_milliseconds;
};

/// A rule of a security group.
struct RuleRecord {
  bool used;
  bool inbound;
  std::uint16_t number;  // its place in the configuration
  Text<33> security_group;
  Text<8> protocol;           // "tcp", "udp", "icmp", "all"
  Text<12> ports;             // "80-443", "80", "all", ""
  Text<48> peer;              // a prefix, a group's name, "anywhere"
  Text<120> attached_to;      // "balancer", or listeners' names, "" for none
  std::uint64_t hits_before;  // what rule_hits had counted at its place when it took it
};

/// A security group, whether or not it has rules: one that is attached and has none lets nothing
/// through. By its place in the configuration.
struct SecurityGroupRecord {
  bool used;
  Text<33> name;
  Text<120> attached_to;  // "balancer", or listeners' names, "" for none
  std::uint32_t addresses;
  std::uint32_t inbound;   // rules
  std::uint32_t outbound;  // rules
};

/// What became of the lines of the flow log, since the daemon's start. Over all workers:
/// flows_logged = written + dropped_slow + dropped_unavailable + waiting, once control has come to
/// them.
struct FlowLogRecord {
  bool used;
  bool socket;  // the destination is one
  bool open;    // … and takes lines
  std::uint32_t sample_millionths;
  std::uint64_t written;  // lines that the destination took
  std::uint64_t written_bytes;
  std::uint64_t dropped_slow;         // it took others, but these came too fast
  std::uint64_t dropped_unavailable;  // it took nothing: no reader, no permission, disk full
  std::uint64_t waiting;              // in the buffer now
  std::uint64_t opened;               // times: after log rotation, when a reader is back
  std::uint64_t problem_since_unix_milliseconds;  // 0: there is none
  Text<256> destination;                          // a path
  Text<128> problem;                              // a sentence; "": none
};

struct SegmentHeader {
  std::atomic<std::uint64_t> magic;  // written last at start, with release
  std::uint32_t version;             // layout_version
  std::uint32_t workers;
  std::uint64_t size;  // of the whole segment
  std::uint64_t pid;
  Counter heartbeat_unix_milliseconds;
  Counter stopped;  // 1 after a clean stop
};
static_assert(sizeof(SegmentHeader) <= 4096);

struct ControlBlock {
  Record<InstanceRecord> instance;
  std::array<Record<PortRecord>, ports_max> ports;
  std::array<Record<ListenerRecord>, listeners_max> listeners;
  std::array<Record<TargetRecord>, targets_max> targets;
  std::array<Record<TargetGroupRecord>, target_groups_max> target_groups;
  std::array<Record<ZoneRecord>, zones_max> zones;
  std::array<Record<RuleRecord>, rules_max> rules;
  HistogramMarks histogram_marks;
  Record<TrafficRecord> traffic;
  std::array<Record<TrafficRecord>, target_groups_max> group_traffic;  // by TargetGroupId.slot
  std::array<Record<TrafficRecord>, zones_max> zone_traffic;           // as `zones`
  Record<FlowLogRecord> flow_log;
  std::array<Record<SecurityGroupRecord>, security_groups_max> security_groups;
};

inline constexpr std::size_t control_block_offset = 4096;
inline constexpr std::size_t worker_blocks_offset =
    (control_block_offset + sizeof(ControlBlock) + 63) / 64 * 64;
[[nodiscard]] constexpr std::size_t histogram_blocks_offset(std::size_t workers) {
  const std::size_t end = worker_blocks_offset + workers * sizeof(WorkerBlock);
  return (end + page_bytes - 1) / page_bytes * page_bytes;
}
/// Of addresses; of memory, histogram_blocks_offset() and a place for each mark that is set.
[[nodiscard]] constexpr std::size_t segment_size(std::size_t workers) {
  return histogram_blocks_offset(workers) + workers * sizeof(HistogramBlock);
}

}  // namespace dataplane
