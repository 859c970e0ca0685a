#include <fmt/core.h>

#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Algorithm;
using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TcpHeader;

// --- a table that fills up ---

constexpr std::uint32_t opened_per_slice = 128;

template <class Family>
std::uint64_t open_slice(Scene<Family>& scene, Buffers& buffers, std::uint32_t first) {
  scene.lane.io.clear();
  for (std::uint32_t flow = first; flow < first + opened_per_slice; ++flow) {
    scene.offer_from_client(buffers, flow, TcpHeader::syn);
  }
  return scene.lane.run();
}

/// SYNs only, into a table that is half full before and full afterwards: look-up that misses,
/// listener, target, local port, both entries.
template <class Family>
Figures measure_opening(Bench& bench, Scene<Family>& scene) {
  Buffers buffers(Headers::Hot, opened_per_slice);
  LineReference lines(bench, scene.lane);
  Figures figures{
      .unit = Unit::Connection, .flows = scene.plan.flows() / 4 * 3, .per_slice = opened_per_slice};
  const Tally tally(scene.lane);
  const std::uint32_t half = scene.plan.flows() / 2;
  for (std::uint32_t flow = 0; flow < scene.plan.flows(); flow += opened_per_slice) {
    const double cost = bench.clock().nanoseconds(open_slice(scene, buffers, flow));
    if (flow >= half) figures.slices.add(cost / opened_per_slice);
  }
  record(figures, tally, scene.plan.flows());
  expect_forwarded(tally, figures.packets_sent);
  if (scene.lane.flows_alive() != scene.plan.flows()) {
    throw CaseFailed(fmt::format("{} flows were opened, {} are alive", scene.plan.flows(),
                                 scene.lane.flows_alive()));
  }
  expect_laws(scene.lane);
  lines.complete(figures);
  return figures;
}

template <class Family>
Group opening(Mode mode, Algorithm algorithm, std::size_t slices) {
  const std::string name =
      fmt::format("{}/{}/new/syn/{}", name_of(mode), Family::name, name_of(algorithm));
  const auto flows = static_cast<std::uint32_t>(2 * slices * opened_per_slice);
  const std::uint64_t capacity = capacity_for(flows);
  return {.cases = {name},
          .flows = flows,
          .memory = Scene<Family>::bytes_needed(capacity, flows),
          .run = [=](Bench& bench) {
            Stage stage(make_world<Family>({.mode = mode, .algorithm = algorithm}));
            Scene<Family> scene(stage, Protocol::Tcp, capacity, flows, bench.clock());
            bench.measure(name, [&] { return measure_opening(bench, scene); });
          }};
}

// --- connections that come and go ---

constexpr std::uint32_t coming_per_slice = 32;

/// Short connections, each a step further in every slice, so that a slice has all their packets:
/// SYN, SYN-ACK, ACK, data, the client's FIN, the target's FIN. One flow stays behind in the table
/// until the sweep finds that its time is over.
template <class Family>
class ShortTcp {
 public:
  static constexpr std::size_t packets = 6;

  ShortTcp(Scene<Family>& scene) : scene_(scene), buffers_(Headers::Hot, packets * per_slice) {}

  /// Returns the ticks of one slice, in which `coming_per_slice` connections begin and as many end.
  std::uint64_t slice() {
    scene_.lane.io.clear();
    for (std::uint32_t i = 0; i < per_slice; ++i) {
      const std::uint32_t flow = first_ + i;
      opening_[i] = scene_.offer_from_client(buffers_, flow, TcpHeader::syn);
      offer_target(flow, 1, TcpHeader::syn | TcpHeader::ack);
      offer_client(flow, 2, TcpHeader::ack);
      offer_client(flow, 3, TcpHeader::ack | TcpHeader::psh);
      offer_client(flow, 4, TcpHeader::ack | TcpHeader::fin);
      offer_target(flow, 5, TcpHeader::ack | TcpHeader::fin);
    }
    const std::uint64_t ticks = scene_.lane.run();
    for (std::uint32_t i = 0; i < per_slice; ++i) scene_.plan.learn(first_ + i, opening_[i]);
    first_ += per_slice;
    return ticks;
  }
  [[nodiscard]] std::uint32_t connections() const { return first_; }
  [[nodiscard]] std::uint64_t packets_sent() const { return sent_ + first_; }

 private:
  static constexpr std::uint32_t per_slice = coming_per_slice;

  void offer_client(std::uint32_t newest, std::uint32_t age, std::uint8_t flags) {
    if (newest < age * per_slice) return;
    scene_.offer_from_client(buffers_, newest - age * per_slice, flags);
    ++sent_;
  }
  void offer_target(std::uint32_t newest, std::uint32_t age, std::uint8_t flags) {
    if (newest < age * per_slice) return;
    scene_.offer_from_target(buffers_, newest - age * per_slice, flags);
    ++sent_;
  }

