/* spillway_segment.h: the shared memory segment of a Spillway instance, for programs in C.
 *
 * Public interface, plain C11, no library needed. The file is /dev/shm/spillway-INSTANCE, mode 0640.
 * Map it read-only, ask spillway_check() before anything else, and read:
 *
 *   header     spillway_header_t at 0: is it one, of this version, alive?
 *   records    spillway_control_t at SPILLWAY_CONTROL_OFFSET: names, states; spillway_read() each
 *   counters   spillway_worker_t at spillway_worker_offset(): one per worker, to be added up.
 *              Those of a target or listener count only where `incarnation` is its record's
 *   histograms spillway_flow_histograms_t at spillway_target_histograms_offset() and the like, of
 *              those with a mark (incarnation + 1). Where there is no mark there is no memory
 *
 * A daemon that starts anew makes a new file: compare the inode of the path with that of the open
 * file (docs/metrics.md has the rules, tools/segment_reader.c is an example). The daemon holds an
 * F_OFD_SETLK write lock on the file while it lives. Layout version 4. */
#ifndef SPILLWAY_SEGMENT_H
#define SPILLWAY_SEGMENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPILLWAY_MAGIC UINT64_C(0x5941574c4c495053)
#define SPILLWAY_LAYOUT_VERSION 5u
#define SPILLWAY_STALE_MILLISECONDS 5000u

enum {
  SPILLWAY_WORKERS_MAX = 64,
  SPILLWAY_PORTS_MAX = 16,
  SPILLWAY_LISTENERS_MAX = 1024,
  SPILLWAY_TARGET_GROUPS_MAX = 1024,
  SPILLWAY_TARGETS_MAX = 8192,
  SPILLWAY_GROUPS_OF_LISTENER_MAX = 8,
  SPILLWAY_ZONES_MAX = 16,
  SPILLWAY_RULES_MAX = 4096,
  SPILLWAY_SECURITY_GROUPS_MAX = 1024,
  SPILLWAY_VERDICTS_MAX = 64,
  SPILLWAY_HISTOGRAM_BUCKETS = 896,
  SPILLWAY_CONTROL_OFFSET = 4096
};

typedef struct {
  uint64_t magic; /* written last: 0 while the daemon starts */
  uint32_t version;
  uint32_t workers;
  uint64_t size;
  uint64_t pid;
  uint64_t heartbeat_unix_milliseconds;
  uint64_t stopped; /* 1 after a clean stop */
} spillway_header_t;

/* --- records: what spillway_read() gives --- */

typedef struct {
  char instance[64];
  char version[32];
  char config_file[256];
  uint64_t started_unix_milliseconds;
  uint64_t generation;
  uint64_t reloads;
  uint64_t reloads_refused;
  uint64_t last_reload_unix_milliseconds;
  char last_reload_error[256];
} spillway_instance_t;

typedef struct {
  uint8_t used;
  uint8_t link_up;
  uint8_t kernel_path;
  uint8_t queue_drops_known; /* else dropped_by_queue is all 0 */
  uint8_t receive_queues;
  uint8_t transmit_queues;
  uint16_t mtu;
  uint32_t link_megabits;
  char name[16];
  char device[128];
  char mac[18];
  char driver[32];
  char steering[32];
  uint64_t received;
  uint64_t sent;
  uint64_t missed;
  uint64_t errors;
  uint64_t received_bytes;
  uint64_t sent_bytes;
  uint64_t no_buffer;
  uint64_t send_errors;
  uint64_t dropped_by_queue[SPILLWAY_WORKERS_MAX]; /* receive_queues of them */
} spillway_port_t;

typedef struct {
  char name[33];
  uint16_t weight;
} spillway_group_share_t;

typedef struct {
  uint8_t used;
  uint16_t incarnation;
  uint16_t port;
  uint16_t port_last;
  uint8_t protocol; /* IANA number; 0: TCP and UDP */
  uint8_t group_count;
  char name[33];
  char address[46];
  spillway_group_share_t groups[SPILLWAY_GROUPS_OF_LISTENER_MAX];
  uint32_t idle_seconds;
  uint32_t udp_idle_seconds;
} spillway_listener_t;

