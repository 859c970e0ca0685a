#include "dataplane/table/group_share.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace dataplane {
namespace {

constexpr int draws = 100'000;

std::vector<GroupShare> shares(const std::vector<std::uint16_t>& weights) {
  std::vector<GroupShare> result;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    result.push_back({TargetGroupId{static_cast<std::uint16_t>(i)}, weights[i],
                      share_identity("group-" + std::to_string(i))});
  }
  return result;
}

/// How many of `draws` flows fall to each group.
std::vector<double> parts(const std::vector<GroupShare>& shares) {
  std::vector<double> result(shares.size());
  std::mt19937_64 random(7);
  for (int i = 0; i < draws; ++i) result[pick_share(shares, random()).slot] += 1;
  return result;
}

// The fast way's twin: libm's.
TEST(GroupShare, WaitingTimesAreLogarithms) {
  std::mt19937_64 random(1);
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t number = random() >> (i % 64);
    const double exact = 64 - std::log2(static_cast<double>(number | 1));
    const double quick = static_cast<double>(share::waiting_time(number)) / 4294967296.0;
    ASSERT_NEAR(quick, exact, 3e-6) << number;
  }
  EXPECT_EQ(share::waiting_time(0), std::uint64_t{64} << 32);
  EXPECT_LT(share::waiting_time(UINT64_MAX), 10u);
}

TEST(GroupShare, EachGroupGetsItsWeightsPart) {
  for (const auto& weights : std::vector<std::vector<std::uint16_t>>{
           {90, 10}, {1, 1}, {1, 999}, {5, 0, 3, 2}, {100, 100, 100, 100, 100, 100, 100, 1}}) {
    const std::vector<double> found = parts(shares(weights));
    double sum = 0;
    for (const std::uint16_t weight : weights) sum += weight;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double part = weights[i] / sum;
      const double deviation = std::sqrt(draws * part * (1 - part));
      EXPECT_NEAR(found[i], draws * part, 4 * deviation + 0.5) << i;
    }
  }
}

TEST(GroupShare, AnotherWeightMovesFlowsToOrFromThatGroupOnly) {
  const std::vector<GroupShare> before = shares({30, 30, 30, 10});
  const std::vector<GroupShare> after = shares({30, 60, 30, 10});
  std::mt19937_64 random(3);
  int moved = 0;
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t flow = random();
    const TargetGroupId was = pick_share(before, flow), is = pick_share(after, flow);
    if (was == is) continue;
    ++moved;
    EXPECT_EQ(is, TargetGroupId{1});
  }
  // From 30 of 100 to 60 of 130.
  EXPECT_NEAR(moved, draws * (60.0 / 130 - 0.3), 4 * 120);
}

TEST(GroupShare, NamesDecideAndNeitherIdsNorTheirOrder) {
  const std::vector<GroupShare> one = shares({50, 30, 20});
  const std::vector<GroupShare> other = {{TargetGroupId{7}, 20, one[2].identity},
                                         {TargetGroupId{5}, 50, one[0].identity},
                                         {TargetGroupId{6}, 30, one[1].identity}};
  std::mt19937_64 random(5);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t flow = random();
    EXPECT_EQ(pick_share(one, flow).slot + 5, pick_share(other, flow).slot);
  }
}

// Similar names, and flows that differ in one bit: neither must show.
TEST(GroupShare, DrawsOfSimilarGroupsAndFlowsDoNotResembleEachOther) {
  const std::array groups{GroupShare{TargetGroupId{0}, 1, share_identity("blue-1")},
                          GroupShare{TargetGroupId{1}, 1, share_identity("blue-2")}};
  FlowKey4 key{Ipv4Address{Be32{0xc612'0007}},
               Ipv4Address{Be32{0xcb00'710a}},
               Be16{0},
               Be16{80},
               Protocol::Tcp,
               {0, 0, 0}};
  int first = 0, changes = 0;
  TargetGroupId before{};
  for (std::uint16_t port = 0; port < 10'000; ++port) {
    key.source_port = Be16{port};
    const TargetGroupId winner = pick_share(groups, hash(key, share_seed));
    first += winner == groups[0].id ? 1 : 0;
    changes += winner != before ? 1 : 0;
    before = winner;
  }
  EXPECT_NEAR(first, 5000, 200);
  EXPECT_NEAR(changes, 5000, 200);
}

TEST(GroupShare, WithoutWeightThereIsNoGroup) {
  EXPECT_EQ(pick_share(shares({0, 0}), 1), TargetGroupId{});
  EXPECT_EQ(pick_share({}, 1), TargetGroupId{});
}

// Frozen: another number, and after an upgrade flows would fall to other groups.
TEST(GroupShare, StaysAsItIs) {
  EXPECT_EQ(share_identity(""), share_identity(std::string()));
  std::uint64_t digest = 0;
  const std::vector<GroupShare> all = shares({90, 10, 5});
  for (std::uint64_t flow = 0; flow < 1000; ++flow) {
    digest = digest * 31 + pick_share(all, flow * golden).slot;
  }
  EXPECT_EQ(digest, 14064252339007025124u);
}

}  // namespace
}  // namespace dataplane
