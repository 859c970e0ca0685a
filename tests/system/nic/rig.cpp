#include "tests/system/nic/rig.h"

#include <gtest/gtest.h>
#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace nic::test {
namespace {

std::unique_ptr<Runtime> started;
std::mutex said_mutex;
std::string said;

std::size_t number_from(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoul(text);
}

void start_runtime() {
  RuntimeOptions options;
  options.workers = number_from("SPILLWAY_TEST_WORKERS", 1);
  options.eal.program = "nic-test";
  options.eal.file_prefix = "nic-test-" + std::to_string(getpid());
  if (std::getenv("SPILLWAY_TEST_HUGEPAGES") != nullptr) {
    options.eal.hugepages = Hugepages::On;
    options.eal.need = {.buffer_bytes = std::uint64_t{64} << 20};
  } else if (std::getenv("SPILLWAY_TEST_MEMORY") != nullptr) {
    ForwarderOptions two_ports;
    two_ports.ports = {{.name = "front", .device = "net_null0"},
                       {.name = "back", .device = "net_null1"}};
    options.eal.hugepages = Hugepages::Off;
    options.eal.need = memory_needed(two_ports, options.workers);
  } else {
    options.eal.hugepages = Hugepages::Off;
    options.eal.memory_megabytes = 512;  // touched only as far as it is used
  }
  options.log = [](Severity, std::string_view line) {
    const std::lock_guard lock(said_mutex);
    said.append(line).append("\n");
  };
  auto result = Runtime::start(std::move(options));
  if (auto* problem = std::get_if<Failure>(&result)) {
    std::fprintf(stderr, "%s\n", problem->message.c_str());
    std::exit(1);
  }
  started = std::move(std::get<std::unique_ptr<Runtime>>(result));
}

void become(unsigned user) {
  if (setgid(user) == 0 && setuid(user) == 0) return;
  std::perror("setuid");
  std::exit(1);
}

std::vector<rte_mbuf*> waiting_in(const std::vector<rte_ring*>& rings) {
  std::vector<rte_mbuf*> packets;
  void* packet = nullptr;
  for (rte_ring* ring : rings) {
    while (rte_ring_dequeue(ring, &packet) == 0) packets.push_back(static_cast<rte_mbuf*>(packet));
  }
  return packets;
}

}  // namespace

int run_tests(int argc, char** argv, bool own_network) {
  testing::InitGoogleTest(&argc, argv);
  if (own_network && geteuid() != 0) {
    std::printf("skipped: a network namespace of its own needs root\n");
    return 77;  // meson: skipped
  }
  if (own_network && unshare(CLONE_NEWNET) != 0) {
    std::perror("unshare(CLONE_NEWNET)");
    return 1;
  }
  // sysfs shows the interfaces of the namespace that it was mounted in; nothing here needs that.
  const std::size_t user = number_from("SPILLWAY_TEST_USER", 0);
  if (user != 0 && geteuid() == 0) become(static_cast<unsigned>(user));
  start_runtime();
  const int result = RUN_ALL_TESTS();
  started.reset();
  return result;
}

Runtime& runtime() { return *started; }

std::string eal_said() {
  const std::lock_guard lock(said_mutex);
  return said;
}

bool eventually(const std::function<bool()>& true_now) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!true_now()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    sched_yield();
  }
  return true;
}

bool shell(const std::string& command) {
  const int status = std::system(command.c_str());
  const bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  EXPECT_TRUE(done) << command;
  return done;
}

Rig::Rig(std::vector<PortOptions> ports, Idle idle, std::size_t flows_max) {
  ForwarderOptions options{
      .ports = std::move(ports), .flows = {.v4 = flows_max, .v6 = flows_max}, .idle = idle};
  options.owner_seed = {1, 2};
  for (std::size_t i = 0; i < runtime().workers(); ++i) {
    blocks.push_back(std::make_unique<dataplane::WorkerBlock>());
    options.counters.push_back(blocks.back().get());
    options.table_seeds.push_back({i, i + 1});
  }
  auto result = Forwarder::build(runtime(), options);
  if (auto* problem = std::get_if<Failure>(&result)) {
    failure = problem->message;
  } else {
    forwarder = std::move(std::get<std::unique_ptr<Forwarder>>(result));
  }
}

std::uint64_t Rig::sum(dataplane::Counter dataplane::Totals::*counter) const {
  std::uint64_t total = 0;
  for (const auto& block : blocks) total += (block->totals.*counter).read();
  return total;
}

std::uint64_t Rig::verdicts(std::size_t worker, dataplane::Verdict verdict) const {
  return blocks[worker]->verdicts[static_cast<std::size_t>(verdict)].read();
}

void Rig::start_obeying() {
  std::vector<Forwarder::Turn> turns;
  for (std::size_t i = 0; i < forwarder->workers(); ++i) {
    auto burst = std::make_shared<dataplane::Burst>();
    turns.emplace_back([this, i, burst](dataplane::Instant now) {
      return obey(*this, WorkerId{static_cast<std::uint8_t>(i)}, *burst, now);
    });
  }
  forwarder->start(std::move(turns));
}

