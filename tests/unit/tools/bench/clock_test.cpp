#include "tools/bench/clock.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

TEST(Clock, TicksAndNanosecondsAreEachOthersInverse) {
  const Clock clock;
  EXPECT_GT(clock.gigahertz(), 0.1);
  EXPECT_LT(clock.gigahertz(), 10);
  EXPECT_NEAR(clock.ticks(clock.nanoseconds(1'000'000)), 1'000'000, 1);
  EXPECT_NEAR(clock.nanoseconds(1'000'000) * clock.gigahertz(), 1'000'000, 1);
}

TEST(Clock, GoesForward) {
  const std::uint64_t first = ticks_fenced();
  const std::uint64_t passing = ticks_passing();
  EXPECT_LE(first, passing);
  EXPECT_LE(passing, ticks_fenced());
}

}  // namespace
}  // namespace tools::bench
