#include "tests/support/cpp/rig.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <stdexcept>

#include "config/steering.h"
#include "dataplane/path/end_flows.h"
#include "dataplane/path/expire.h"
#include "dataplane/path/revalidate.h"
#include "dataplane/path/surge.h"
#include "dataplane/path/watch.h"

namespace tests {

using namespace dataplane;

MacAddress port_mac(PortId port) {
  return {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(port.number)}};
}
MacAddress router_mac() { return {{2, 0, 0, 0, 0xcc, 1}}; }
MacAddress target_mac(int number) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(number)}}; }
std::string target_ip(int number, Family family) {
  return family == Family::V4 ? fmt::format("10.0.1.{}", 10 + number)
                              : fmt::format("fd00:1::{:x}", 10 + number);
}

config::Config standard_config(int targets, Mode mode, Algorithm algorithm, Family family) {
  const bool v4 = family == Family::V4;
  config::Config config;
  config.instance = "test";
  config::Port front_port;
  front_port.name = "front";
  front_port.device = "memory0";
  front_port.addresses = {*parse_prefix(v4 ? "198.51.100.2/24" : "fd00:f::2/64")};
  front_port.gateways = {ip(v4 ? "198.51.100.1" : "fd00:f::1")};
  front_port.kernel_path = true;
  config::Port back_port;
  back_port.name = "back";
  back_port.device = "memory1";
  back_port.addresses = {*parse_prefix(v4 ? "10.0.1.2/24" : "fd00:1::2/64")};
  back_port.local_addresses = {ip(v4 ? "10.0.1.200" : "fd00:1::200"),
                               ip(v4 ? "10.0.1.201" : "fd00:1::201")};
  config.ports = {front_port, back_port};
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
    const bool is_tcp = protocol == Protocol::Tcp;
    config::TargetGroup group;
    group.name = is_tcp ? "web" : "dns";
    group.protocol = protocol;
    group.port = is_tcp ? 8080 : 5353;
    group.mode = mode;
    group.algorithm = algorithm;
    group.unknown_flow = mode == Mode::Nat && algorithm == Algorithm::Maglev ? UnknownFlow::PickUp
                                                                             : UnknownFlow::Reset;
    for (int number = 1; number <= targets; ++number) {
      config::Target target;
      target.address = ip(target_ip(number, family));
      target.port = group.port;
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
    config::Listener listener;
    listener.name = group.name;
    listener.address = ip(v4 ? "203.0.113.10" : "2001:db8::10");
    listener.port = is_tcp ? 80 : 53;
    listener.protocol = protocol;
    listener.target_group = group.name;
    listener.idle_timeout = std::chrono::seconds(is_tcp ? 350 : 120);
    config.listeners.push_back(listener);
  }
  return config;
}

config::Facts standard_facts(const config::Config& config) {
  config::Facts facts;
  facts.generation = Generation{1};
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    facts.ports.push_back({.mac = port_mac(PortId{static_cast<std::uint8_t>(i)}),
                           .mtu = 1500,
                           .kernel_path = config.ports[i].kernel_path});
  }
  for (const IpAddress& gateway : config.ports[0].gateways) {
    facts.neighbours.push_back({front, gateway, router_mac()});
  }
  std::uint16_t slot = 0, target_slot = 0;
  for (const config::Listener& listener : config.listeners) {
    facts.listeners.push_back({listener.name, ListenerId{slot++}, 1});
  }
  slot = 0;
  for (const config::TargetGroup& group : config.target_groups) {
    facts.target_groups.push_back({group.name, TargetGroupId{slot++}});
    for (const config::Target& target : group.targets) {
      facts.targets.push_back({.id = {target_slot++, 1},
                               .target_group = group.name,
                               .address = target.address,
                               .port = target.port,
                               .weight = target.weight,
                               .availability = config::Availability::Serving,
                               .max_connections = target.max_connections});
      const std::uint8_t last = target.address.v6().bytes[15];
      facts.neighbours.push_back({back, target.address, target_mac(last - 10)});
    }
  }
  return facts;
}

