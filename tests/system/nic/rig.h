// What the system tests of nic/ share: one EAL per test program, forwarders over virtual devices,
// frames that carry their own orders, and a stand-in for the path that obeys them.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nic/forwarder.h"

namespace nic::test {

/// Starts EAL and runs all tests; `own_network`: in a network namespace of its own. Environment:
/// SPILLWAY_TEST_WORKERS: how many workers (1); SPILLWAY_TEST_USER: run as that numeric user;
/// SPILLWAY_TEST_HUGEPAGES: with them; SPILLWAY_TEST_MEMORY: with no more than two null ports need.
int run_tests(int argc, char** argv, bool own_network);

Runtime& runtime();
/// What EAL and its drivers said so far.
std::string eal_said();

/// Waits until `true_now` is, up to 10 s, giving way to the workers.
bool eventually(const std::function<bool()>& true_now);

/// Runs a command (ip, …); false and a test failure if it does not succeed.
bool shell(const std::string& command);

/// A Forwarder and the counters of its workers.
struct Rig {
  explicit Rig(std::vector<PortOptions> ports, Idle idle = Idle::Yield,
               std::size_t flows_max = 1000);

  dataplane::Totals& totals(std::size_t worker) { return blocks[worker]->totals; }
  std::uint64_t sum(dataplane::Counter dataplane::Totals::*counter) const;
  std::uint64_t verdicts(std::size_t worker, dataplane::Verdict verdict) const;
  /// Starts every worker on obey().
  void start_obeying();
  /// stop(), and checks that every buffer is back and that the laws of counters.h hold.
  StopReport stop_and_check();

  std::vector<std::unique_ptr<dataplane::WorkerBlock>> blocks;
  std::unique_ptr<Forwarder> forwarder;  // nullptr: `failure` says why
  std::string failure;
};

/// A port made of rings: the test writes what the port receives and reads what it sends.
class RingPort {
 public:
  RingPort(const std::string& name, std::size_t queues, unsigned capacity = 4096);
  ~RingPort();
  RingPort(const RingPort&) = delete;
  RingPort& operator=(const RingPort&) = delete;

  [[nodiscard]] PortOptions options() const;
  void give(std::size_t queue, rte_mbuf* packet);
  /// All that was sent on all queues since the last call; the caller frees.
  std::vector<rte_mbuf*> sent();
  /// Frees what waits in either direction; how many packets that were.
  std::size_t clear();

 private:
  std::string name_;
  std::vector<rte_ring*> receive_;
  std::vector<rte_ring*> transmit_;
};

/// What obey() does with a frame: its bytes 14 and on.
struct Order {
  dataplane::Verdict verdict = dataplane::Verdict::ForwardToTarget;
  std::uint8_t egress = 0;
  std::uint8_t owner = 0;  // another worker: it gets the frame first
  std::uint8_t grow = 0;   // bytes to add in front
  std::uint32_t number = 0;
};
inline constexpr std::size_t order_offset = 14;
inline constexpr std::size_t frame_size = 64;

/// Waits for a free buffer if need be.
rte_mbuf* make_frame(const MbufPool& pool, const Order& order);
Order order_in(const rte_mbuf* packet, std::size_t grown = 0);

/// The stand-in for dataplane::run and Worker::step.
std::size_t obey(Rig& rig, WorkerId worker, dataplane::Burst& burst, dataplane::Instant now);

}  // namespace nic::test
