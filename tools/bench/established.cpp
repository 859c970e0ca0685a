#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::TcpHeader;

enum class Way : std::uint8_t {
  Both,     // half of the packets come from clients, half from targets
  Inbound,  // all come from clients: what balancers that return directly can be compared with
};

/// What control wants to see meanwhile; nothing matches.
enum class Watch : std::uint8_t {
  None,
  Drops,   // whatever is dropped
  Client,  // a client's packets, whatever becomes of them: each frame's beginning is saved
};

struct Variant {
  std::string_view suffix;
  Order order;
  Headers headers;
  Way way;
  Watch watch = Watch::None;
  bool measured = true;  // latency and the like, as in the daemon
};
constexpr Variant variants[] = {
    {"", Order::Uniform, Headers::Hot, Way::Both},
    {"/zipf", Order::Zipf, Headers::Hot, Way::Both},
    {"/cold", Order::Uniform, Headers::Cold, Way::Both},
    {"/zipf/cold", Order::Zipf, Headers::Cold, Way::Both},
    {"/inbound", Order::Uniform, Headers::Hot, Way::Inbound},
    {"/unmeasured", Order::Uniform, Headers::Hot, Way::Both, Watch::None, false},
    {"/capture_unmatched/drops", Order::Uniform, Headers::Hot, Way::Both, Watch::Drops},
    {"/capture_unmatched/client", Order::Uniform, Headers::Hot, Way::Both, Watch::Client},
};

struct Named {
  std::string name;
  Variant variant;
};

struct Size {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
  bool apart = false;  // also while control captures, and without measuring
};
// 1k, what the goals are set for, and CSIT's test points.
constexpr Size sizes[] = {
    {"1k", 1'008, true, true},     {"64512", 64'512, true},    {"1032192", 1'032'192, false, true},
    {"4128768", 4'128'768, false}, {"10M", 10'000'000, false}, {"16515072", 16'515'072, false},
};

template <class Family>
void offer_slice(Scene<Family>& scene, Buffers& buffers, const Variant& variant, Random& random) {
  constexpr std::size_t packets = Scene<Family>::slice_packets;
  const std::size_t from_clients = variant.way == Way::Both ? packets / 2 : packets;
  const std::uint32_t flows = scene.plan.flows();
  scene.lane.io.clear();
  for (std::size_t i = 0; i < packets; ++i) {
    const std::uint32_t flow = pick_flow(variant.order, flows, random);
    if (i < from_clients) {
      scene.offer_from_client(buffers, flow, TcpHeader::ack);
    } else {
      scene.offer_from_target(buffers, flow, TcpHeader::ack);
    }
  }
  Buffers::settle();
}

/// As control does.
void begin_capture(dataplane::Capture& capture, Watch wanted) {
  if (wanted == Watch::None) return;
  dataplane::CaptureFilter filter;
  filter.verdicts = dataplane::verdicts::drops;
  if (wanted == Watch::Client) {
    filter.verdicts = ~std::uint64_t{0};
    filter.client = {dataplane::parse_prefix("192.0.2.1/32"), 0};
  }
  const bool begun = capture.begin({.filter = filter});
  CHECK(begun);
}

/// … and as the worker notices.
void end_capture(dataplane::Capture& capture) {
  capture.end();
  if (capture.look() || capture.given() + capture.lost() != 0) {
    throw CaseFailed("packets were captured that should not match");
  }
}

/// One frame of each port, as they left.
template <class Family>
void check_frames(const MemoryIo& io, std::size_t n, Way way) {
  bool right = Family::checksums_right(io.offered(front, n));
  if (way == Way::Both) right = right && Family::checksums_right(io.offered(back, n));
  if (!right) throw CaseFailed("a frame left with a wrong checksum");
}

/// One variant's share of the rounds.
template <class Family>
class Measurement {
 public:
  Measurement(Bench& bench, Scene<Family>& scene, const Variant& variant, Buffers& buffers)
      : bench_(bench),
        scene_(scene),
        variant_(variant),
        buffers_(buffers),
        lines_(bench, scene.lane) {
    figures_.flows = scene.plan.flows();
    figures_.per_slice = packets;
  }

