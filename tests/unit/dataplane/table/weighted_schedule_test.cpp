#include "dataplane/table/weighted_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace dataplane {
namespace {

std::vector<WeightedEntry> entries(const std::vector<int>& weights) {
  std::vector<WeightedEntry> result;
  for (const int weight : weights) {
    result.push_back({TargetId{static_cast<std::uint16_t>(result.size()), 1},
                      static_cast<std::uint16_t>(weight)});
  }
  return result;
}

std::string letters(const std::vector<int>& weights) {
  const WeightedSchedule schedule(entries(weights));
  std::string result;
  for (const TargetId id : schedule.order()) result += static_cast<char>('a' + id.slot);
  return result;
}

std::map<std::uint16_t, std::size_t> counts(const WeightedSchedule& schedule) {
  std::map<std::uint16_t, std::size_t> result;
  for (const TargetId id : schedule.order()) ++result[id.slot];
  return result;
}

TEST(WeightedSchedule, EmptyHasNobody) {
  EXPECT_EQ(WeightedSchedule({}).at(0), no_target);
  EXPECT_EQ(WeightedSchedule(entries({0, 0})).at(5), no_target);
}

TEST(WeightedSchedule, EqualWeightsAreRoundRobinInTheGivenOrder) {
  EXPECT_EQ(letters({1, 1, 1}), "abc");
  EXPECT_EQ(letters({7, 7, 7, 7}), "abcd");
}

TEST(WeightedSchedule, IsSmooth) {
  EXPECT_EQ(letters({5, 1, 1}), "abaaaca");
  EXPECT_EQ(letters({2, 1}), "aba");
  EXPECT_EQ(letters({1, 2}), "bab");
  EXPECT_EQ(letters({4, 2}), "aba");  // lowest terms
  EXPECT_EQ(letters({3, 0, 1}), "aaca");
  EXPECT_EQ(letters({2, 2, 1, 1}), "acbadb");
}

// At every moment, each target has had its share, give or take a turn of its class.
TEST(WeightedSchedule, NeverStraysFarFromTheShares) {
  const std::vector<int> weights{13, 1, 8, 8, 3, 1, 1, 21, 2};
  const WeightedSchedule schedule(entries(weights));
  int total = 0;
  for (const int weight : weights) total += weight;
  ASSERT_EQ(schedule.order().size(), static_cast<std::size_t>(total));
  std::vector<int> had(weights.size());
  for (int turn = 1; turn <= 3 * total; ++turn) {
    ++had[schedule.at(static_cast<std::uint64_t>(turn - 1)).slot];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_NEAR(had[i], static_cast<double>(turn) * weights[i] / total, 1.5) << "turn " << turn;
    }
  }
}

TEST(WeightedSchedule, CursorWrapsAround) {
  const WeightedSchedule schedule(entries({1, 1, 1}));
  EXPECT_EQ(schedule.at(0), schedule.at(3));
  EXPECT_EQ(schedule.at(UINT64_MAX).slot, UINT64_MAX % 3);
}

TEST(WeightedSchedule, LongOnesAreScaledAndKeepTheirShares) {
  std::vector<int> weights;
  double total = 0;
  for (int i = 0; i < 1'000; ++i) {
    weights.push_back(1 + i * 7 % 997);
    total += weights.back();
  }
  ASSERT_GT(total, 65'536);
  const WeightedSchedule schedule(entries(weights));
  EXPECT_EQ(schedule.order().size(), WeightedSchedule::length_max);
  const auto seen = counts(schedule);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double expected = weights[i] * 65'536.0 / total;
    EXPECT_NEAR(static_cast<double>(seen.at(static_cast<std::uint16_t>(i))), expected, 1.0);
  }
}

TEST(WeightedSchedule, EveryWeightKeepsAPlace) {
  std::vector<int> weights(8'000, 1);
  weights.push_back(65'535);
  weights.push_back(65'535);
  const WeightedSchedule schedule(entries(weights));
  EXPECT_LE(schedule.order().size(), WeightedSchedule::length_max);
  const auto seen = counts(schedule);
  EXPECT_EQ(seen.size(), weights.size());
  EXPECT_EQ(seen.at(0), 1u);
  EXPECT_EQ(seen.at(8'000), (65'536u - 8'000u) / 2);
  EXPECT_EQ(seen.at(8'001), (65'536u - 8'000u) / 2);
}

TEST(WeightedSchedule, AsManyTargetsAsPlaces) {
  const std::vector<int> weights(8'192, 65'535);
  EXPECT_EQ(WeightedSchedule(entries(weights)).order().size(), 8'192u);
}

}  // namespace
}  // namespace dataplane
