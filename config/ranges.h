// ranges: what numbers of the configuration may be, where more than one place names them or their
// reason wants saying. ELB's where ELB has one; where we allow more, docs/configuration.md says so.
// Read by the sections and the checks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace config::ranges {

using std::chrono::milliseconds;

inline constexpr std::int64_t draining_interval_max = 360'000;  // ELB, seconds: 100 hours
inline constexpr std::size_t name_size_max = 32;            // ELB: load balancers, target groups
inline constexpr std::size_t port_name_size_max = 15;       // Linux: IFNAMSIZ without its NUL
inline constexpr std::int64_t weight_max = 999;             // ELB: weights of listener actions
inline constexpr std::int64_t healthy_targets_max = 8'192;  // ELB: the most that a group may have
inline constexpr std::int64_t recovery_time_max = 86'400;   // seconds: a day
inline constexpr std::int64_t slow_start_min = 30;          // ELB; and 0, off
inline constexpr std::int64_t slow_start_max = 900;
inline constexpr std::int64_t cpu_max = 1023;
inline constexpr std::int64_t memory_megabytes_max = 1'048'576;
inline constexpr std::int64_t flows_min = 1'024;
inline constexpr std::int64_t flows_max = 67'108'864;       // per worker: 8 GiB of entries
inline constexpr std::int64_t new_flows_max = 100'000'000;  // far above what a core can do
inline constexpr std::int64_t sticky_min = 1'024;
inline constexpr std::int64_t sticky_max = 268'435'456;        // 2 GiB
inline constexpr std::int64_t connections_max = 16'777'216;    // of one target or group
inline constexpr std::int64_t surge_capacity_max = 1'048'576;  // some 2.5 GB of packet buffers
inline constexpr milliseconds surge_timeout_min{100};
inline constexpr milliseconds surge_timeout_max{300'000};
inline constexpr std::int64_t flow_log_ring_min = 1'024;
inline constexpr std::int64_t flow_log_ring_max = 4'194'304;  // 600 MB per worker
inline constexpr std::int64_t flow_log_buffer_max = 1'024;    // megabytes
inline constexpr std::size_t flow_log_path_max = 255;         // what the shared memory shows of it
inline constexpr std::size_t socket_path_max = 107;           // Linux: sockaddr_un without its NUL
inline constexpr std::int64_t stickiness_seconds =
    604'800;                                              // ELB: a week, at application balancers
inline constexpr std::size_t rule_prefixes_max = 65'536;  // 3 MB of rules in a snapshot
inline constexpr std::int64_t descriptors_min = 64;
inline constexpr std::int64_t descriptors_max = 16'384;
inline constexpr std::int64_t maglev_size_min = 7;
inline constexpr milliseconds interval_min{100};  // ELB: 5 s
inline constexpr milliseconds interval_max{300'000};
inline constexpr milliseconds timeout_min{100};  // ELB: 2 s
inline constexpr milliseconds timeout_max{120'000};

}  // namespace config::ranges
