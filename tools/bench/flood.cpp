#include <fmt/core.h>

#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TcpHeader;
using dataplane::Verdict;

enum class Attack : std::uint8_t { Syn, Ack };

struct Flood {
  std::string_view name;
  Attack attack;
  bool mixed;  // every other packet belongs to an established flow
};
constexpr Flood floods[] = {
    {"syn", Attack::Syn, false},
    {"ack", Attack::Ack, false},
    {"syn_mixed", Attack::Syn, true},
};

struct Size {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
constexpr Size sizes[] = {{"64512", 64'512, true}, {"1032192", 1'032'192, false}};

// Clients that have no flow: numbers far behind those that have.
constexpr std::uint32_t strangers = 0x8000'0000;

template <class Family>
void offer_slice(Scene<Family>& scene, Buffers& buffers, const Flood& flood, Random& random) {
  const std::uint8_t flags = flood.attack == Attack::Syn ? TcpHeader::syn : TcpHeader::ack;
  scene.lane.io.clear();
  for (std::size_t i = 0; i < Scene<Family>::slice_packets; ++i) {
    if (flood.mixed && i % 2 == 0) {
      const std::uint32_t flow = pick_flow(Order::Uniform, scene.plan.flows(), random);
      scene.offer_from_client(buffers, flow, TcpHeader::ack);
    } else {
      scene.offer_from_client(buffers, strangers + random.below(strangers), flags);
    }
  }
}

/// A stranger's packet starts no flow: refused, or sent on without state.
void expect_flood(const Flood& flood, const Tally& tally, std::uint64_t packets) {
  const Verdict refused =
      flood.attack == Attack::Syn ? Verdict::DropTableFull : Verdict::ReplyResetUnknownFlow;
  const std::uint64_t good = flood.mixed ? packets / 2 : 0;
  if (tally.forwarded() < good || tally.forwarded() + tally.count(refused) != packets) {
    throw CaseFailed(fmt::format("of {} packets, {} of established flows, {} were forwarded; {}",
                                 packets, good, tally.forwarded(), tally.others()));
  }
}

template <class Family>
Figures measure(Bench& bench, Scene<Family>& scene, const Flood& flood) {
  constexpr std::size_t packets = Scene<Family>::slice_packets;
  Buffers buffers(Headers::Hot, packets);
  Random random(11);
  LineReference lines(bench, scene.lane);
  Figures figures{.flows = scene.plan.flows(), .per_slice = packets};
  const Tally tally(scene.lane);
  for (std::size_t slice = 0; slice < bench.slices(); ++slice) {
    offer_slice(scene, buffers, flood, random);
    figures.slices.add(bench.clock().nanoseconds(scene.lane.run()) / packets);
  }
  record(figures, tally, bench.slices() * packets);
  expect_flood(flood, tally, figures.packets_sent);
  expect_laws(scene.lane);
  if (scene.lane.flows_alive() != scene.plan.flows()) {
    throw CaseFailed(fmt::format("{} flows before the flood, {} after", scene.plan.flows(),
                                 scene.lane.flows_alive()));
  }
  lines.complete(figures);
  figures.details = {{"share_forwarded", static_cast<double>(tally.forwarded()) /
                                             static_cast<double>(figures.packets_sent)}};
  return figures;
}

template <class Family>
Group group(Mode mode, const Size& size) {
  const std::string base = fmt::format("{}/{}/flood", name_of(mode), Family::name);
  const auto name = [=](const Flood& flood) {
    return fmt::format("{}/{}/{}", base, flood.name, size.name);
  };
  Group result;
  for (const Flood& flood : floods) result.cases.push_back(name(flood));
  result.flows = size.flows;
  result.memory = Scene<Family>::bytes_needed(size.flows, size.flows);
  result.run = [=](Bench& bench) {
    Stage stage(make_world<Family>({.mode = mode}));
    // As many flows as the table is made for: not one more fits.
    Scene<Family> scene(stage, Protocol::Tcp, size.flows, size.flows, bench.clock());
    scene.establish_all(bench);
    for (const Flood& flood : floods) {
      bench.measure(name(flood), [&] { return measure(bench, scene, flood); });
    }
  };
  return result;
}

}  // namespace

template <class Family>
void add_floods(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const Size& size : sizes) {
      if (!quick || size.quick) groups.push_back(group<Family>(mode, size));
    }
  }
}

template void add_floods<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_floods<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
