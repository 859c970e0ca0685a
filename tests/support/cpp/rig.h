// Rig: the real path in memory. A Config and Facts become a Snapshot; frames go in, what became of
// each comes out. One Rig is one worker, or several that hand packets to each other as nic/ does.
//
// The standard world, which most tests use (see standard_config): a client side and a target side.
//
//   clients ── router 02:00:00:00:cc:01 ── [0 front 198.51.100.2] spillway [1 back 10.0.1.2] ──
//   targets
//              198.51.100.1                 listener 203.0.113.10                  10.0.1.11 … .1N
//
// and the same in IPv6: router fd00:f::1, listener 2001:db8::10, targets fd00:1::b …, clients in
// 2001:db8:c::/48.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/compile.h"
#include "dataplane/core.h"
#include "dataplane/counters.h"
#include "dataplane/packet/verdict.h"
#include "tests/support/cpp/frame.h"

namespace tests {

inline constexpr dataplane::PortId front{0};
inline constexpr dataplane::PortId back{1};

/// MAC addresses of the standard world.
[[nodiscard]] MacAddress port_mac(dataplane::PortId port);  // 02:00:00:00:00:0N
[[nodiscard]] MacAddress router_mac();                      // 02:00:00:00:cc:01
[[nodiscard]] MacAddress target_mac(int number);            // 02:00:00:00:01:NN, of 10.0.1.(10+NN)
/// "10.0.1.(10+number)", "fd00:1::(10+number, hex)"
[[nodiscard]] std::string target_ip(int number, dataplane::Family family = dataplane::Family::V4);

/// One TCP and one UDP listener, ports 80 and 53, over `targets` targets (ports 8080,
/// 5353).
[[nodiscard]] config::Config standard_config(int targets, dataplane::Mode mode,
                                             dataplane::Algorithm algorithm,
                                             dataplane::Family family = dataplane::Family::V4);
/// Ids, MAC addresses and availability (Serving) for everything in `config`.
[[nodiscard]] config::Facts standard_facts(const config::Config& config);

/// The same on ports whose NICs spread over `workers` queues by what `config` wants hashed, by
/// nic_key() and a table of 128 entries that has them in turn.
[[nodiscard]] config::Facts facts_with_rss(const config::Config& config, int workers);

/// The 40 bytes by which the port's NIC hashes.
[[nodiscard]] std::vector<std::uint8_t> nic_key(dataplane::PortId port,
                                                dataplane::RssFields fields);

struct Input {
  Bytes bytes;
  dataplane::PortId port;
};

struct Outcome {
  dataplane::Verdict verdict = dataplane::Verdict::Pending;
  dataplane::PortId port = dataplane::no_port;  // egress, of a forward or reply
  Bytes bytes;                                  // as it leaves
  dataplane::WorkerId worker;                   // that dealt with it in the end
};

class Rig {
 public:
  Rig(config::Config config, config::Facts facts, int workers = 1,
      std::uint32_t flows_per_worker = 4096);
  ~Rig();

  /// Takes the frames through the path in bursts as they come (64 at most), first to worker
  /// `receiver`, from there to their owners. Outcomes in the order of the inputs.
  std::vector<Outcome> run(const std::vector<Input>& inputs, int receiver = 0);
  Outcome run(const Frame& frame, dataplane::PortId port);
  Outcome run(const Bytes& bytes, dataplane::PortId port);

  void advance(std::uint64_t milliseconds);  // time passes; the sweep runs
  /// What workers do at the end of a step: places that were given back go to clients that wait,
  /// until nobody is left who has a place or must go. What became of each, by worker.
  std::vector<Outcome> give_places();
  /// … and, when a worker stops, of all who wait there.
  std::vector<Outcome> dismiss_waiters(int worker = 0);
  /// One pass of end_flows(): what a worker sends of its own, and where.
  std::vector<Input> end_flows(int worker = 0);
  void publish();  // compile config and facts again as a new generation

  [[nodiscard]] dataplane::WorkerBlock& counters(int worker = 0);
  [[nodiscard]] dataplane::Core& core(int worker = 0);
  /// Over all workers; of a target or listener that the snapshot has, or had.
  [[nodiscard]] dataplane::HistogramSum measured(dataplane::TargetId target,
                                                 dataplane::Histogram dataplane::FlowHistograms::*);
  [[nodiscard]] dataplane::HistogramSum measured(dataplane::ListenerId listener,
                                                 dataplane::Histogram dataplane::FlowHistograms::*);
  [[nodiscard]] const dataplane::Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] std::uint64_t verdicts(dataplane::Verdict verdict) const;  // over all workers
  /// How many packets the fast path has dealt with, over all workers.
  [[nodiscard]] std::uint64_t fast_packets() const { return fast_packets_; }
  /// received = Σ verdicts; alive = inserted − expired − removed; table size = 2 × alive; alive =
  /// Σ active flows of targets = Σ of listeners; forwards = Σ packets of targets.
  void expect_laws();

  [[nodiscard]] dataplane::Gate& gate() { return *gate_; }

  config::Config config;
  config::Facts facts;
  dataplane::Instant now{1'000'000'000};
  std::uint16_t tailroom = 0;  // behind each frame

 private:
  struct Frames;
  void prepare_queues();
  void expect_limits();
  void run_released(int worker, std::vector<Outcome>& outcomes);
  void run_burst(int worker, std::vector<std::size_t> which, const std::vector<Input>& inputs,
                 std::vector<Outcome>& outcomes, bool handed_off);

  void mark_histograms();

  std::shared_ptr<const dataplane::Snapshot> snapshot_;
  std::unique_ptr<dataplane::HistogramMarks> marks_;
  std::vector<std::byte> sticky_bytes_;
  std::unique_ptr<dataplane::StickyTable> sticky_;
  std::unique_ptr<dataplane::Gate> gate_;
  struct WorkerState;
  std::vector<std::unique_ptr<WorkerState>> workers_;
  std::uint64_t fast_packets_ = 0;
};

}  // namespace tests
