#include "nic/forwarder.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>

#include "dataplane/packet/contract.h"

namespace nic {
namespace {

/// Pairs that a device will have, as far as its text says.
std::uint16_t queues_expected(const Device& device, std::size_t workers) {
  static constexpr std::array single = {"net_memif", "net_af_xdp", "net_af_packet", "net_pcap",
                                        "net_virtio_user"};
  const bool one = std::find(single.begin(), single.end(), device.driver) != single.end();
  const bool more =
      device.argument("queue_count") || device.argument("qpairs") || device.argument("queues");
  return static_cast<std::uint16_t>(one && !more ? 1 : workers);
}

PortBuffers buffers_of(const PortOptions& options, std::uint16_t queues) {
  return {.mtu = options.mtu, .queues = queues, .descriptors = options.queue_descriptors};
}

/// What any pool's buffers may be waiting in, besides the devices.
void add_shared(BufferPlan& plan, const ForwarderOptions& options, std::size_t workers) {
  const std::size_t ports = options.ports.size();
  plan.add_held(options.surge_capacity);
  plan.add_rings(HandOff::rings(workers), HandOff::capacity(workers));
  plan.add_rings(2 * ports, KernelPort::ring_capacity);
  plan.add_threads(workers + 1);
}

}  // namespace

MemoryNeed memory_needed(const ForwarderOptions& options, std::size_t workers) {
  BufferPlan plan;
  for (const PortOptions& port : options.ports) {
    const auto parsed = parse_device(port.device);
    const auto* device = std::get_if<Device>(&parsed);
    if (device == nullptr) continue;  // build() will say so
    plan.add_port(*device, buffers_of(port, queues_expected(*device, workers)));
  }
  add_shared(plan, options, workers);
  const std::uint64_t rings = HandOff::rings(workers) * (HandOff::capacity(workers) * 16 + 4096);
  // Drivers and EAL itself: measured 10 to 30 MB.
  constexpr std::uint64_t others = std::uint64_t{64} << 20;
  return {.buffer_bytes = plan.pool_bytes() + rings + others,
          .table_bytes = workers * options.flows.bytes() +
                         dataplane::StickyTable::bytes_needed(options.sticky_clients)};
}

bool needs_pci(const std::vector<PortOptions>& ports) {
  return std::any_of(ports.begin(), ports.end(), [](const PortOptions& port) {
    const auto parsed = parse_device(port.device);
    const auto* device = std::get_if<Device>(&parsed);
    return device != nullptr && device->pci;
  });
}

bool StopReport::all_back() const {
  return std::all_of(pools.begin(), pools.end(),
                     [](const Pool& pool) { return pool.missing == 0; });
}

std::string StopReport::sentence() const {
  std::string text;
  for (const Pool& pool : pools) {
    if (pool.missing == 0) continue;
    text += fmt::format("{}{} of {} packet buffers did not come back to pool {}",
                        text.empty() ? "" : "; ", pool.missing, pool.size, pool.name);
  }
  return text.empty() ? "every packet buffer is back in its pool" : text;
}

Forwarder::Forwarder(Runtime& runtime, const ForwarderOptions& options)
    : runtime_(runtime),
      options_(options),
      gate_(std::make_unique<dataplane::Gate>(runtime.workers(), options.surge_capacity)),
      workers_(runtime.workers()) {
  CHECK(!options_.ports.empty());
  CHECK(options_.ports.size() <= dataplane::ports_max);
  CHECK(options_.table_seeds.size() == workers_.size());
  CHECK(options_.counters.size() == workers_.size());
  CHECK(options_.measures.empty() || options_.measures.size() == workers_.size());
}

Result<std::unique_ptr<Forwarder>> Forwarder::build(Runtime& runtime,
                                                    const ForwarderOptions& options) {
  std::unique_ptr<Forwarder> forwarder(new Forwarder(runtime, options));
  for (auto step : {&Forwarder::build_ports, &Forwarder::build_kernel_ports,
                    &Forwarder::build_rings, &Forwarder::build_sticky, &Forwarder::build_workers}) {
    if (auto failure = (*forwarder.*step)()) return std::move(*failure);
  }
  return forwarder;
}

std::optional<Failure> Forwarder::build_ports() {
  std::vector<AttachedDevice> devices;
  std::vector<std::uint16_t> queues_max;
  for (const PortOptions& port : options_.ports) {
    auto attached = AttachedDevice::attach(port, runtime_.log());
    if (auto* failure = std::get_if<Failure>(&attached)) return std::move(*failure);
    devices.push_back(std::move(std::get<AttachedDevice>(attached)));
    queues_max.push_back(devices.back().queues_max());
  }
  layout_.emplace(workers_.size(), queues_max);
  if (auto failure = build_pools(devices)) return failure;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const PortQueues queues{.count = layout_->queues(PortId{static_cast<std::uint8_t>(i)}),
                            .only_pool = pools_.size() == 1};
    const MbufPool& pool = pool_on(devices[i].numa_node());
    PortOptions options = options_.ports[i];
    if (workers_.size() == 1) options.rss.use = UseRss::Never;  // there is nothing to steer
    if (auto failure = check_queues(options, queues.count)) return failure;
    auto port = Port::start(std::move(devices[i]), options, queues, pool, runtime_.log());
    if (auto* failure = std::get_if<Failure>(&port)) return std::move(*failure);
    ports_.push_back(std::move(std::get<std::unique_ptr<Port>>(port)));
  }
  for (NodePool& node : pools_) node.held_at_rest = node.pool.in_use();
  return std::nullopt;
}