// One that repeats itself for all ports, as nic/ sets it; else one for each port.
std::vector<std::uint8_t> nic_key(PortId port, RssFields fields) {
  std::vector<std::uint8_t> key;
  for (unsigned k = 0; k < 40; ++k) {
    const unsigned other = 0x9d * (k + 40u * port.number + 1) ^ k * k;
    key.push_back(static_cast<std::uint8_t>(fields == RssFields::Tuple ? other
                                            : k % 2 == 0               ? 0x6d
                                                                       : 0x5a));
  }
  return key;
}

config::Facts facts_with_rss(const config::Config& config, int workers) {
  config::Facts facts = standard_facts(config);
  const std::vector<RssFields> fields = config::rss_fields(config);
  std::vector<std::shared_ptr<const Rss>> ports;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::vector<std::uint8_t> key = nic_key(PortId{static_cast<std::uint8_t>(i)}, fields[i]);
    std::vector<WorkerId> redirection;
    for (int entry = 0; entry < 128; ++entry) {
      redirection.push_back(WorkerId{static_cast<std::uint8_t>(entry % workers)});
    }
    ports.push_back(std::make_shared<const Rss>(key, redirection, fields[i]));
    facts.ports[i].rss = ports.back();
  }
  facts.client_rss = config::client_rss(config, ports);
  return facts;
}

namespace {

bool uses_stickiness(const config::Config& config) {
  return std::any_of(
      config.target_groups.begin(), config.target_groups.end(),
      [](const config::TargetGroup& group) { return group.stickiness.type != Stickiness::None; });
}

/// One worker's histograms: of all that memory only what is written is there.
class SparseHistograms {
 public:
  SparseHistograms()
      : memory_(mmap(nullptr, sizeof(HistogramBlock), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    CHECK(memory_ != MAP_FAILED);
  }
  ~SparseHistograms() { munmap(memory_, sizeof(HistogramBlock)); }
  SparseHistograms(const SparseHistograms&) = delete;
  SparseHistograms& operator=(const SparseHistograms&) = delete;
  [[nodiscard]] HistogramBlock& block() { return *static_cast<HistogramBlock*>(memory_); }

 private:
  void* memory_;
};

}  // namespace

struct Rig::WorkerState {
  WorkerState(int number, std::uint32_t flows, StickyTable& sticky, Gate& gate,
              const HistogramMarks& marks)
      : bytes(FlowCapacity{flows, flows}.bytes() + 64),
        block(std::make_unique<WorkerBlock>()),
        core(WorkerId{static_cast<std::uint8_t>(number)}, aligned(), FlowCapacity{flows, flows},
             Seed{0x1234'5678'9abc'def0u + static_cast<unsigned>(number), 0x0fed'cba9'8765'4321u},
             Seed{0x5eed, 0x0dd5}, *block, sticky, gate, FlowMeasures(histograms.block(), marks),
             64) {}  // flows that may have ended before the log is read

  std::span<std::byte> aligned() {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    return std::span(bytes).subspan((64 - address % 64) % 64, bytes.size() - 64);
  }

  /// A frame that waits no more.
  Bytes let_go(const std::uint8_t* first) {
    const auto found = held.find(first);
    if (found == held.end()) throw std::logic_error("a frame that nobody held is let go");
    Bytes frame = std::move(found->second);
    held.erase(found);
    return frame;
  }

