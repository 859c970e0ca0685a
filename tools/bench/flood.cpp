#include <fmt/core.h>

#include "tools/bench/cases.h"
#include "tools/bench/scene.h"

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::Overload;
using dataplane::Protocol;
using dataplane::TcpHeader;
using dataplane::Verdict;

enum class Attack : std::uint8_t { Syn, Ack };
enum class Limit : std::uint8_t { Table, Rate, Places };

/// Floods that need the same world.
struct Defence {
  Limit limit;  // that strangers are above
  Overload overload;
};
constexpr Defence defences[] = {
    {Limit::Table, Overload::Refuse},  {Limit::Rate, Overload::Refuse},
    {Limit::Table, Overload::Forward}, {Limit::Rate, Overload::Forward},
    {Limit::Places, Overload::Refuse},
};

struct Flood {
  std::string_view name;
  Defence defence;
  Attack attack;
  bool mixed;  // every other packet belongs to an established flow
};
constexpr Flood floods[] = {
    {"syn", defences[0], Attack::Syn, false},
    {"ack", defences[0], Attack::Ack, false},
    {"syn_mixed", defences[0], Attack::Syn, true},
    {"above_rate", defences[1], Attack::Syn, false},
    {"above_rate_mixed", defences[1], Attack::Syn, true},
    {"forward", defences[2], Attack::Syn, false},
    {"forward_mixed", defences[2], Attack::Syn, true},
    {"above_rate_forward", defences[3], Attack::Syn, false},
    {"above_rate_forward_mixed", defences[3], Attack::Syn, true},
    {"no_place", defences[4], Attack::Syn, false},
    {"no_place_mixed", defences[4], Attack::Syn, true},
};

bool meets(const Flood& flood, const Defence& defence) {
  return flood.defence.limit == defence.limit && flood.defence.overload == defence.overload;
}

struct FloodSize {
  std::string_view name;
  std::uint32_t flows;
  bool quick;
};
constexpr FloodSize flood_sizes[] = {{"64512", 64'512, true}, {"1032192", 1'032'192, false}};

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

/// What a stranger's packet gets, which starts no flow.
Verdict fate(const Flood& flood) {
  if (flood.defence.overload == Overload::Forward) return Verdict::ForwardToTarget;
  if (flood.attack == Attack::Ack) return Verdict::ReplyResetUnknownFlow;
  if (flood.defence.limit == Limit::Places) return Verdict::DropSpillover;
  return flood.defence.limit == Limit::Table ? Verdict::DropTableFull : Verdict::DropFlowRate;
}

void expect_flood(const Flood& flood, const Tally& tally, std::uint64_t packets) {
  const Verdict fate_of_strangers = fate(flood);
  const std::uint64_t strangers_sent = flood.mixed ? packets / 2 : packets;
  const std::uint64_t good = packets - strangers_sent;
  const std::uint64_t forwarded =
      is_forward(fate_of_strangers) ? packets : packets - tally.count(fate_of_strangers);
  if (tally.forwarded() != forwarded || forwarded < good) {
    throw CaseFailed(fmt::format("of {} packets, {} of established flows, {} were forwarded; {}",
                                 packets, good, tally.forwarded(), tally.others()));
  }
}

/// Uses up what the rate allows at once.
template <class Family>
void use_up(Scene<Family>& scene, Buffers& buffers, Random& random) {
  scene.lane.io.clear();
  for (int i = 0; i < 64; ++i) {
    scene.offer_from_client(buffers, strangers + random.below(strangers), TcpHeader::syn);
  }
  scene.lane.run();
}

template <class Family>
Figures measure(Bench& bench, Scene<Family>& scene, const Flood& flood) {
  constexpr std::size_t packets = Scene<Family>::slice_packets;
  Buffers buffers(Headers::Hot, packets);
  Random random(11);
  LineReference lines(bench, scene.lane);
  Figures figures{.flows = scene.plan.flows(), .per_slice = packets};
  if (flood.defence.limit == Limit::Rate) use_up(scene, buffers, random);
  const std::uint64_t flows = scene.lane.flows_alive();
  const Tally tally(scene.lane);
  for (std::size_t slice = 0; slice < bench.slices(); ++slice) {
    offer_slice(scene, buffers, flood, random);
    figures.slices.add(bench.clock().nanoseconds(scene.lane.run()) / packets);
  }
  record(figures, tally, bench.slices() * packets);
  expect_flood(flood, tally, figures.packets_sent);
  expect_laws(scene.lane);
  if (scene.lane.flows_alive() != flows) {
    throw CaseFailed(
        fmt::format("{} flows before the flood, {} after", flows, scene.lane.flows_alive()));
  }
  lines.complete(figures);
  figures.details = {{"share_forwarded", static_cast<double>(tally.forwarded()) /
                                             static_cast<double>(figures.packets_sent)}};
  return figures;
}

/// Makes strangers be above the limit, after all flows are there.
void defend(Stage& stage, Limit limit) {
  World& world = stage.world;
  if (limit == Limit::Table) return;  // which is full
  if (limit == Limit::Rate) world.config.flows.new_per_second = 1;
  if (limit == Limit::Places) {
    for (config::TargetFact& target : world.facts.targets) target.max_connections = 1;
    for (config::TargetGroup& group : world.config.target_groups) {
      group.surge_queue.length = 0;
      group.spillover = dataplane::Spillover::Silent;
    }
  }
  world.compile();
  stage.publication.publish(world.snapshot);
}

template <class Family>
Group group(Mode mode, const FloodSize& size, const Defence& defence) {
  const std::string base = fmt::format("{}/{}/flood", name_of(mode), Family::name);
  const auto name = [=](const Flood& flood) {
    return fmt::format("{}/{}/{}", base, flood.name, size.name);
  };
  const bool by_table = defence.limit == Limit::Table;
  // As many flows as the table is made for: not one more fits. Or room, which the rate defends.
  const std::uint64_t capacity = by_table ? size.flows : capacity_for(size.flows);
  Group result;
  for (const Flood& flood : floods) {
    if (meets(flood, defence)) result.cases.push_back(name(flood));
  }
  result.flows = size.flows;
  result.memory = Scene<Family>::bytes_needed(capacity, size.flows);
  result.run = [=](Bench& bench) {
    const bool forwards = defence.overload == Overload::Forward;
    Stage stage(make_world<Family>(
        {.mode = mode,
         .algorithm = forwards ? dataplane::Algorithm::Maglev : dataplane::Algorithm::RoundRobin,
         .overload = defence.overload}));
    Scene<Family> scene(stage, Protocol::Tcp, capacity, size.flows, bench.clock());
    scene.establish_all(bench);
    defend(stage, defence.limit);
    for (const Flood& flood : floods) {
      if (!meets(flood, defence)) continue;
      bench.measure(name(flood), [&] { return measure(bench, scene, flood); });
    }
  };
  return result;
}

}  // namespace

template <class Family>
void add_floods(std::vector<Group>& groups, bool quick) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    for (const FloodSize& size : flood_sizes) {
      if (quick && !size.quick) continue;
      for (const Defence& defence : defences) {
        if (mode == Mode::FullNat && defence.overload == Overload::Forward) continue;
        groups.push_back(group<Family>(mode, size, defence));
      }
    }
  }
}

template void add_floods<Ipv4>(std::vector<Group>& groups, bool quick);
template void add_floods<Ipv6>(std::vector<Group>& groups, bool quick);

}  // namespace tools::bench
