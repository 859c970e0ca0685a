// Config: what the operator asked for, as checked plain values.
//
// Made by read() and check(); nothing in here looks at the machine. Durations carry their unit in
// the type. `line` is the line of the config file, for messages; 0: not from a file. What @include
// brought in counts its own lines: `places` knows the file too, and the line of every single
// setting.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/health_check.h"
#include "config/places.h"
#include "config/routing_rules.h"
#include "config/security_group.h"
#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/target_group.h"

namespace config {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Source;

/// How an EAL gets its memory.
enum class Hugepages : std::uint8_t { Automatic, On, Off };

/// What a worker does when its ports have nothing for it.
enum class Idle : std::uint8_t {
  Spin,   // poll on: lowest latency, one core at 100 %
  Yield,  // give the CPU to others between empty polls: for shared machines
  Sleep,  // sleep up to 100 µs after many empty polls: for tests and laptops
};

/// How packets reach the worker that owns their flow.
enum class WantedSteering : std::uint8_t {
  Automatic,  // by RSS where the port can, else by hand-off
  HandOff,
  Rss,  // or not at all
};

struct Eal {
  Hugepages hugepages = Hugepages::Automatic;
  std::uint32_t memory_megabytes = 0;  // 0: sized from pools and flow tables
  bool pci = true;                     // false: --no-pci
  int line = 0;
};

struct Port {
  std::string name;    // also the TAP twin's interface name, so at most 15 bytes
  std::string device;  // PCI address, or DPDK vdev string ("net_af_xdp0,iface=veth0")
  std::vector<dataplane::IpPrefix> addresses;
  std::vector<dataplane::IpAddress> gateways;
  std::vector<dataplane::IpAddress> local_addresses;  // full_nat's sources towards targets here
  std::uint16_t vlan = 0;                             // 0: untagged
  std::uint16_t mtu = 1500;
  std::uint16_t queue_descriptors = 1024;
  std::optional<dataplane::MacAddress> mac;  // set on the device if given
  WantedSteering steering = WantedSteering::Automatic;
  bool kernel_path = true;
  bool promiscuous = false;
  int line = 0;
};

/// A MAC address that no kernel path could resolve.
struct Neighbour {
  std::string port;
  dataplane::IpAddress address;
  dataplane::MacAddress mac;
  int line = 0;
};

struct Flows {
  std::uint32_t capacity = 1'048'576;  // IPv4 flows per worker, both directions count as one
  std::optional<std::uint32_t> capacity_ipv6;  // the same for IPv6; see ipv6_capacity()
  std::uint32_t new_per_second = 500'000;      // new flows per worker; 0: no limit
  milliseconds half_open_timeout{30'000};
  milliseconds half_closed_timeout{120'000};
  milliseconds closing_timeout{10'000};
  milliseconds reset_timeout{2'000};
};

/// The table of clients that all groups with stickiness share.
struct Sticky {
  std::uint32_t capacity = 1'048'576;  // clients, in the whole instance: 8 bytes each
};

/// CLB's: 1,024 in each of its nodes.
inline constexpr std::uint32_t surge_length_default = 1'024;

/// How many SYNs the queues of all target groups may hold together: each takes a packet buffer.
struct SurgeQueues {
  std::optional<std::uint32_t> capacity;  // see surge_capacity()
};

/// Where and of how many flows a line is written when they end.
struct FlowLog {
  std::string path;    // of a file
  std::string socket;  // … or of a Unix stream socket that somebody listens on; both "": off
  std::uint32_t sample_millionths = 1'000'000;  // of the flows that end
  std::uint32_t ring = 32'768;                  // flows that may wait for control, per worker
  std::uint32_t buffer_megabytes = 4;           // of lines that may wait for the destination
  [[nodiscard]] bool on() const { return !path.empty() || !socket.empty(); }
  [[nodiscard]] const std::string& destination() const { return path.empty() ? socket : path; }
  friend bool operator==(const FlowLog&, const FlowLog&) = default;
};

/// How clients wait for a place in a target group whose targets have as many as they may.
struct SurgeQueue {
  std::optional<std::uint32_t> length;  // SYNs; see surge_length()
  milliseconds timeout{10'000};
};

/// Whether a client's flows go to one target, and for how long after its last new one.
struct Stickiness {
  dataplane::Stickiness type = dataplane::Stickiness::None;
  seconds timeout{86'400};
};

struct DeregistrationDelay {
  seconds timeout{300};
  bool connection_termination = false;
};

/// What becomes of a target's flows when it turns unhealthy.
struct Unhealthy {
  bool connection_termination = true;  // udp: false, always; its flows move with the next datagram
  seconds draining_interval{0};        // of unhealthy.draining; only without termination
  friend bool operator==(const Unhealthy&, const Unhealthy&) = default;
};

struct Target {
  dataplane::IpAddress address;
  std::uint16_t port = 0;  // resolved: the group's, unless given; 0: as in TargetGroup
  std::uint16_t weight = 1;
  std::string zone;                   // "": belongs to every zone
  std::uint32_t max_connections = 0;  // 0: no limit
  int line = 0;
  /// The file's or the registration's, beside which `weight` is the operator's; by with_changes().
  std::optional<std::uint16_t> configured_weight = {};
};

struct TargetGroup {
  std::string name;
  dataplane::Protocols protocol;
  std::uint16_t port = 0;  // 0: "same", each flow's own, the one that the client asked for
  dataplane::Mode mode = dataplane::Mode::Nat;
  dataplane::Algorithm algorithm = dataplane::Algorithm::RoundRobin;
  std::uint32_t maglev_table_size = 65'537;
  dataplane::UnknownFlow unknown_flow = dataplane::UnknownFlow::Reset;
  dataplane::Overload overload = dataplane::Overload::Refuse;
  Stickiness stickiness;
  DeregistrationDelay deregistration_delay;
  Unhealthy unhealthy;
  RoutingRules routing;
  seconds slow_start{0};              // 0: off
  std::uint32_t max_connections = 0;  // of all targets together; 0: no limit
  SurgeQueue surge_queue;
  dataplane::Spillover spillover = dataplane::Spillover::Reset;
  HealthCheck health_check;
  bool passive_health_check = true;  // handshakes of clients count too; see passive_by_default()
  std::vector<Target> targets;
  int line = 0;
};

/// One of several target groups of a listener.
struct WeightedGroup {
  std::string name;
  std::uint16_t weight = 1;  // 0: no new flows
  int line = 0;
};

struct Listener {
  std::string name;
  dataplane::IpAddress address;
  std::uint16_t port = 0;       // of a range: the first
  std::uint16_t port_last = 0;  // of a range; 0: `port` alone
  dataplane::Protocols protocol;
  std::string target_group;                  // "": target_groups
  std::vector<WeightedGroup> target_groups;  // empty: target_group
  seconds idle_timeout{350};                 // udp: 120 unless given
  seconds udp_idle_timeout{120};             // tcp_udp: of its UDP flows
  std::vector<std::string> security_groups;  // attached here, with the balancer's
  int line = 0;
};

[[nodiscard]] inline dataplane::PortRange ports_of(const Listener& listener) {
  return {listener.port, listener.port_last == 0 ? listener.port : listener.port_last};
}
/// All that the listener sends flows to, or would with another weight.
[[nodiscard]] std::vector<WeightedGroup> groups_of(const Listener& listener);
[[nodiscard]] bool leads_to(const Listener& listener, std::string_view target_group);

struct Config {
  std::string file;  // where it was read from, for messages
  std::string instance = "spillway";
  std::vector<int> worker_cpus;  // one entry a worker; empty: choose `workers` of them
  std::uint32_t workers = 1;
  Idle idle = Idle::Spin;
  Zoning zoning;
  std::uint32_t punt_rate = 20'000;       // packets per second and worker to the kernel
  std::uint32_t icmp_error_rate = 1'000;  // per second and worker, of our own
  Eal eal;
  std::vector<Port> ports;
  std::vector<Neighbour> neighbours;
  Flows flows;
  Sticky sticky;
  SurgeQueues surge_queues;
  FlowLog flow_log;
  std::vector<TargetGroup> target_groups;
  std::vector<Listener> listeners;
  std::vector<SecurityGroup> security_groups;
  std::vector<std::string> balancer_security_groups;  // attached to all listeners
  bool revalidate_flows = false;                      // flows that no rule lets in any more are cut
  Places places;
  std::shared_ptr<const Source> source;  // the text that it was read from
};

/// Whether a group learns from its clients' handshakes unless it says so itself: only TCP has any,
/// it takes active checks to bring a target back, and with stickiness few clients speak for many.
[[nodiscard]] bool passive_by_default(const TargetGroup& group);

/// A limit of the group or of one of its targets.
[[nodiscard]] bool has_limit(const TargetGroup& group);
/// How many SYNs may wait for a group: what it says; else, if it has a limit, 1,024, as at ELB;
/// else none. UDP has no SYN that could wait.
[[nodiscard]] std::uint32_t surge_length(const TargetGroup& group);
/// What the file says; else room for all queues at once, but 1,024 at least, for a reload's.
[[nodiscard]] std::uint32_t surge_capacity(const Config& config);

/// A port with these addresses and gateways carries IPv6.
[[nodiscard]] bool carries_ipv6(const std::vector<dataplane::IpPrefix>& addresses,
                                const std::vector<dataplane::IpAddress>& gateways);

/// IPv6 flows per worker: what the file says; else as many as for IPv4 if a listener is IPv6, else
/// none.
[[nodiscard]] std::uint32_t ipv6_capacity(const Config& config);

}  // namespace config