  std::vector<std::byte> bytes;
  std::unique_ptr<WorkerBlock> block;
  SparseHistograms histograms;
  Core core;
  Burst burst;
  std::map<const std::uint8_t*, Bytes> held;  // frames that wait, by their first byte
};

Rig::Rig(config::Config wanted, config::Facts known, int workers, std::uint32_t flows_per_worker)
    : config(std::move(wanted)),
      facts(std::move(known)),
      marks_(std::make_unique<HistogramMarks>()) {
  config.workers = static_cast<std::uint32_t>(workers);
  // Workers sweep it in every step: where nobody is remembered, it is as small as can be.
  const std::size_t sticky_clients = uses_stickiness(config) ? 4096 : 64;
  sticky_bytes_.resize(StickyTable::bytes_needed(sticky_clients) + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(sticky_bytes_.data());
  sticky_ =
      std::make_unique<StickyTable>(std::span(sticky_bytes_).subspan((64 - address % 64) % 64),
                                    sticky_clients, Seed{0x571c, 0x4b1e});
  gate_ = std::make_unique<Gate>(static_cast<std::size_t>(workers), surge_capacity(config));
  for (int number = 0; number < workers; ++number) {
    workers_.push_back(
        std::make_unique<WorkerState>(number, flows_per_worker, *sticky_, *gate_, *marks_));
  }
  snapshot_ = config::compile(config, facts, nullptr);
  prepare_queues();
  mark_histograms();
}

Rig::~Rig() = default;

void Rig::publish() {
  ++facts.generation.number;
  snapshot_ = config::compile(config, facts, snapshot_.get());
  prepare_queues();
  mark_histograms();
}

/// What control and each worker do before a generation is used.
void Rig::prepare_queues() {
  for (const TargetGroupId id : snapshot_->queueing) gate_->queues.prepare(id);
  for (auto& worker : workers_) {
    enter_generation(worker->core, *snapshot_);
    worker->core.flow_log.enter(*snapshot_);
  }
}

void Rig::mark_histograms() {
  for (const Target& target : snapshot_->targets) {
    if (target.id == no_target || marks_->targets[target.id.slot].is(target.id.incarnation)) {
      continue;
    }
    for (auto& worker : workers_) worker->histograms.block().targets[target.id.slot].clear();
    marks_->targets[target.id.slot].set(target.id.incarnation);
  }
  for (const Listener& listener : snapshot_->listeners) {
    if (listener.id != no_listener) marks_->listeners[listener.id.slot].set(listener.incarnation);
  }
}

HistogramSum Rig::measured(TargetId target, Histogram FlowHistograms::*measure) {
  HistogramSum sum;
  for (auto& worker : workers_) sum.add(worker->histograms.block().targets[target.slot].*measure);
  return sum;
}

HistogramSum Rig::measured(ListenerId listener, Histogram FlowHistograms::*measure) {
  HistogramSum sum;
  for (auto& worker : workers_) {
    sum.add(worker->histograms.block().listeners[listener.slot].*measure);
  }
  return sum;
}

WorkerBlock& Rig::counters(int worker) {
  return *workers_[static_cast<std::size_t>(worker)]->block;
}
Core& Rig::core(int worker) { return workers_[static_cast<std::size_t>(worker)]->core; }

std::uint64_t Rig::verdicts(Verdict verdict) const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->block->verdicts[static_cast<std::size_t>(verdict)].read();
  }
  return sum;
}

void Rig::advance(std::uint64_t milliseconds) {
  // In steps well below a sweep, so that no bucket's turn is lost to the budget of one step. Of a
  // long silence only the end is gone through in small ones: two sweeps, which meet every flow.
  constexpr std::uint64_t end = 2'000, small = 10, large = 50;
  const bool few = workers_[0]->core.flows4.slots() <= 20'000;
  std::uint64_t left = milliseconds;
  while (left != 0) {
    const std::uint64_t step = few && left >= end + large ? large : std::min(small, left);
    left -= step;
    now.nanoseconds += step * 1'000'000;
    for (auto& worker : workers_) {
      expire(worker->core, *snapshot_, now);
      revalidate(worker->core, *snapshot_, now);
    }
  }
}

std::vector<Input> Rig::end_flows(int worker) {
  std::vector<Input> sent;
  Core& core = workers_[static_cast<std::size_t>(worker)]->core;
  do {
    for (const dataplane::OwnFrame& frame : dataplane::end_flows(core, *snapshot_, now)) {
      sent.push_back(
          {Bytes(frame.bytes.begin(), frame.bytes.begin() + frame.length), frame.egress});
    }
  } while (core.ending.running);
  return sent;
}

std::vector<Outcome> Rig::run(const std::vector<Input>& inputs, int receiver) {
  std::vector<Outcome> outcomes(inputs.size());
  for (std::size_t first = 0; first < inputs.size(); first += Burst::capacity) {
    std::vector<std::size_t> which;
    for (std::size_t i = first; i < std::min(inputs.size(), first + Burst::capacity); ++i) {
      which.push_back(i);
    }
    run_burst(receiver, std::move(which), inputs, outcomes, false);
  }
  return outcomes;
}