typedef struct {
  uint8_t used;
  uint16_t slot;
  uint16_t incarnation;
  uint8_t state;  /* for spillway_state() */
  uint8_t reason; /* for spillway_reason() */
  uint8_t takes_new_flows;
  uint16_t port;
  uint16_t weight;
  uint16_t configured_weight;
  uint8_t weight_is_set;
  uint8_t slow_start_percent;
  uint8_t reports_weight;
  uint8_t reported_percent;
  char target_group[33];
  char address[46];
  char zone[33];
  uint64_t since_unix_milliseconds;
  uint64_t drain_ends_unix_milliseconds;
  char detail[192];
  uint8_t exclusion;
  uint8_t protocol;         /* IANA number; 0: TCP and UDP */
  uint32_t max_connections; /* as it counts now; 0: no limit */
  uint32_t configured_max_connections;
} spillway_target_t;

typedef struct {
  uint32_t registered;
  uint32_t healthy; /* HealthyHostCount; UnHealthyHostCount is the rest */
  uint8_t shifted;
  uint8_t failing_open;
  uint8_t zone_healthy;
  uint8_t announced;
  char zone[33];
} spillway_group_zone_t;

typedef struct {
  uint8_t used;
  uint8_t failing_open;
  uint8_t cross_zone;
  uint8_t shift_ignored;
  uint8_t on_standby;
  uint8_t affinity;
  uint8_t spills;
  uint8_t zone_count;
  uint32_t registered;
  uint32_t healthy; /* HealthyHostCount; UnHealthyHostCount is the rest */
  uint32_t minimum_count;
  uint32_t minimum_percentage;
  uint64_t standby_since_unix_milliseconds;
  char name[33];
  char standby[33];
  uint16_t incarnation; /* of the slot: whose spillway_target_group_counters_t count */
  uint8_t spillover_silent;
  uint32_t max_connections;
  uint32_t surge_length;
  uint32_t surge_timeout_milliseconds;
  spillway_group_zone_t zones[SPILLWAY_ZONES_MAX];
} spillway_target_group_t;

typedef struct {
  uint8_t used;
  uint8_t own;
  uint8_t healthy; /* ZonalHealthStatus */
  uint8_t shifted;
  uint32_t targets;
  char name[33];
  char comment[128];
  uint64_t started_unix_milliseconds;
  uint64_t expires_unix_milliseconds;
} spillway_zone_t;

typedef struct {
  uint8_t used;
  uint8_t inbound;
  uint16_t number;
  char security_group[33];
  char protocol[8];
  char ports[12];
  char peer[48];
  char attached_to[120];
  uint64_t hits_before;
} spillway_rule_t;

typedef struct {
  uint64_t new_flows;
  uint64_t new_flows_udp;
  uint64_t requests;
  uint64_t connection_errors;
  uint64_t processed_bytes;
  uint64_t processed_packets;
  uint64_t processed_bytes_udp;
  uint64_t processed_packets_udp;
  uint64_t client_resets;
  uint64_t target_resets;
  uint64_t elb_resets;
  uint64_t port_allocation_errors;
  uint64_t unhealthy_routing_flows;
  uint64_t rejected_flows;     /* of the balancer; of others 0 */
  uint64_t rejected_flows_udp; /* of them */
  uint64_t active_flows;       /* now */
  uint64_t active_flows_udp;   /* of them */
  uint64_t bytes_per_second;
  uint64_t packets_per_second;
  uint64_t new_flows_per_second;
  uint64_t peak_bytes_per_second;
  uint64_t peak_packets_per_second;
  uint64_t sampled_unix_milliseconds;
} spillway_traffic_t;

typedef struct {
  uint8_t used;
  char name[33];
  char attached_to[120]; /* "balancer", or listeners' names, "" for none */
  uint32_t addresses;
  uint32_t inbound; /* rules */
  uint32_t outbound;
} spillway_security_group_t;