StopReport Rig::stop_and_check() {
  const StopReport report = forwarder->stop();
  EXPECT_TRUE(report.all_back()) << report.sentence();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const dataplane::Totals& t = blocks[i]->totals;
    std::uint64_t all = 0, out = 0;
    for (std::size_t v = 0; v < dataplane::verdict_count; ++v) {
      const auto verdict = static_cast<dataplane::Verdict>(v);
      all += verdicts(i, verdict);
      if (dataplane::is_forward(verdict) || dataplane::is_reply(verdict))
        out += verdicts(i, verdict);
    }
    EXPECT_EQ(t.received.read(), all) << "worker " << i;
    EXPECT_EQ(out, t.sent.read() + t.unsent.read()) << "worker " << i;
    EXPECT_EQ(verdicts(i, dataplane::Verdict::PuntKernel), t.punted.read() + t.punt_unsent.read())
        << "worker " << i;
    EXPECT_EQ(verdicts(i, dataplane::Verdict::HandOff),
              t.handed_off.read() + t.hand_off_unsent.read())
        << "worker " << i;
  }
  return report;
}

RingPort::RingPort(const std::string& name, std::size_t queues, unsigned capacity) : name_(name) {
  for (std::size_t i = 0; i < queues; ++i) {
    const std::string suffix = name + std::to_string(i);
    const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;
    receive_.push_back(rte_ring_create(("rx-" + suffix).c_str(), 4096, 0, flags));
    transmit_.push_back(rte_ring_create(("tx-" + suffix).c_str(), capacity, 0, flags));
  }
  const auto count = static_cast<unsigned>(queues);
  EXPECT_GE(rte_eth_from_rings(name.c_str(), receive_.data(), count, transmit_.data(), count, 0),
            0);
}

RingPort::~RingPort() {
  rte_vdev_uninit(("net_ring_" + name_).c_str());
  for (rte_ring* ring : receive_) rte_ring_free(ring);
  for (rte_ring* ring : transmit_) rte_ring_free(ring);
}

PortOptions RingPort::options() const {
  return {
      .name = name_, .device = "net_ring_" + name_, .queue_descriptors = 64, .kernel_path = false};
}

void RingPort::give(std::size_t queue, rte_mbuf* packet) {
  EXPECT_TRUE(eventually([&] { return rte_ring_enqueue(receive_[queue], packet) == 0; }));
}

std::vector<rte_mbuf*> RingPort::sent() { return waiting_in(transmit_); }

std::size_t RingPort::clear() {
  std::size_t packets = 0;
  for (const auto* rings : {&receive_, &transmit_}) {
    for (rte_mbuf* packet : waiting_in(*rings)) {
      rte_pktmbuf_free(packet);
      ++packets;
    }
  }
  return packets;
}

rte_mbuf* make_frame(const MbufPool& pool, const Order& order) {
  rte_mbuf* packet = nullptr;
  EXPECT_TRUE(eventually([&] { return (packet = rte_pktmbuf_alloc(pool.get())) != nullptr; }));
  CHECK(packet != nullptr);
  char* data = rte_pktmbuf_append(packet, frame_size);
  CHECK(data != nullptr);
  std::memset(data, 0, frame_size);
  std::memcpy(data + order_offset, &order, sizeof order);
  return packet;
}

Order order_in(const rte_mbuf* packet, std::size_t grown) {
  Order order;
  std::memcpy(&order, rte_pktmbuf_mtod_offset(packet, const char*, order_offset + grown),
              sizeof order);
  return order;
}

namespace {

/// What a frame says is to become of it.
Order order_in(const dataplane::Packet& packet, WorkerId worker) {
  Order order;
  if (packet.segmented) {
    order.verdict = dataplane::Verdict::DropSegmented;
    return order;
  }
  std::memcpy(&order, packet.data + order_offset, sizeof order);
  if (order.verdict == dataplane::Verdict::Pending) {  // not a frame of ours
    order = {.verdict = dataplane::Verdict::DropMalformed, .owner = worker.number};
  }
  return order;
}

}  // namespace

std::size_t obey(Rig& rig, WorkerId worker, dataplane::Burst& burst, dataplane::Instant now) {
  QueuePair& io = rig.forwarder->queue_pair(worker);
  dataplane::WorkerBlock& block = *rig.blocks[worker.number];
  std::size_t packets = 0;
  while (io.receive(burst, now)) {
    packets += burst.size;
    for (std::size_t i = 0; i < burst.size; ++i) {
      dataplane::Packet& packet = burst.packets[i];
      Order order = order_in(packet, worker);
      if (!packet.segmented && !packet.handed_off && order.owner != worker.number) {
        packet.owner = WorkerId{order.owner};
        order.verdict = dataplane::Verdict::HandOff;
      } else {
        packet.egress = PortId{order.egress};
        packet.data -= order.grow;
        packet.length = static_cast<std::uint16_t>(packet.length + order.grow);
      }
      burst.decide(i, order.verdict);
      block.verdicts[static_cast<std::size_t>(order.verdict)].add(1);
    }
    block.totals.received.add(burst.size);
    io.transmit(burst, block.totals);
  }
  return packets + io.idle(block.totals);
}

}  // namespace nic::test
