#include <fmt/core.h>

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

struct Variant {
  std::string_view suffix;
  Order order;
  Headers headers;
  Way way;
};
constexpr Variant variants[] = {
    {"", Order::Uniform, Headers::Hot, Way::Both},
    {"/zipf", Order::Zipf, Headers::Hot, Way::Both},
    {"/cold", Order::Uniform, Headers::Cold, Way::Both},
    {"/zipf/cold", Order::Zipf, Headers::Cold, Way::Both},
    {"/inbound", Order::Uniform, Headers::Hot, Way::Inbound},
};

struct Size {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
// 1k, what the goals are set for, and CSIT's test points.
constexpr Size sizes[] = {
    {"1k", 1'008, true},           {"64512", 64'512, true},    {"1032192", 1'032'192, false},
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

/// One frame of each port, as they left.
template <class Family>
void check_frames(const MemoryIo& io, std::size_t n, Way way) {
  bool right = Family::checksums_right(io.offered(front, n));
  if (way == Way::Both) right = right && Family::checksums_right(io.offered(back, n));
  if (!right) throw CaseFailed("a frame left with a wrong checksum");
}

template <class Family>
Figures measure(Bench& bench, Scene<Family>& scene, const Variant& variant) {
  constexpr std::size_t packets = Scene<Family>::slice_packets;
  Buffers buffers(variant.headers, packets);
  Random random(7);
  const std::size_t warm_up = 100;
  LineReference lines(bench, scene.lane);
  Figures figures{.flows = scene.plan.flows(), .per_slice = packets};
  const Tally tally(scene.lane);
  for (std::size_t slice = 0; slice < warm_up + bench.slices(); ++slice) {
    offer_slice(scene, buffers, variant, random);
    const std::uint64_t ticks = scene.lane.run();
    if (slice >= warm_up) figures.slices.add(bench.clock().nanoseconds(ticks) / packets);
    check_frames<Family>(scene.lane.io, slice % (packets / 2), variant.way);
  }
  record(figures, tally, (warm_up + bench.slices()) * packets);
  expect_forwarded(tally, figures.packets_sent);
  expect_laws(scene.lane);
  lines.complete(figures);
  return figures;
}

template <class Family>
Group group(Mode mode, const Size& size) {
  const std::string base =
      fmt::format("{}/{}/established/{}", name_of(mode), Family::name, size.name);
  const std::uint64_t capacity = capacity_for(size.flows);
  Group result;
  for (const Variant& variant : variants) {
    if (variant.headers == Headers::Cold && !Buffers::can_be_cold()) continue;
    result.cases.push_back(base + std::string(variant.suffix));
  }
  result.flows = size.flows;
  result.memory = Scene<Family>::bytes_needed(capacity, size.flows);
  result.run = [=](Bench& bench) {
    Stage stage(make_world<Family>({.mode = mode}));
    Scene<Family> scene(stage, dataplane::Protocol::Tcp, capacity, size.flows, bench.clock());
    scene.establish_all(bench);
    for (const Variant& variant : variants) {
      if (variant.headers == Headers::Cold && !Buffers::can_be_cold()) continue;
      bench.measure(base + std::string(variant.suffix),
                    [&] { return measure(bench, scene, variant); });
    }
  };
  return result;
}

}  // namespace

template <class Family>
void add_established(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const Size& size : sizes) {
      if (!quick || size.quick) groups.push_back(group<Family>(mode, size));
    }
  }
}

template void add_established<Ipv4>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