/* the flow log: flows_logged of all workers = written + dropped_slow + dropped_unavailable +
 * waiting, once the daemon has come to them */
typedef struct {
  uint8_t used;
  uint8_t socket;
  uint8_t open;
  uint32_t sample_millionths;
  uint64_t written; /* lines */
  uint64_t written_bytes;
  uint64_t dropped_slow;
  uint64_t dropped_unavailable;
  uint64_t waiting;
  uint64_t opened;
  uint64_t problem_since_unix_milliseconds; /* 0: there is none */
  char destination[256];
  char problem[128];
} spillway_flow_log_t;

/* A record in place: never look inside, spillway_read() copies it out whole. */
#define SPILLWAY_RECORD(type)                  \
  struct {                                     \
    uint64_t sequence;                         \
    uint64_t words[(sizeof(type) + 7) / 8];    \
  }

typedef struct {
  SPILLWAY_RECORD(spillway_instance_t) instance;
  SPILLWAY_RECORD(spillway_port_t) ports[SPILLWAY_PORTS_MAX];
  SPILLWAY_RECORD(spillway_listener_t) listeners[SPILLWAY_LISTENERS_MAX];
  SPILLWAY_RECORD(spillway_target_t) targets[SPILLWAY_TARGETS_MAX];
  SPILLWAY_RECORD(spillway_target_group_t) target_groups[SPILLWAY_TARGET_GROUPS_MAX];
  SPILLWAY_RECORD(spillway_zone_t) zones[SPILLWAY_ZONES_MAX];
  SPILLWAY_RECORD(spillway_rule_t) rules[SPILLWAY_RULES_MAX];
  uint32_t target_histogram_marks[SPILLWAY_TARGETS_MAX];
  uint32_t listener_histogram_marks[SPILLWAY_LISTENERS_MAX];
  SPILLWAY_RECORD(spillway_traffic_t) traffic;
  SPILLWAY_RECORD(spillway_traffic_t) group_traffic[SPILLWAY_TARGET_GROUPS_MAX];
  SPILLWAY_RECORD(spillway_traffic_t) zone_traffic[SPILLWAY_ZONES_MAX];
  SPILLWAY_RECORD(spillway_flow_log_t) flow_log;
  SPILLWAY_RECORD(spillway_security_group_t) security_groups[SPILLWAY_SECURITY_GROUPS_MAX];
} spillway_control_t;

/* --- counters: one worker's; each word is written by that worker alone --- */

typedef struct {
  uint64_t generation, received, sent, unsent, punted, punt_unsent, handed_off, hand_off_unsent,
      received_hand_off, from_kernel, from_kernel_unsent, flows_alive, flows_inserted,
      flows_expired, flows_removed, flow_capacity, polls, busy_polls, relayed, relay_unsent,
      wrong_core, local_port_turn, flows_alive_ipv6, flow_capacity_ipv6, table_bytes,
      table_page_bytes, stateless, originated, originated_unsent, sticky_entries, sticky_capacity,
      sticky_found, sticky_evicted, blocked_inbound_icmp, blocked_inbound_tcp, blocked_inbound_udp,
      blocked_outbound_icmp, blocked_outbound_tcp, blocked_outbound_udp, flows_cut,
      received_waiting, surge_held, surge_capacity;
  uint64_t reserved[1];
  uint64_t busy_nanoseconds, idle_nanoseconds, flows_logged, flow_log_dropped;
} spillway_totals_t;

typedef struct {
  uint64_t incarnation, new_flows, active_flows, rejected_flows, spilled_flows, new_flows_udp,
      active_flows_udp, rejected_flows_udp;
} spillway_listener_counters_t;

typedef struct {
  uint64_t incarnation, new_flows, active_flows, packets_to_target, bytes_to_target,
      packets_to_client, bytes_to_client, client_resets, target_resets, elb_resets, picked_up_flows,
      port_allocation_errors, handshakes_answered, handshakes_failed, unhealthy_routing_flows,
      over_flows;
} spillway_target_counters_t;

/* Of its surge queue; surge_queue_length_max and surge_oldest_milliseconds are the greatest of all
 * workers', the others are to be added up. */
