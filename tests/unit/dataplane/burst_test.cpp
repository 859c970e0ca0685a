#include "dataplane/burst.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace dataplane {
namespace {

std::vector<std::size_t> listed(Mask mask) {
  std::vector<std::size_t> result;
  for (std::size_t i : bits(mask)) result.push_back(i);
  return result;
}

TEST(Bits, IteratesLowestFirst) {
  EXPECT_TRUE(listed(0).empty());
  EXPECT_EQ(listed(0b1010'0001), (std::vector<std::size_t>{0, 5, 7}));
  EXPECT_EQ(listed(Mask{1} << 63), (std::vector<std::size_t>{63}));
  EXPECT_EQ(listed(~Mask{0}).size(), 64u);
}

// A verb decides packets while it walks over those that were pending: the walk is over a copy.
TEST(Bits, WalksTheMaskItWasGiven) {
  const auto burst = std::make_unique<Burst>();
  burst->reset(Instant{}, 64);
  int walked = 0;
  for (std::size_t i : bits(burst->pending)) {
    burst->decide(i, Verdict::DropMalformed);
    ++walked;
  }
  EXPECT_EQ(walked, 64);
  EXPECT_EQ(burst->pending, 0u);
}

TEST(Burst, ResetLeavesEverythingUndecided) {
  const auto burst = std::make_unique<Burst>();
  for (const std::size_t count : {0u, 1u, 32u, 63u, 64u}) {
    burst->reset(Instant{5}, count);
    EXPECT_EQ(burst->size, count);
    EXPECT_EQ(burst->now, Instant{5});
    EXPECT_EQ(burst->keyed, 0u);
    EXPECT_EQ(listed(burst->pending).size(), count);
    EXPECT_EQ(count == 64 ? 0 : burst->pending >> count, 0u);  // the lowest bits
  }
}

TEST(Burst, DecideTakesOnePacketOut) {
  const auto burst = std::make_unique<Burst>();
  burst->reset(Instant{}, 3);
  burst->decide(1, Verdict::DropTtl);
  EXPECT_EQ(burst->verdicts[1], Verdict::DropTtl);
  EXPECT_EQ(listed(burst->pending), (std::vector<std::size_t>{0, 2}));
}

TEST(BurstDeathTest, DecidingTwiceOrNothingIsAMistake) {
  const auto burst = std::make_unique<Burst>();
  burst->reset(Instant{}, 3);
  burst->decide(1, Verdict::DropTtl);
  EXPECT_DEATH(burst->decide(1, Verdict::DropTtl), "pending");
  EXPECT_DEATH(burst->decide(3, Verdict::DropTtl), "pending");
  EXPECT_DEATH(burst->decide(0, Verdict::Pending), "Verdict::Pending");
  EXPECT_DEATH(burst->reset(Instant{}, 65), "capacity");
}

}  // namespace
}  // namespace dataplane