void Rig::run_burst(int worker, std::vector<std::size_t> which, const std::vector<Input>& inputs,
                    std::vector<Outcome>& outcomes, bool handed_off) {
  constexpr std::size_t room = 128;
  WorkerState& state = *workers_[static_cast<std::size_t>(worker)];
  // Each frame in an exact buffer of its own, so that AddressSanitizer sees one byte too far.
  std::vector<Bytes> buffers;
  Burst& burst = state.burst;
  burst.reset(now, which.size());
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Input& input = inputs[which[i]];
    buffers.emplace_back(room + input.bytes.size() + tailroom);
    if (!input.bytes.empty()) {
      std::memcpy(buffers.back().data() + room, input.bytes.data(), input.bytes.size());
    }
    Packet packet;
    packet.data = buffers.back().data() + room;
    packet.length = static_cast<std::uint16_t>(input.bytes.size());
    packet.headroom = room;
    packet.tailroom = tailroom;
    packet.ingress = input.port;
    packet.handed_off = handed_off;
    burst.packets[i] = packet;
  }
  (state.core.capture.look() ? run_watched : dataplane::run)(burst, *snapshot_, state.core);
  fast_packets_ += static_cast<std::uint64_t>(std::popcount(burst.counted));
  std::map<int, std::vector<std::size_t>> handed;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Packet& packet = burst.packets[i];
    if (burst.verdicts[i] == Verdict::HandOff) {
      handed[packet.owner.number].push_back(which[i]);
      continue;
    }
    if (burst.verdicts[i] == Verdict::Wait || burst.verdicts[i] == Verdict::DropWaiting) {
      const std::uint8_t* own = buffers[i].data() + room;
      Bytes older;  // of which the packet is a view, if this frame has taken its place
      if (own != packet.data) older = state.let_go(packet.data);
      state.held.emplace(own, std::move(buffers[i]));
      buffers[i] = std::move(older);
    }
    outcomes[which[i]] = {burst.verdicts[i], packet.egress,
                          Bytes(packet.data, packet.data + packet.length),
                          WorkerId{static_cast<std::uint8_t>(worker)}};
  }
  for (auto& [owner, theirs] : handed) {
    ASSERT_FALSE(handed_off) << "handed off twice";
    run_burst(owner, std::move(theirs), inputs, outcomes, true);
  }
}

void Rig::run_released(int number, std::vector<Outcome>& outcomes) {
  WorkerState& worker = *workers_[static_cast<std::size_t>(number)];
  Burst& burst = worker.burst;
  std::vector<Bytes> buffers;
  for (std::size_t i = 0; i < burst.size; ++i) {
    buffers.push_back(worker.let_go(burst.packets[i].data));
  }
  (worker.core.capture.look() ? run_watched : dataplane::run)(burst, *snapshot_, worker.core);
  settle_released(worker.core, *snapshot_, burst);
  for (std::size_t i = 0; i < burst.size; ++i) {
    const Packet& packet = burst.packets[i];
    outcomes.push_back({burst.verdicts[i], packet.egress,
                        Bytes(packet.data, packet.data + packet.length),
                        WorkerId{static_cast<std::uint8_t>(number)}});
    if (burst.verdicts[i] == Verdict::Wait) {  // for something else now
      worker.held.emplace(packet.data, std::move(buffers[i]));
    }
  }
}

std::vector<Outcome> Rig::give_places() {
  std::vector<Outcome> outcomes;
  // One that finds a place of no use may have handed another one to a worker that was asked before.
  for (int quiet = 0; quiet < 2; ++quiet) {
    for (auto& worker : workers_) {
      if (worker->core.places.freed().any()) hand_on_freed(worker->core, *snapshot_);
    }
    for (int number = 0; number < static_cast<int>(workers_.size()); ++number) {
      WorkerState& worker = *workers_[static_cast<std::size_t>(number)];
      if (release_waiters(worker.core, *snapshot_, worker.burst, now) == 0) continue;
      run_released(number, outcomes);
      quiet = -1;
    }
  }
  return outcomes;
}