typedef struct {
  uint64_t incarnation, surge_queue_length, surge_queue_length_max, surge_oldest_milliseconds,
      surge_entered, surge_admitted, surge_timed_out, surge_left, surge_joined, spillover,
      surge_wait_milliseconds, elb_resets;
  uint64_t reserved[4];
} spillway_target_group_counters_t;

/* What of a target's counters is UDP. Packets and bytes are counted only where `protocol` of the
 * target is 0: else they are all UDP, or none. */
typedef struct {
  uint64_t new_flows, active_flows, packets_to_target, bytes_to_target, packets_to_client,
      bytes_to_client;
  uint64_t reserved[2];
} spillway_udp_counters_t;

typedef struct {
  spillway_totals_t totals;
  uint64_t verdicts[SPILLWAY_VERDICTS_MAX]; /* in the order of dataplane/packet/verdict.h */
  spillway_listener_counters_t listeners[SPILLWAY_LISTENERS_MAX];
  spillway_target_counters_t targets[SPILLWAY_TARGETS_MAX];
  uint64_t rule_hits[SPILLWAY_RULES_MAX];
  spillway_target_group_counters_t groups[SPILLWAY_TARGET_GROUPS_MAX];
  spillway_udp_counters_t target_udp[SPILLWAY_TARGETS_MAX];
} spillway_worker_t;

/* --- histograms --- */

typedef struct {
  uint64_t sum;
  uint64_t largest;
  uint64_t reserved[6];
  uint64_t buckets[SPILLWAY_HISTOGRAM_BUCKETS];
} spillway_histogram_t;

typedef struct {
  spillway_histogram_t connect;  /* nanoseconds */
  spillway_histogram_t response; /* nanoseconds */
  spillway_histogram_t queue;    /* nanoseconds */
  spillway_histogram_t duration; /* microseconds */
  spillway_histogram_t bytes;
  uint8_t padding[36864 - 5 * sizeof(spillway_histogram_t)];
} spillway_flow_histograms_t;

/* --- where things are --- */

static inline size_t spillway_workers_offset(void) {
  return (SPILLWAY_CONTROL_OFFSET + sizeof(spillway_control_t) + 63) / 64 * 64;
}
static inline size_t spillway_worker_offset(unsigned worker) {
  return spillway_workers_offset() + worker * sizeof(spillway_worker_t);
}
static inline size_t spillway_histograms_offset(unsigned workers) {
  return (spillway_worker_offset(workers) + 4095) / 4096 * 4096;
}
static inline size_t spillway_target_histograms_offset(unsigned workers, unsigned worker,
                                                       unsigned slot) {
  const size_t places = SPILLWAY_TARGETS_MAX + SPILLWAY_LISTENERS_MAX;
  return spillway_histograms_offset(workers) +
         (worker * places + slot) * sizeof(spillway_flow_histograms_t);
}
static inline size_t spillway_listener_histograms_offset(unsigned workers, unsigned worker,
                                                         unsigned slot) {
  return spillway_target_histograms_offset(workers, worker, SPILLWAY_TARGETS_MAX + slot);
}
static inline size_t spillway_segment_size(unsigned workers) {
  return spillway_target_histograms_offset(workers, workers, 0);
}

/* --- names --- */

