// After start nothing in dataplane/ allocates, locks or calls the system: the worker's whole loop
// runs sealed (sealed_thread.h) over traffic that meets every verdict, while control publishes
// snapshots, asks for flows and captures packets. seal_test.cpp shows that the seal would notice.
#include <gtest/gtest.h>

#include <set>

#include "tests/sealed/sealed_thread.h"
#include "tests/sealed/traffic.h"

namespace tests {
namespace {

using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Overload;
using dataplane::Verdict;

/// What a world cannot meet; all else it must.
std::set<Verdict> out_of_reach(const World& world) {
  std::set<Verdict> none{Verdict::Pending};
  none.insert(world.family == Family::V4 ? Verdict::ReplyNeighbour : Verdict::ReplyArp);
  if (world.mode == Mode::Nat) none.insert(Verdict::DropNoLocalPort);
  if (world.mode == Mode::FullNat) none.insert(Verdict::DropFlowCollision);
  if (world.overload == Overload::Forward) none.insert(Verdict::DropFlowCollision);
  return none;
}

/// What a world that forwards without flows may meet: by pick-up only odd packets come to a reset,
/// and of a group with several listeners nothing can go on without a flow.
bool is_left_open(const World& world, Verdict verdict) {
  static const std::set<Verdict> open{Verdict::ReplyResetUnknownFlow, Verdict::DropTableFull,
                                      Verdict::DropFlowRate};
  return world.overload == Overload::Forward && open.contains(verdict);
}

class Quiet : public testing::TestWithParam<World> {};

TEST_P(Quiet, NothingButItsOwnMemory) {
  Traffic traffic(GetParam());
  SealedThread thread([&] { traffic.work(); });
  traffic.control([&] { return thread.ended(); });
  const Offences offences = thread.join();
  EXPECT_EQ(offences.allocations, 0u);
  EXPECT_EQ(offences.locks, 0u);
  EXPECT_EQ(offences.system_call, -1) << "number in <asm/unistd.h>";

  // So much happened meanwhile.
  Rig& rig = traffic.rig();
  rig.expect_laws();
  const std::set<Verdict> none = out_of_reach(GetParam());
  for (std::size_t i = 0; i < dataplane::verdict_count; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    if (is_left_open(GetParam(), verdict)) continue;
    EXPECT_EQ(rig.verdicts(verdict) == 0, none.contains(verdict)) << to_string(verdict);
  }
  EXPECT_GT(traffic.captured(), 0u);
  EXPECT_EQ(traffic.publication().snapshots_alive(), 1u) << "both workers have left";
  for (int worker = 0; worker < static_cast<int>(Traffic::workers); ++worker) {
    const dataplane::Totals& totals = rig.counters(worker).totals;
    EXPECT_TRUE(rig.core(worker).query.answered());
    EXPECT_GT(rig.core(worker).query.records().size(), 0u);
    EXPECT_GT(totals.flows_expired.read(), 0u);
    EXPECT_GT(totals.flows_removed.read(), 0u);
    EXPECT_EQ(totals.flows_alive.read(), 0u) << "swept";
    EXPECT_GE(totals.generation.read(), Traffic::phases);
    EXPECT_EQ(totals.stateless.read() > 0, GetParam().overload == Overload::Forward);
  }
}

std::vector<World> worlds() {
  std::vector<World> all;
  for (const Family family : {Family::V4, Family::V6}) {
    for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
      for (const auto& [name, algorithm] :
           {std::pair{"round_robin", Algorithm::RoundRobin},
            std::pair{"weighted_round_robin", Algorithm::WeightedRoundRobin},
            std::pair{"maglev", Algorithm::Maglev}, std::pair{"source_ip", Algorithm::SourceIp},
            std::pair{"least_connections", Algorithm::LeastConnections}}) {
        all.push_back({std::string(mode == Mode::Nat ? "nat_" : "full_nat_") + name +
                           (family == Family::V4 ? "_v4" : "_v6"),
                       mode, algorithm, family});
      }
    }
    all.push_back({std::string("nat_maglev_forward") + (family == Family::V4 ? "_v4" : "_v6"),
                   Mode::Nat, Algorithm::Maglev, family, Overload::Forward});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Worlds, Quiet, testing::ValuesIn(worlds()),
                         [](const auto& world) { return world.param.name; });

}  // namespace
}  // namespace tests
