#include "tools/bench/slices.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

Slices slices_of_costs(int first, int last) {
  Slices slices;
  for (int cost = last; cost >= first; --cost) slices.add(cost);
  return slices;
}

TEST(Slices, QuantilesAreCostsThatOccurred) {
  const Slices slices = slices_of_costs(0, 1'000);
  EXPECT_EQ(slices.size(), 1'001u);
  EXPECT_EQ(slices.quantile(0), 0);
  EXPECT_EQ(slices.p10(), 100);
  EXPECT_EQ(slices.p50(), 500);
  EXPECT_EQ(slices.p99(), 990);
  EXPECT_EQ(slices.quantile(1), 1'000);
}

TEST(Slices, OneSliceIsEveryQuantile) {
  const Slices slices = slices_of_costs(7, 7);
  EXPECT_EQ(slices.p10(), 7);
  EXPECT_EQ(slices.p99(), 7);
}

TEST(Slices, AppendsOthers) {
  Slices slices = slices_of_costs(1, 2);
  slices.append(slices_of_costs(3, 5));
  EXPECT_EQ(slices.size(), 5u);
  EXPECT_EQ(slices.p50(), 3);
}

TEST(SlicesDeathTest, NoSlicesHaveNoQuantile) {
  EXPECT_DEATH(static_cast<void>(Slices{}.p50()), "CHECK failed");
}

}  // namespace
}  // namespace tools::bench