  Scene<Family>& scene_;
  Buffers buffers_;
  std::array<const std::uint8_t*, per_slice> opening_{};
  std::uint32_t first_ = 0;
  std::uint64_t sent_ = 0;  // but SYNs
};

/// Flows of one datagram each.
template <class Family>
class ShortUdp {
 public:
  static constexpr std::size_t packets = 1;

  ShortUdp(Scene<Family>& scene) : scene_(scene), buffers_(Headers::Hot, coming_per_slice) {}

  std::uint64_t slice() {
    scene_.lane.io.clear();
    for (std::uint32_t i = 0; i < coming_per_slice; ++i) {
      scene_.offer_from_client(buffers_, first_ + i, 0);
    }
    first_ += coming_per_slice;
    return scene_.lane.run();
  }
  [[nodiscard]] std::uint32_t connections() const { return first_; }
  [[nodiscard]] std::uint64_t packets_sent() const { return first_; }

 private:
  Scene<Family>& scene_;
  Buffers buffers_;
  std::uint32_t first_ = 0;
};

// What a table of a busy edge is: as many flows come as go. The sweep gets its time as in the
// daemon; idle times are the shortest that the configuration allows and people would use.
constexpr std::uint64_t churn_capacity = 1 << 21;
constexpr std::uint64_t churn_capacity_quick = 1 << 17;

template <class Family, class Short>
Figures measure_churn(Bench& bench, Scene<Family>& scene, Short& connections) {
  // Until as many go as come, but not beyond 60 % of the table.
  const std::uint64_t start = scene.lane.now().nanoseconds;
  const std::uint64_t settled = start + 3'000'000'000;
  const std::uint64_t enough = scene.lane.capacity() / 10 * 6;
  LineReference lines(bench, scene.lane);
  Figures figures{.unit = Unit::Connection, .per_slice = coming_per_slice};
  const Tally tally(scene.lane);
  while (scene.lane.flows_alive() < enough && scene.lane.now().nanoseconds < settled &&
         connections.connections() < scene.plan.flows() / 2) {
    connections.slice();
  }
  const std::uint64_t expired = scene.lane.flows_expired();
  const std::uint32_t before = connections.connections();
  for (std::size_t slice = 0; slice < bench.slices(); ++slice) {
    figures.slices.add(bench.clock().nanoseconds(connections.slice()) / coming_per_slice);
  }
  record(figures, tally, connections.packets_sent());
  expect_forwarded(tally, figures.packets_sent);
  expect_laws(scene.lane);
  lines.complete(figures);
  figures.flows = scene.lane.flows_alive();
  figures.details = {
      {"packets_each", static_cast<double>(Short::packets)},
      {"ended_by_sweep_for_each_new", static_cast<double>(scene.lane.flows_expired() - expired) /
                                          (connections.connections() - before)}};
  return figures;
}

template <class Family>
Group churn(Mode mode, Protocol protocol, bool quick) {
  const bool tcp = protocol == Protocol::Tcp;
  const std::string name = fmt::format("{}/{}/new/{}", name_of(mode), Family::name,
                                       tcp ? "tcp_short" : "udp_one_packet");
  const std::uint64_t capacity = quick ? churn_capacity_quick : churn_capacity;
  const auto flows = static_cast<std::uint32_t>(4 * capacity);  // numbers are not used twice
  return {.cases = {name},
          .flows = capacity,
          .memory = Scene<Family>::bytes_needed(capacity, flows),
          .run = [=](Bench& bench) {
            Stage stage(make_world<Family>({.mode = mode,
                                            .closing_timeout = std::chrono::milliseconds(500),
                                            .udp_idle_timeout = std::chrono::seconds(1)}));
            Scene<Family> scene(stage, protocol, capacity, flows, bench.clock());
            bench.measure(name, [&] {
              if (tcp) {
                ShortTcp<Family> connections(scene);
                return measure_churn(bench, scene, connections);
              }
              ShortUdp<Family> connections(scene);
              return measure_churn(bench, scene, connections);
            });
          }};
}

}  // namespace

template <class Family>
void add_connections(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const Algorithm algorithm : {Algorithm::RoundRobin, Algorithm::Maglev}) {
      groups.push_back(opening<Family>(mode, algorithm, slices_of(quick)));
    }
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
      groups.push_back(churn<Family>(mode, protocol, quick));
    }
  }
}

template void add_connections<Ipv4>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
