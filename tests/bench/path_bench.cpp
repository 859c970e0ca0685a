// The path in memory: ns per packet, beside a reference primitive of the same run (independent
// random reads of cache lines), because absolute times on shared machines prove nothing. The whole
// bench of the product comes with its own program; this one tells whether a change to dataplane/
// costs anything.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/path/path.h"
#include "tests/support/cpp/rig.h"

namespace tests {
namespace {

using dataplane::Algorithm;
using dataplane::Burst;
using dataplane::Mode;

constexpr std::size_t burst_size = 32;
constexpr std::size_t room = 64;
constexpr std::size_t frame_size = 64;

std::string client(std::size_t number) {
  return "198.18." + std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255) + ":" +
         std::to_string(1024 + (number >> 16));
}

/// Bursts of ready-made frames; each run gets fresh copies, as a NIC would write them.
class Traffic {
 public:
  explicit Traffic(Rig& rig) : rig_(rig), buffers_(burst_size * (room + frame_size)) {}

  void run(const std::vector<Bytes>& frames, std::size_t first) {
    burst_.reset(rig_.now, burst_size);
    for (std::size_t i = 0; i < burst_size; ++i) {
      std::uint8_t* data = buffers_.data() + i * (room + frame_size) + room;
      const Bytes& frame = frames[(first + i) % frames.size()];
      std::memcpy(data, frame.data(), frame.size());
      dataplane::Packet& packet = burst_.packets[i];
      packet = {};
      packet.data = data;
      packet.length = static_cast<std::uint16_t>(frame.size());
      packet.headroom = room;
      packet.ingress = front;
    }
    dataplane::run(burst_, rig_.snapshot(), rig_.core());
  }

 private:
  Rig& rig_;
  std::vector<std::uint8_t> buffers_;
  Burst burst_;
};

std::vector<Bytes> frames_of(std::size_t flows, bool use_udp, std::uint8_t flags) {
  std::vector<std::size_t> order(flows);
  for (std::size_t i = 0; i < flows; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  std::vector<Bytes> frames;
  for (const std::size_t number : order) {
    Frame frame = use_udp ? udp(client(number), "203.0.113.10:53")
                          : tcp(client(number), "203.0.113.10:80").flags(flags);
    frames.push_back(frame.from_mac(router_mac()).to_mac(port_mac(front)).bytes());
  }
  return frames;
}

void report(benchmark::State& state) {
  state.counters["ns/packet"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * burst_size / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void established(benchmark::State& state, Mode mode) {
  const auto flows = static_cast<std::size_t>(state.range(0));
  const config::Config config = standard_config(8, mode, Algorithm::Maglev);
  Rig rig(config, standard_facts(config), 1, static_cast<std::uint32_t>(flows + 64));
  Traffic traffic(rig);
  const std::vector<Bytes> frames = frames_of(flows, true, 0);
  for (std::size_t i = 0; i < flows; i += burst_size) traffic.run(frames, i);
  std::size_t next = 0;
  for (auto _ : state) {
    traffic.run(frames, next);
    next = (next + burst_size) % flows;
  }
  report(state);
}
BENCHMARK_CAPTURE(established, nat, Mode::Nat)->Arg(1 << 10)->Arg(1 << 16);
BENCHMARK_CAPTURE(established, full_nat, Mode::FullNat)->Arg(1 << 10)->Arg(1 << 15);

/// Mid-stream packets of unknown flows: each is a miss and answered with RST.
void unknown_flow(benchmark::State& state) {
  const config::Config config = standard_config(8, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config), 1, 1 << 16);
  Traffic traffic(rig);
  const std::vector<Bytes> frames = frames_of(1 << 14, false, ack);
  std::size_t next = 0;
  for (auto _ : state) traffic.run(frames, next++ * burst_size);
  report(state);
}
BENCHMARK(unknown_flow);

/// The reference: independent reads of random cache lines, a burst of them in flight.
void random_lines(benchmark::State& state) {
  const auto lines = static_cast<std::size_t>(state.range(0)) * 2;  // two entries a flow
  std::vector<std::uint64_t> memory(lines * 8, 1);
  std::mt19937_64 random(1);
  std::vector<std::size_t> order(1 << 16);
  for (std::size_t& line : order) line = random() % lines * 8;
  std::size_t next = 0;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < burst_size; ++i) sum += memory[order[(next + i) % order.size()]];
    next += burst_size;
    benchmark::DoNotOptimize(sum);
  }
  report(state);
}
BENCHMARK(random_lines)->Arg(1 << 10)->Arg(1 << 16);

}  // namespace
}  // namespace tests

BENCHMARK_MAIN();