std::optional<Failure> Forwarder::build_pools(const std::vector<AttachedDevice>& devices) {
  struct NodePlan {
    int numa_node;
    BufferPlan plan;
  };
  std::vector<NodePlan> plans;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const int node = devices[i].numa_node();
    auto found = std::find_if(plans.begin(), plans.end(),
                              [&](const NodePlan& plan) { return plan.numa_node == node; });
    if (found == plans.end()) found = plans.insert(plans.end(), {node, {}});
    const PortId id{static_cast<std::uint8_t>(i)};
    found->plan.add_port(devices[i].device(), buffers_of(options_.ports[i], layout_->queues(id)));
  }
  for (NodePlan& node : plans) {
    add_shared(node.plan, options_, workers_.size());
    auto pool =
        MbufPool::create(fmt::format("buffers-node{}", node.numa_node), node.plan, node.numa_node);
    if (auto* failure = std::get_if<Failure>(&pool)) return std::move(*failure);
    pools_.push_back({node.numa_node, std::move(std::get<MbufPool>(pool))});
  }
  return std::nullopt;
}

std::optional<Failure> Forwarder::build_kernel_ports() {
  const Writers punters = workers_.size() == 1 ? Writers::One : Writers::Many;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    kernel_ports_.emplace_back();
    if (!options_.ports[i].kernel_path) continue;
    const Port& port = *ports_[i];
    const WorkerId sender = layout_->owner(PortId{static_cast<std::uint8_t>(i)}, 0);
    auto made = KernelPort::create({.tap = {port.name(), port.mac(), port.mtu()},
                                    .vlan = port.vlan(),
                                    .punters = punters,
                                    .numa_node = runtime_.numa_node(sender)},
                                   port.pool());
    if (auto* failure = std::get_if<Failure>(&made)) return std::move(*failure);
    kernel_ports_.back() = std::move(std::get<std::unique_ptr<KernelPort>>(made));
  }
  return std::nullopt;
}

std::optional<Failure> Forwarder::build_rings() {
  std::vector<int> nodes;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    nodes.push_back(runtime_.numa_node(WorkerId{static_cast<std::uint8_t>(i)}));
  }
  auto made = HandOff::create(*layout_, ports_.size(), nodes);
  if (auto* failure = std::get_if<Failure>(&made)) return std::move(*failure);
  rings_.emplace(std::move(std::get<HandOff>(made)));
  return std::nullopt;
}

std::optional<Failure> Forwarder::build_sticky() {
  const std::size_t bytes = dataplane::StickyTable::bytes_needed(options_.sticky_clients);
  if (bytes != 0) {
    auto memory =
        TableMemory::allocate("sticky", bytes, runtime_.numa_node(WorkerId{0}),
                              runtime_.hugepages(), {"a sticky table", "sticky.capacity"});
    if (auto* failure = std::get_if<Failure>(&memory)) return std::move(*failure);
    sticky_memory_.emplace(std::move(std::get<TableMemory>(memory)));
  }
  sticky_.emplace(sticky_memory_ ? sticky_memory_->bytes() : std::span<std::byte>{},
                  options_.sticky_clients, options_.sticky_seed);
  return std::nullopt;
}

