#include "tools/bench/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tools::bench {
namespace {

constexpr std::uint32_t flows = 1'000;
constexpr int draws = 100'000;

std::vector<int> drawn(Order order) {
  Random random(1);
  std::vector<int> count(flows, 0);
  for (int i = 0; i < draws; ++i) ++count.at(pick_flow(order, flows, random));
  return count;
}

TEST(Random, SameSeedSameNumbers) {
  Random one(5), other(5), third(6);
  const std::uint64_t first = one.next();
  EXPECT_EQ(first, other.next());
  EXPECT_NE(first, third.next());
}

TEST(Random, FractionsAreBelowOne) {
  Random random(3);
  for (int i = 0; i < 1'000; ++i) {
    const double fraction = random.fraction();
    EXPECT_GE(fraction, 0);
    EXPECT_LT(fraction, 1);
  }
}

TEST(PickFlow, UniformMeetsEveryFlowAboutAsOften) {
  for (const int count : drawn(Order::Uniform)) {
    EXPECT_GT(count, 50);
    EXPECT_LT(count, 160);
  }
}

TEST(PickFlow, ZipfSharesAreThoseOfTheFormula) {
  const std::vector<int> count = drawn(Order::Zipf);
  for (const std::uint32_t flow : {0u, 1u, 9u, 99u}) {
    const double share = std::log(1 + 1.0 / (flow + 1)) / std::log(flows + 1.0);
    EXPECT_NEAR(count[flow], share * draws, 5 * std::sqrt(share * draws)) << flow;
  }
}

TEST(PickFlow, OneFlowIsAlwaysTheOne) {
  Random random(9);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pick_flow(Order::Uniform, 1, random), 0u);
    EXPECT_EQ(pick_flow(Order::Zipf, 1, random), 0u);
  }
}

}  // namespace
}  // namespace tools::bench
