// How new flows are spread: source_ip and least_connections (the turns of round robin and Maglev's
// table have tests of their own).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <vector>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;

const std::string web = "203.0.113.10:80";

std::string client(int host, int port) {
  return "198.18.0." + std::to_string(host) + ":" + std::to_string(port);
}

/// The number of the target that a new flow goes to; 0: none.
int open(Rig& rig, const std::string& from, const std::string& to = web) {
  const Outcome outcome = rig.run(tcp(from, to).flags(syn), front);
  if (outcome.verdict != ForwardToTarget) return 0;
  const bool v6 = outcome.bytes[12] == 0x86;
  return outcome.bytes[v6 ? 53 : 33] - 10;
}

TEST(SourceIp, SendsAllFlowsOfAClientToOneTarget) {
  for (const Family family : {Family::V4, Family::V6}) {
    const config::Config config = standard_config(4, Mode::Nat, Algorithm::SourceIp, family);
    Rig rig(config, standard_facts(config), 2);
    const bool v4 = family == Family::V4;
    std::set<int> used;
    for (int host = 1; host <= 40; ++host) {
      const auto from = [&](int port) {
        return v4 ? client(host, port)
                  : "[2001:db8:c::" + std::to_string(host) + "]:" + std::to_string(port);
      };
      const std::string to = v4 ? web : "[2001:db8::10]:80";
      const int first = open(rig, from(4000), to);
      for (int port = 4001; port < 4010; ++port) EXPECT_EQ(open(rig, from(port), to), first);
      used.insert(first);
    }
    EXPECT_EQ(used, (std::set{1, 2, 3, 4}));
    rig.expect_laws();
  }
}

TEST(SourceIp, FindsAFlowsTargetAgainAfterARestart) {
  config::Config config = standard_config(4, Mode::Nat, Algorithm::SourceIp);
  for (auto& group : config.target_groups) group.unknown_flow = dataplane::UnknownFlow::PickUp;
  Rig before(config, standard_facts(config));
  Rig after(config, standard_facts(config));
  for (int host = 1; host <= 20; ++host) {
    const int first = open(before, client(host, 4000));
    const Outcome picked_up = after.run(tcp(client(host, 4000), web).payload("x"), front);
    ASSERT_EQ(picked_up.verdict, ForwardToTarget);
    EXPECT_EQ(picked_up.bytes[33] - 10, first);
  }
}

class LeastConnections : public testing::Test {
 protected:
  config::Config config = standard_config(4, Mode::Nat, Algorithm::LeastConnections);
  std::map<int, int> open_many(Rig& rig, int count) {
    std::map<int, int> flows;
    for (int i = 0; i < count; ++i) ++flows[open(rig, client(1 + i / 1000, 2000 + i % 1000))];
    return flows;
  }
};

TEST_F(LeastConnections, KeepsTargetsEven) {
  Rig rig(config, standard_facts(config));
  for (const auto& [target, flows] : open_many(rig, 2000)) {
    EXPECT_NEAR(flows, 500, 10) << target << ": two choices keep within a few of each other";
  }
  rig.expect_laws();
}

// What comes in one burst must not go to whoever had the fewest flows before it.
TEST_F(LeastConnections, CountsTheFlowsOfABurst) {
  Rig rig(config, standard_facts(config));
  rig.core().turns.loads[0].elsewhere.set(1);
  rig.core().turns.loads[1].elsewhere.set(1);
  std::map<int, int> flows;
  for (int burst = 0; burst < 10; ++burst) {
    std::vector<Input> inputs;
    for (int i = 0; i < 32; ++i) {
      inputs.push_back({tcp(client(1, 2000 + burst * 32 + i), web).flags(syn).bytes(), front});
    }
    for (const Outcome& outcome : rig.run(inputs)) {
      ASSERT_EQ(outcome.verdict, ForwardToTarget);
      ++flows[outcome.bytes[33] - 10];
    }
    const auto [least, most] = std::ranges::minmax(flows | std::views::values);
    EXPECT_LE(most - least, 4) << "after burst " << burst;
  }
  rig.expect_laws();
}

TEST_F(LeastConnections, CountsWeights) {
  for (auto& group : config.target_groups) group.targets[0].weight = 3;
  Rig rig(config, standard_facts(config));
  const std::map<int, int> flows = open_many(rig, 1800);
  EXPECT_NEAR(flows.at(1), 900, 30);
  for (int target = 2; target <= 4; ++target) EXPECT_NEAR(flows.at(target), 300, 20) << target;
}

TEST_F(LeastConnections, GivesFreedTargetsTheNextFlows) {
  Rig rig(config, standard_facts(config));
  for (int i = 0; i < 400; ++i) {
    const std::string from = client(1, 2000 + i);
    const int target = open(rig, from);
    ASSERT_NE(target, 0);
    if (target == 1) continue;
    rig.run(tcp(target_ip(target) + ":8080", from).flags(rst), back);  // all but the first's end
  }
  rig.advance(4'000);
  std::map<int, int> flows;
  for (int i = 0; i < 60; ++i) ++flows[open(rig, client(2, 2000 + i))];
  EXPECT_EQ(flows[1], 0) << "it has some hundred flows, the others none";
  EXPECT_EQ(flows[0], 0);
}

TEST_F(LeastConnections, KnowsWhatOtherWorkersHave) {
  Rig rig(config, standard_facts(config));
  rig.core().turns.loads[0].elsewhere.set(1'000);
  EXPECT_EQ(open_many(rig, 60)[1], 0);
}

TEST_F(LeastConnections, PassesByWhoCannotBeReached) {
  config::Facts facts = standard_facts(config);
  std::erase_if(facts.neighbours, [](const config::NeighbourFact& one) {
    return one.address == ip(target_ip(2));
  });
  Rig rig(config, facts);
  std::map<int, int> flows = open_many(rig, 300);
  EXPECT_EQ(flows[2], 0);
  EXPECT_LE(flows[0], 5) << "eight draws, each in vain one time in four";
}

}  // namespace
}  // namespace tests