std::optional<Failure> Forwarder::build_workers() {
  // Each worker's own thread makes and clears its memory, so that it lies on that worker's node.
  struct Job {
    Forwarder* forwarder;
    WorkerId worker;
  };
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    jobs.push_back({this, WorkerId{static_cast<std::uint8_t>(i)}});
  }
  for (Job& job : jobs) {
    const auto build_one = [](void* argument) {
      auto* mine = static_cast<Job*>(argument);
      mine->forwarder->build_worker(mine->worker);
      return 0;
    };
    CHECK(rte_eal_remote_launch(build_one, &job, Runtime::lcore(job.worker)) == 0);
  }
  for (const Job& job : jobs) rte_eal_wait_lcore(Runtime::lcore(job.worker));
  for (WorkerState& worker : workers_) {
    if (worker.failure) return std::move(worker.failure);
  }
  return std::nullopt;
}

void Forwarder::build_worker(WorkerId id) {
  WorkerState& worker = workers_[id.number];
  const std::size_t bytes = options_.flows.bytes();
  auto memory = TableMemory::allocate(fmt::format("flows-worker-{}", id.number), bytes,
                                      runtime_.numa_node(id), runtime_.hugepages());
  if (auto* failure = std::get_if<Failure>(&memory)) {
    worker.failure = std::move(*failure);
    return;
  }
  worker.memory.emplace(std::move(std::get<TableMemory>(memory)));
  worker.core = std::make_unique<dataplane::Core>(
      id, worker.memory->bytes(), options_.flows, options_.table_seeds[id.number],
      options_.owner_seed, *options_.counters[id.number], *sticky_, *gate_,
      options_.measures.empty() ? dataplane::FlowMeasures() : options_.measures[id.number],
      options_.flow_log_ring);
  dataplane::Totals& totals = options_.counters[id.number]->totals;
  totals.table_bytes.set(worker.memory->bytes().size());
  totals.table_page_bytes.set(worker.memory->page_bytes());
  worker.io = connect(id);
}

std::unique_ptr<QueuePair> Forwarder::connect(WorkerId worker) {
  std::vector<WorkerPort> ports;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const PortId id{static_cast<std::uint8_t>(i)};
    WorkerPort port{.number = ports_[i]->number(),
                    .queue = layout_->queue_of(id, worker),
                    .kernel = kernel_ports_[i].get(),
                    .buffers = ports_[i]->pool().get()};
    if (!port.queue) port.relay = &rings_->relay(worker, layout_->sender(id, worker));
    port.sends_for_kernel = port.kernel != nullptr && layout_->owner(id, 0) == worker;
    ports.push_back(port);
  }
  const auto if_made = [](Ring& ring) { return ring ? &ring : nullptr; };
  std::vector<WorkerPeer> peers;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const WorkerId other{static_cast<std::uint8_t>(i)};
    peers.push_back({.to = if_made(rings_->hand_off(worker, other)),
                     .from = if_made(rings_->hand_off(other, worker)),
                     .relayed_from = if_made(rings_->relay(other, worker))});
  }
  return std::make_unique<QueuePair>(std::move(ports), std::move(peers));
}

const MbufPool& Forwarder::pool_on(int numa_node) const {
  for (const NodePool& node : pools_) {
    if (node.numa_node == numa_node) return node.pool;
  }
  CHECK(false);
  return pools_.front().pool;
}

/// Whom RSS brings no packets cannot own flows.
std::optional<Failure> Forwarder::check_queues(const PortOptions& port,
                                               std::uint16_t queues) const {
  if (port.rss.use != UseRss::Always || queues >= workers_.size()) return std::nullopt;
  return Failure{fmt::format(
      "port '{}': steering = \"rss\": it has {} queue{} for {} workers; leave 'steering' out, or "
      "run fewer workers",
      port.name, queues, queues == 1 ? "" : "s", workers_.size())};
}