std::vector<Outcome> Rig::dismiss_waiters(int number) {
  std::vector<Outcome> outcomes;
  WorkerState& worker = *workers_[static_cast<std::size_t>(number)];
  while (dataplane::dismiss_waiters(worker.core, *snapshot_, worker.burst, now) != 0) {
    run_released(number, outcomes);
  }
  return outcomes;
}

Outcome Rig::run(const Bytes& bytes, PortId port) { return run({{bytes, port}}).front(); }

Outcome Rig::run(const Frame& frame, PortId port) {
  Frame addressed = frame;
  return run(addressed.to_mac(port_mac(port)).bytes(), port);
}

namespace {

/// SYNs that wait are those that began to and did not come back.
void expect_held(const WorkerBlock& block) {
  const Totals& totals = block.totals;
  const std::uint64_t held = block.verdicts[static_cast<std::size_t>(Verdict::Wait)].read() -
                             totals.received_waiting.read();
  EXPECT_EQ(totals.surge_held.read(), held);
  std::uint64_t waiting = 0;
  for (const TargetGroupCounters& group : block.groups) {
    waiting += group.surge_queue_length.read();
    EXPECT_EQ(group.surge_entered.read(),
              group.surge_admitted.read() + group.surge_timed_out.read() + group.surge_left.read() +
                  group.surge_queue_length.read());
  }
  EXPECT_EQ(waiting, held);
}

}  // namespace

/// What targets and groups with a limit are said to have is what all workers have.
void Rig::expect_limits() {
  std::map<std::uint16_t, std::uint64_t> by_group;
  for (const TargetId id : snapshot_->limited) {
    std::uint64_t live = 0;
    for (auto& worker : workers_) live += live_flows(worker->block->targets[id.slot]);
    by_group[snapshot_->targets[id.slot].target_group.slot] += live;
    if (snapshot_->limit_of(id) != 0) {
      EXPECT_TRUE(gate_->limits.complete(limit_of(id)));
      EXPECT_EQ(gate_->limits.connections(limit_of(id)), live) << "target " << id.slot;
    }
  }
  for (const auto& [slot, live] : by_group) {
    const TargetGroup* group = snapshot_->target_group(TargetGroupId{slot});
    if (group == nullptr || group->max_connections == 0) continue;
    EXPECT_EQ(gate_->limits.connections(limit_of(group->id)), live) << "group " << slot;
  }
}

void Rig::expect_laws() {
  expect_limits();
  for (auto& worker : workers_) {
    const Totals& totals = worker->block->totals;
    std::uint64_t sum = 0;
    for (const Counter& counter : worker->block->verdicts) sum += counter.read();
    EXPECT_EQ(totals.received.read(), sum);
    EXPECT_EQ(
        totals.flows_alive.read(),
        totals.flows_inserted.read() - totals.flows_expired.read() - totals.flows_removed.read());
    EXPECT_EQ(worker->core.flows4.size() + worker->core.flows6.size(),
              2 * totals.flows_alive.read());
    expect_held(*worker->block);
    std::uint64_t by_target = 0, by_listener = 0, to_target = 0, to_client = 0;
    bool reused = false;  // a slot whose former target's figures are gone
    for (const TargetCounters& target : worker->block->targets) {
      by_target += target.active_flows.read();
      to_target += target.packets_to_target.read();
      to_client += target.packets_to_client.read();
      reused = reused || target.incarnation.read() > 1;
    }
    for (const ListenerCounters& listener : worker->block->listeners) {
      by_listener += listener.active_flows.read();
    }
    EXPECT_EQ(by_target, totals.flows_alive.read());
    EXPECT_EQ(by_listener, totals.flows_alive.read());
    if (reused) continue;
    const auto count = [&](Verdict verdict) {
      return worker->block->verdicts[static_cast<std::size_t>(verdict)].read();
    };
    EXPECT_EQ(to_target, count(Verdict::ForwardToTarget));
    EXPECT_EQ(to_client, count(Verdict::ForwardToClient));
  }
}

}  // namespace tests
