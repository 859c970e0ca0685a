// Forwarder: everything between the wires and the path, built from options: ports, pools, rings,
// TAP twins, and for each worker its flow table, Core and QueuePair; and the life of the worker
// threads.
//
// Control builds, starts and stops it, in this order:
//
//   build(runtime, options) → ports have MACs: compile the first snapshot → start(publication)
//   → … → stop() → look at the report → destroy it, then the Runtime
//
// While it runs, workers touch only their own Core and QueuePair; control reads ports' link and
// statistics, serves the kernel ports' descriptors, and reads counters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core.h"
#include "dataplane/counters.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/publication.h"
#include "nic/clock.h"
#include "nic/failure.h"
#include "nic/hand_off.h"
#include "nic/hugepages.h"
#include "nic/kernel_port.h"
#include "nic/mbuf_pool.h"
#include "nic/poll_loop.h"
#include "nic/port.h"
#include "nic/queue_layout.h"
#include "nic/queue_pair.h"
#include "nic/runtime.h"
#include "nic/table_memory.h"

namespace nic {

struct ForwarderOptions {
  std::vector<PortOptions> ports;                  // PortId is the place in here
  dataplane::FlowCapacity flows{.v4 = 1'048'576};  // per worker
  std::size_t sticky_clients = 0;                  // of the whole instance: see sticky_table.h
  dataplane::Seed sticky_seed{};
  std::size_t surge_capacity = 0;  // SYNs that all surge queues may hold: a buffer each
  std::size_t flow_log_ring = 0;   // ended flows that may wait for control, per worker
  Idle idle = Idle::Spin;
  dataplane::Seed owner_seed{};
  std::vector<dataplane::Seed> table_seeds{};       // one per worker
  std::vector<dataplane::WorkerBlock*> counters{};  // one per worker; they outlive the Forwarder
  std::vector<dataplane::FlowMeasures> measures{};  // the same, or none at all
};

/// What build() will ask for, as far as it can be known before EAL starts: for EalOptions::need.
[[nodiscard]] MemoryNeed memory_needed(const ForwarderOptions& options, std::size_t workers);
/// For EalOptions::pci: a port is a PCI device.
[[nodiscard]] bool needs_pci(const std::vector<PortOptions>& ports);

/// Where the packet buffers are once everything has been closed.
struct StopReport {
  struct Pool {
    std::string name;
    std::uint32_t size = 0;
    std::uint32_t missing = 0;          // the law: 0
    std::uint32_t kept_by_drivers = 0;  // not counted as missing: net_af_xdp never gives them back
  };
  std::vector<Pool> pools;

  [[nodiscard]] bool all_back() const;
  /// "every packet buffer is back in its pool", or which are not.
  [[nodiscard]] std::string sentence() const;
};

class Forwarder {
 public:
  /// One turn of a worker's loop: how many packets it dealt with.
  using Turn = std::function<std::size_t(dataplane::Instant)>;

  [[nodiscard]] static Result<std::unique_ptr<Forwarder>> build(Runtime& runtime,
                                                                const ForwarderOptions& options);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  [[nodiscard]] std::size_t workers() const { return workers_.size(); }
  /// By PortId; empty after stop().
  [[nodiscard]] const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  /// The port's TAP twin, or nullptr.
  [[nodiscard]] KernelPort* kernel_port(PortId port) { return kernel_ports_[port.number].get(); }
  [[nodiscard]] const QueueLayout& layout() const { return *layout_; }
  /// Which worker each packet that the port receives arrives at; null: that cannot be told, or
  /// some worker has no queue of it.
  [[nodiscard]] std::shared_ptr<const dataplane::Rss> rss(PortId port) const;
  [[nodiscard]] dataplane::Core& core(WorkerId worker) { return *workers_[worker.number].core; }
  [[nodiscard]] QueuePair& queue_pair(WorkerId worker) { return *workers_[worker.number].io; }
  /// The time that the workers go by; control may ask it too.
  [[nodiscard]] const Clock& clock() const { return clock_; }
  /// Clients that are remembered: shared by all workers.
  [[nodiscard]] const dataplane::StickyTable& sticky() const { return *sticky_; }
  /// Connection limits and surge queues: shared by all workers.
  [[nodiscard]] dataplane::Gate& gate() { return *gate_; }
  /// "8 MB, in pages of 2 MB"
  [[nodiscard]] std::string sticky_sentence() const;
  /// Bytes of all flow tables.
  [[nodiscard]] std::size_t table_bytes() const;
  /// "152 MB per worker, in pages of 1 GB (worker 1: of 2 MB)": what the tables really got.
  [[nodiscard]] std::string table_sentence() const;

  /// Starts the workers on the path. Defined in launch.cpp, the only file here that needs the path.
  void start(dataplane::Publication& publication);
  /// The seam below: starts the workers on anything, one turn per worker. For tests and tools.
  void start(std::vector<Turn> turns);
  /// Stops the workers and waits for them, closes the ports, empties every ring and says whether
  /// all buffers are back. Stop serving the kernel ports' descriptors before; they close with the
  /// Forwarder.
  StopReport stop();

 private:
  struct WorkerState {
    std::optional<TableMemory> memory;
    std::unique_ptr<dataplane::Core> core;
    std::unique_ptr<QueuePair> io;
    std::optional<Failure> failure;
  };

  Forwarder(Runtime& runtime, const ForwarderOptions& options);
  [[nodiscard]] std::optional<Failure> build_ports();
  [[nodiscard]] std::optional<Failure> build_pools(const std::vector<AttachedDevice>& devices);
  [[nodiscard]] std::optional<Failure> build_kernel_ports();
  [[nodiscard]] std::optional<Failure> build_rings();
  [[nodiscard]] std::optional<Failure> build_sticky();
  [[nodiscard]] std::optional<Failure> build_workers();
  void build_worker(WorkerId worker);
  [[nodiscard]] std::unique_ptr<QueuePair> connect(WorkerId worker);
  [[nodiscard]] const MbufPool& pool_on(int numa_node) const;
  [[nodiscard]] std::optional<Failure> check_queues(const PortOptions& port,
                                                    std::uint16_t queues) const;
  [[nodiscard]] Idle idle_of(std::size_t worker) const;
  void collect_sent();

  struct NodePool {
    int numa_node;
    MbufPool pool;
    std::uint32_t held_at_rest = 0;  // by drivers, before the first packet
  };

  Runtime& runtime_;
  ForwarderOptions options_;
  Clock clock_;
  // Destroyed from the last to the first: workers let go of ports, ports of pools.
  std::vector<NodePool> pools_;
  std::optional<QueueLayout> layout_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<KernelPort>> kernel_ports_;
  std::optional<HandOff> rings_;
  std::optional<TableMemory> sticky_memory_;
  std::optional<dataplane::StickyTable> sticky_;
  std::unique_ptr<dataplane::Gate> gate_;
  std::vector<WorkerState> workers_;
  std::vector<Turn> turns_;
  StopFlag stop_flag_;
  bool running_ = false;
};

}  // namespace nic