static inline const char* spillway_state(uint8_t state) {
  static const char* const names[] = {"initial",  "healthy", "unhealthy",  "unhealthy.draining",
                                      "draining", "unused",  "unavailable"};
  return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

static inline const char* spillway_reason(uint8_t reason) {
  static const char* const names[] = {"",
                                      "Elb.RegistrationInProgress",
                                      "Elb.InitialHealthChecking",
                                      "Target.ResponseCodeMismatch",
                                      "Target.Timeout",
                                      "Target.FailedHealthChecks",
                                      "Elb.InternalError",
                                      "Target.NotRegistered",
                                      "Target.NotInUse",
                                      "Target.InvalidState",
                                      "Target.IpUnusable",
                                      "Target.DeregistrationInProgress",
                                      "Target.HealthCheckDisabled"};
  return reason < sizeof names / sizeof names[0] ? names[reason] : "unknown";
}

/* --- reading --- */

static inline uint64_t spillway_counter(const uint64_t* counter) {
  return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* "" if `size` bytes at `base` are a segment that this header describes; else why not. */
static inline const char* spillway_check(const void* base, size_t size) {
  const spillway_header_t* header = (const spillway_header_t*)base;
  uint64_t magic;
  if (size < sizeof *header) return "it is shorter than any segment";
  magic = __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE);
  if (magic == 0) return "the daemon is just starting";
  if (magic != SPILLWAY_MAGIC) return "it is not a Spillway segment";
  if (header->version != SPILLWAY_LAYOUT_VERSION) return "it is of another layout version";
  if (header->workers < 1 || header->workers > SPILLWAY_WORKERS_MAX ||
      header->size != spillway_segment_size(header->workers) || size < header->size) {
    return "it was cut or damaged";
  }
  return "";
}

/* Copies the record at `record`, of `size` bytes, to `value`. 1: whole. 0: its writer kept writing,
 * or died in the middle. */
static inline int spillway_read(const void* record, void* value, size_t size) {
  const uint64_t* words = (const uint64_t*)record;
  int attempt;
  for (attempt = 0; attempt < 1000; ++attempt) {
    const uint64_t before = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
    size_t i;
    if (before % 2 != 0) continue;
    for (i = 0; i * 8 < size; ++i) {
      const uint64_t word = __atomic_load_n(&words[1 + i], __ATOMIC_ACQUIRE);
      memcpy((char*)value + i * 8, &word, size - i * 8 < 8 ? size - i * 8 : 8);
    }
    if (__atomic_load_n(&words[0], __ATOMIC_RELAXED) == before) return 1;
  }
  return 0;
}

/* The smallest and the largest value of a bucket. */
static inline uint64_t spillway_bucket_first(unsigned bucket) {
  return bucket < 64 ? (uint64_t)bucket << 5 : (uint64_t)(bucket % 32 + 32) << (bucket / 32 + 4);
}
static inline uint64_t spillway_bucket_last(unsigned bucket) {
  return spillway_bucket_first(bucket + 1) - 1;
}

/* Adds a worker's histogram to `sum`, which begins as zeros. */
static inline void spillway_histogram_add(spillway_histogram_t* sum,
                                          const spillway_histogram_t* histogram) {
  const uint64_t largest = spillway_counter(&histogram->largest);
  unsigned i;
  for (i = 0; i < SPILLWAY_HISTOGRAM_BUCKETS; ++i) {
    sum->buckets[i] += spillway_counter(&histogram->buckets[i]);
  }
  sum->sum += spillway_counter(&histogram->sum);
  if (largest > sum->largest) sum->largest = largest;
}

/* How many values. */
static inline uint64_t spillway_histogram_count(const spillway_histogram_t* sum) {
  uint64_t count = 0;
  unsigned i;
  for (i = 0; i < SPILLWAY_HISTOGRAM_BUCKETS; ++i) count += sum->buckets[i];
  return count;
}

/* The value that `per_mille` thousandths do not exceed, within 1.6 %; 0 without values. */
static inline uint64_t spillway_histogram_percentile(const spillway_histogram_t* sum,
                                                     unsigned per_mille) {
  const uint64_t count = spillway_histogram_count(sum);
  uint64_t rank = count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
  uint64_t seen = 0;
  unsigned i;
  if (count == 0) return 0;
  if (rank == 0) rank = 1;
  for (i = 0; i < SPILLWAY_HISTOGRAM_BUCKETS; ++i) {
    seen += sum->buckets[i];
    if (seen >= rank) {
      const uint64_t first = spillway_bucket_first(i);
      const uint64_t middle = first + (spillway_bucket_last(i) - first + 1) / 2;
      return middle < sum->largest ? middle : sum->largest;
    }
  }
  return sum->largest;
}

#ifdef __cplusplus
}
#endif

#endif