std::shared_ptr<const dataplane::Rss> Forwarder::rss(PortId port) const {
  const auto& state = ports_[port.number]->rss().state;
  if (!state || ports_[port.number]->queues() < workers_.size()) return nullptr;
  std::vector<WorkerId> redirection;
  for (const std::uint16_t queue : state->queues) {
    redirection.push_back(layout_->owner(port, queue));
  }
  return std::make_shared<const dataplane::Rss>(state->key, std::move(redirection), state->fields);
}

std::size_t Forwarder::table_bytes() const {
  std::size_t bytes = 0;
  for (const WorkerState& worker : workers_) bytes += worker.memory->bytes().size();
  return bytes;
}

std::string Forwarder::table_sentence() const {
  const std::size_t first = workers_.front().memory->page_bytes();
  std::string others;
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    const std::size_t page = workers_[i].memory->page_bytes();
    if (page == first) continue;
    others += fmt::format("{}worker {}: of {}", others.empty() ? "" : ", ", i, page_size(page));
  }
  return fmt::format("{} per worker, in pages of {}{}", megabytes(options_.flows.bytes()),
                     page_size(first), others.empty() ? "" : " (" + others + ")");
}

std::string Forwarder::sticky_sentence() const {
  if (!sticky_memory_) return "none";
  return fmt::format("{}, in pages of {}", megabytes(sticky_memory_->bytes().size()),
                     page_size(sticky_memory_->page_bytes()));
}

Idle Forwarder::idle_of(std::size_t worker) const {
  // Two spinning workers on one CPU would take turns of milliseconds.
  const bool shared = runtime_.cpus().shares_cpu(worker);
  return shared && options_.idle == Idle::Spin ? Idle::Yield : options_.idle;
}

void Forwarder::start(std::vector<Turn> turns) {
  CHECK(!running_);
  CHECK(!ports_.empty());  // not after stop()
  CHECK(turns.size() == workers_.size());
  turns_ = std::move(turns);
  running_ = true;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto run = [](void* argument) {
      auto* forwarder = static_cast<Forwarder*>(argument);
      const std::size_t worker = rte_lcore_id() - Runtime::lcore(WorkerId{0});
      poll(forwarder->turns_[worker], forwarder->clock_, forwarder->idle_of(worker),
           forwarder->stop_flag_);
      return 0;
    };
    const WorkerId id{static_cast<std::uint8_t>(i)};
    CHECK(rte_eal_remote_launch(run, this, Runtime::lcore(id)) == 0);
  }
}

void Forwarder::collect_sent() {
  const auto at_rest = [&] {
    return std::all_of(pools_.begin(), pools_.end(), [](const NodePool& node) {
      return node.pool.in_use() <= node.held_at_rest;
    });
  };
  const bool any = std::any_of(ports_.begin(), ports_.end(),
                               [](const auto& port) { return port->kept_by_driver() != 0; });
  // The kernel gives a sent frame back when its receiver has taken it: at once, or never.
  for (int turn = 0; any && turn < 100 && !at_rest(); ++turn) {
    for (const auto& port : ports_) port->collect_sent();
    rte_delay_us_sleep(1'000);
  }
}

StopReport Forwarder::stop() {
  if (running_) {
    stop_flag_.raise();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      rte_eal_wait_lcore(Runtime::lcore(WorkerId{static_cast<std::uint8_t>(i)}));
    }
    running_ = false;
    turns_.clear();
  }
  if (rings_) rings_->clear();
  for (const auto& kernel : kernel_ports_) {
    if (kernel) kernel->clear();
  }
  collect_sent();
  StopReport report;
  for (const NodePool& node : pools_) {
    report.pools.push_back({.name = node.pool.name(), .size = node.pool.size()});
    for (const auto& port : ports_) {
      if (&port->pool() == &node.pool)
        report.pools.back().kept_by_drivers += port->kept_by_driver();
    }
  }
  for (const auto& port : ports_) port->stop();
  ports_.clear();  // closes them
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    StopReport::Pool& pool = report.pools[i];
    pool.missing =
        pools_[i].pool.in_use() - std::min(pools_[i].pool.in_use(), pool.kept_by_drivers);
  }
  return report;
}

Forwarder::~Forwarder() { stop(); }

}  // namespace nic
