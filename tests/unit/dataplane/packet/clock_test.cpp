#include "dataplane/packet/clock.h"

#include <gtest/gtest.h>

namespace dataplane {
namespace {

TEST(Tick, CountsInStepsOf2Microseconds) {
  EXPECT_EQ(Tick::of(Instant{2 * 2'048 - 1}), Tick{1});
  EXPECT_EQ(Tick::of(Instant{2 * 2'048}).nanoseconds_since(Tick{0}), 4'096u);
  EXPECT_EQ(Tick::of(Instant{2'000'000}).since(Tick{0}), 2u);
}

// Idle times are whole milliseconds: one that is over is not missed by the part of a tick.
TEST(Tick, WholeMillisecondsAreOverWhenTheyAre) {
  for (const std::uint64_t began : {1u, 1'000'000'000u, 1'234'567'891u}) {
    for (const std::uint64_t limit : {1u, 500u, 10'000u, 350'000u, 6'000'000u}) {
      const Tick then = Tick::of(Instant{began});
      EXPECT_GE(Tick::of(Instant{began + limit * 1'000'000}).since(then), limit);
      EXPECT_LT(Tick::of(Instant{began + limit * 1'000'000 - 10'000}).since(then), limit);
    }
  }
}

TEST(Tick, DifferencesSurviveTheWrap) {
  const Tick before{0xffff'fff0};
  const Tick after = Tick::of(Instant{(std::uint64_t{0x1'0000'0010}) * 2'048});
  EXPECT_EQ(after, Tick{0x10});
  EXPECT_EQ(after.nanoseconds_since(before), 0x20u * 2'048);
}

// The longest idle time that can be asked for, and a sweep that is late.
TEST(Tick, TellsTheLongestIdleTimeFromNone) {
  const Instant began{123'456'789};
  const Instant late{began.nanoseconds + 8'000'000'000'000};
  EXPECT_EQ(Tick::of(late).since(Tick::of(began)), 8'000'000u);
}

TEST(Birth, TellsTheAgeOfAFlowWithinItsStep) {
  const Instant began{123'456'789'012};
  for (const std::uint64_t age : {0u, 1'000u, 1'000'000u, 3'600'000'000u}) {
    const Instant now{began.nanoseconds + age * 1'000};
    EXPECT_NEAR(static_cast<double>(Birth::of(began).microseconds_until(now)),
                static_cast<double>(age), 66);
  }
}

TEST(Tick, FromTheFutureIsNoTimeAtAll) {
  EXPECT_EQ(Tick{5}.since(Tick{6}), 0u);
  EXPECT_EQ(Tick{0xffff'ffff}.since(Tick{3}), 0u);
  EXPECT_EQ(Tick{5}.since(Tick{5}), 0u);
}

TEST(Instant, Orders) {
  EXPECT_LT(Instant{1}, Instant{2});
  EXPECT_EQ(Instant{7}, Instant{7});
}

}  // namespace
}  // namespace dataplane