  void round(std::size_t slices) {
    constexpr std::size_t warm_up = 100;
    const Tally tally(scene_.lane);
    begin_capture(scene_.lane.core().capture, variant_.watch);
    scene_.lane.measure(variant_.measured);
    for (std::size_t slice = 0; slice < warm_up + slices; ++slice) {
      offer_slice(scene_, buffers_, variant_, random_);
      const std::uint64_t ticks = scene_.lane.run();
      if (slice >= warm_up) figures_.slices.add(bench_.clock().nanoseconds(ticks) / packets);
      check_frames<Family>(scene_.lane.io, slice % (packets / 2), variant_.way);
    }
    end_capture(scene_.lane.core().capture);
    scene_.lane.measure(true);
    const std::uint64_t sent = (warm_up + slices) * packets;
    record(figures_, tally, sent);
    expect_forwarded(tally, sent);
    expect_laws(scene_.lane);
    lines_.read();
  }

  [[nodiscard]] Figures complete() {
    lines_.complete(figures_);
    return std::move(figures_);
  }

 private:
  static constexpr std::size_t packets = Scene<Family>::slice_packets;
  Bench& bench_;
  Scene<Family>& scene_;
  Variant variant_;
  Buffers& buffers_;
  LineReference lines_;
  Random random_{7};
  Figures figures_;
};

/// All variants of one scene, in rounds: a neighbour's busy second is then a part of each of them
/// instead of all of one.
template <class Family>
void measure_all(Bench& bench, Scene<Family>& scene, const std::vector<Named>& wanted) {
  constexpr std::size_t rounds = 4;
  Buffers hot(Headers::Hot, Scene<Family>::slice_packets);
  Buffers cold(Headers::Cold, 0);
  std::vector<Measurement<Family>> measurements;
  std::vector<std::string> failures(wanted.size());
  for (const Named& one : wanted) {
    Buffers& buffers = one.variant.headers == Headers::Hot ? hot : cold;
    measurements.emplace_back(bench, scene, one.variant, buffers);
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!failures[i].empty()) continue;
      bench.say(fmt::format("{}, round {} of {}", wanted[i].name, round + 1, rounds));
      try {
        measurements[i].round(bench.slices() / rounds);
      } catch (const CaseFailed& failure) {
        failures[i] = failure.what();
      }
    }
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    bench.measure(wanted[i].name, [&] {
      if (!failures[i].empty()) throw CaseFailed(failures[i]);
      return measurements[i].complete();
    });
  }
}

template <class Family>
Group group(Mode mode, const Size& size) {
  const std::string base =
      fmt::format("{}/{}/established/{}", name_of(mode), Family::name, size.name);
  const std::uint64_t capacity = capacity_for(size.flows);
  std::vector<Named> cases;
  for (const Variant& variant : variants) {
    if (variant.headers == Headers::Cold && !Buffers::can_be_cold()) continue;
    if ((variant.watch != Watch::None || !variant.measured) && !size.apart) continue;
    cases.push_back({base + std::string(variant.suffix), variant});
  }
  Group result;
  for (const Named& one : cases) result.cases.push_back(one.name);
  result.flows = size.flows;
  result.memory = Scene<Family>::bytes_needed(capacity, size.flows);
  result.run = [=](Bench& bench) {
    Stage stage(make_world<Family>({.mode = mode}));
    Scene<Family> scene(stage, dataplane::Protocol::Tcp, capacity, size.flows, bench.clock());
    scene.establish_all(bench);
    std::vector<Named> wanted;
    std::copy_if(cases.begin(), cases.end(), std::back_inserter(wanted),
                 [&](const Named& one) { return bench.wanted(one.name); });
    measure_all(bench, scene, wanted);
  };
  return result;
}

}  // namespace

template <class Family>
void add_established(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const Size& size : sizes) {
      if (size.flows > Family::flows_max) continue;
      if (!quick || size.quick) groups.push_back(group<Family>(mode, size));
    }
  }
}

template void add_established<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_established<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
