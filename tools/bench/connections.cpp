#include <fmt/core.h>

#include "dataplane/path/expire.h"
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

/// How full the table is, in quarters of its capacity, when measuring begins: one quarter further
/// it ends.
enum class Fill : std::uint8_t { Quarter = 1, ThreeQuarters = 3 };

struct Opening {
  std::string_view name;
  Algorithm algorithm;
  Fill from;
  std::uint32_t rules = 0;
  dataplane::Stickiness stickiness = dataplane::Stickiness::None;
};
constexpr Opening openings[] = {
    {"round_robin", Algorithm::RoundRobin, Fill::Quarter},
    {"maglev", Algorithm::Maglev, Fill::Quarter},
    {"round_robin/nearly_full", Algorithm::RoundRobin, Fill::ThreeQuarters},
    {"round_robin/rules_1", Algorithm::RoundRobin, Fill::Quarter, 1},
    {"round_robin/rules_1000", Algorithm::RoundRobin, Fill::Quarter, 1'000},
    {"round_robin/sticky", Algorithm::RoundRobin, Fill::Quarter, 0,
     dataplane::Stickiness::SourceIp},
};

/// SYNs only: look-up that misses, listener, target, local port, both entries.
template <class Family>
class Filling {
 public:
  Filling(Bench& bench, Scene<Family>& scene, std::uint32_t measured_from)
      : bench_(bench),
        scene_(scene),
        measured_from_(measured_from),
        buffers_(Headers::Hot, opened_per_slice),
        lines_(bench, scene.lane),
        tally_(scene.lane) {
    figures_.unit = Unit::Connection;
    figures_.flows = measured_from + (scene.plan.flows() - measured_from) / 2;
    figures_.per_slice = opened_per_slice;
  }

  [[nodiscard]] bool full() const { return next_ == scene_.plan.flows(); }
  void slice() {
    const double cost = bench_.clock().nanoseconds(open_slice(scene_, buffers_, next_));
    if (next_ >= measured_from_) figures_.slices.add(cost / opened_per_slice);
    next_ += opened_per_slice;
  }
  /// When it is full.
  [[nodiscard]] Figures complete() {
    record(figures_, tally_, next_);
    expect_forwarded(tally_, figures_.packets_sent);
    if (scene_.lane.flows_alive() != next_) {
      throw CaseFailed(
          fmt::format("{} flows were opened, {} are alive", next_, scene_.lane.flows_alive()));
    }
    expect_laws(scene_.lane);
    lines_.complete(figures_);
    return std::move(figures_);
  }

 private:
  Bench& bench_;
  Scene<Family>& scene_;
  std::uint32_t measured_from_;
  std::uint32_t next_ = 0;
  Buffers buffers_;
  LineReference lines_;
  Tally tally_;
  Figures figures_;
};

template <class Family>
Group opening(Mode mode, const Opening& how, std::size_t slices) {
  const std::string name = fmt::format("{}/{}/new/syn/{}", name_of(mode), Family::name, how.name);
  const auto quarter = static_cast<std::uint32_t>(slices * opened_per_slice);
  const std::uint32_t from = static_cast<std::uint32_t>(how.from) * quarter;
  const std::uint64_t capacity = capacity_for(4 * std::uint64_t{quarter});
  return {.cases = {name},
          .flows = from + quarter,
          .memory = Scene<Family>::bytes_needed(capacity, from + quarter),
          .run = [=](Bench& bench) {
            Stage stage(make_world<Family>({.mode = mode,
                                            .algorithm = how.algorithm,
                                            .rules = how.rules,
                                            .stickiness = how.stickiness}));
            Scene<Family> scene(stage, Protocol::Tcp, capacity, from + quarter, bench.clock());
            bench.measure(name, [&] {
              Filling<Family> filling(bench, scene, from);
              while (!filling.full()) filling.slice();
              return filling.complete();
            });
          }};
}

/// least_connections against round_robin: two tables that fill up in turns, a slice of one and a
/// slice of the other, so that a neighbour's busy moment is in both.
template <class Family>
Group comparison(Mode mode, std::size_t slices) {
  const std::string name =
      fmt::format("{}/{}/new/syn/least_connections", name_of(mode), Family::name);
  const auto from = static_cast<std::uint32_t>(slices * opened_per_slice);  // as Fill::Quarter
  const std::uint32_t flows = 2 * from;
  const std::uint64_t capacity = capacity_for(4 * std::uint64_t{from});
  return {
      .cases = {name},
      .flows = flows,
      .memory = 2 * Scene<Family>::bytes_needed(capacity, flows),
      .run = [=](Bench& bench) {
        Stage least(make_world<Family>({.mode = mode, .algorithm = Algorithm::LeastConnections}));
        Stage turns(make_world<Family>({.mode = mode, .algorithm = Algorithm::RoundRobin}));
        Scene<Family> least_scene(least, Protocol::Tcp, capacity, flows, bench.clock());
        Scene<Family> turns_scene(turns, Protocol::Tcp, capacity, flows, bench.clock());
        bench.measure(name, [&] {
          Filling<Family> by_load(bench, least_scene, from);
          Filling<Family> by_turn(bench, turns_scene, from);
          while (!by_load.full()) {
            by_load.slice();
            by_turn.slice();
          }
          Figures figures = by_load.complete();
          const Slices other = by_turn.complete().slices;
          figures.details = {{"times_round_robin_p10", other.p10() / figures.slices.p10()},
                             {"times_round_robin_p50", other.p50() / figures.slices.p50()}};
          return figures;
        });
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

// Large enough for as many flows as begin during one sweep.
struct Churn {
  std::string_view name;
  Protocol protocol;
  std::uint64_t capacity;
  Algorithm algorithm;
};
constexpr Churn churns[] = {
    {"tcp_short", Protocol::Tcp, 1 << 21, Algorithm::RoundRobin},
    {"tcp_short/least_connections", Protocol::Tcp, 1 << 21, Algorithm::LeastConnections},
    {"udp_one_packet", Protocol::Udp, 1 << 22, Algorithm::RoundRobin}};
constexpr std::uint64_t quick_capacity = 1 << 17;
// Idle times of an edge that sees this many connections; UDP's is a listener's own.
constexpr std::chrono::seconds closing_timeout{2};
constexpr std::chrono::seconds udp_idle_timeout = closing_timeout;

template <class Family, class Short>
Figures measure_churn(Bench& bench, Scene<Family>& scene, Short& connections) {
  const std::uint64_t enough = scene.lane.capacity() / 10 * 6;
  LineReference lines(bench, scene.lane);
  Figures figures{.unit = Unit::Connection, .per_slice = coming_per_slice};
  const Tally tally(scene.lane);
  // About as many flows as will begin while the sweep goes round once.
  const std::uint64_t settled =
      scene.lane.now().nanoseconds +
      dataplane::sweep_milliseconds(Family::table(scene.lane.core()).slots()) * 1'250'000;
  while (connections.connections() < enough && scene.lane.now().nanoseconds < settled) {
    connections.slice();
  }
  // Now their time is over: what the sweep comes by, it ends, while new ones come.
  scene.lane.skip(closing_timeout + std::chrono::seconds(1));
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
Group churn(Mode mode, const Churn& kind, bool quick) {
  const std::string name = fmt::format("{}/{}/new/{}", name_of(mode), Family::name, kind.name);
  const std::uint64_t capacity = quick ? quick_capacity : kind.capacity;
  const auto flows = static_cast<std::uint32_t>(capacity);  // no client comes twice
  return {.cases = {name},
          .flows = capacity,
          .memory = Scene<Family>::bytes_needed(capacity, flows),
          .run = [=](Bench& bench) {
            Stage stage(make_world<Family>({.mode = mode,
                                            .algorithm = kind.algorithm,
                                            .closing_timeout = closing_timeout,
                                            .udp_idle_timeout = udp_idle_timeout}));
            Scene<Family> scene(stage, kind.protocol, capacity, flows, bench.clock());
            bench.measure(name, [&] {
              if (kind.protocol == Protocol::Tcp) {
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
    for (const Opening& how : openings) {
      groups.push_back(opening<Family>(mode, how, slices_of(quick)));
    }
    groups.push_back(comparison<Family>(mode, slices_of(quick)));
    for (const Churn& kind : churns) groups.push_back(churn<Family>(mode, kind, quick));
  }
}

template void add_connections<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_connections<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
