// What the removal of one target of a hundred does to the flows of the others, by Maglev: measured
// on the real path, and printed.
#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Mode;

constexpr int targets = 100;
constexpr int flows = 20'000;
const std::string web = "203.0.113.10:80";

std::string client(int flow) {
  return "198.18." + std::to_string(flow / 5'000) + "." + std::to_string(1 + flow / 25 % 200) +
         ":" + std::to_string(2'000 + flow % 25);
}

/// The number of the target that a packet went to; 0: none.
int target_of(const Outcome& outcome) {
  return outcome.verdict == ForwardToTarget ? outcome.bytes[33] - 10 : 0;
}

std::vector<int> open_all(Rig& rig) {
  std::vector<int> chosen;
  for (int flow = 0; flow < flows; ++flow) {
    chosen.push_back(target_of(rig.run(tcp(client(flow), web).flags(syn), front)));
  }
  return chosen;
}

void remove(config::Facts& facts, int target) {
  for (config::TargetFact& fact : facts.targets) {
    const bool gone = to_string(fact.address) == target_ip(target);
    if (gone) fact.availability = config::Availability::Draining;
  }
}

TEST(Removal, MovesNoFlowThatIsThereAndFewNewOnesOfTheOthers) {
  const config::Config config = standard_config(targets, Mode::Nat, Algorithm::Maglev);
  const int gone = 37;
  Rig rig(config, standard_facts(config), 1, 2 * flows);
  const std::vector<int> before = open_all(rig);

  remove(rig.facts, gone);
  rig.publish();
  int of_the_gone = 0, existing_moved = 0;
  for (int flow = 0; flow < flows; ++flow) {
    const auto index = static_cast<std::size_t>(flow);
    ASSERT_NE(before[index], 0);
    of_the_gone += before[index] == gone ? 1 : 0;
    const Outcome next = rig.run(tcp(client(flow), web).flags(ack).payload("x"), front);
    existing_moved += target_of(next) == before[index] ? 0 : 1;
  }
  rig.expect_laws();

  // The same clients again, to a balancer that knows none of their flows.
  config::Facts facts = standard_facts(config);
  remove(facts, gone);
  Rig anew(config, facts, 1, 2 * flows);
  const std::vector<int> after = open_all(anew);
  int others_moved = 0;
  for (std::size_t flow = 0; flow < before.size(); ++flow) {
    EXPECT_NE(after[flow], gone);
    others_moved += before[flow] != gone && after[flow] != before[flow] ? 1 : 0;
  }
  const double share = 100.0 * others_moved / (flows - of_the_gone);
  std::printf(
      "removing 1 of %d targets, %d flows: %d were the target's; of the others' new flows "
      "%d moved (%.2f %%), of all existing flows %d\n",
      targets, flows, of_the_gone, others_moved, share, existing_moved);
  EXPECT_EQ(existing_moved, 0);
  EXPECT_GT(of_the_gone, flows / targets / 2);
  EXPECT_LE(share, 1.0);
}

}  // namespace
}  // namespace tests
