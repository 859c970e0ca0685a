#include "dataplane/table/token_bucket.h"

#include <gtest/gtest.h>

#include <random>

namespace dataplane {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

/// How many of `tries` at one instant get a token.
int taken(TokenBucket& bucket, std::uint64_t nanoseconds, std::uint32_t rate, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += bucket.take(Instant{nanoseconds}, rate);
  return count;
}

TEST(TokenBucket, StartsFullWhateverTheClockSays) {
  for (const std::uint64_t start : {std::uint64_t{0}, second, 40'000 * second}) {
    TokenBucket bucket;
    EXPECT_EQ(taken(bucket, start, 1'000, 1'000), 100) << start;  // a tenth of a second's
  }
}

TEST(TokenBucket, LowRatesStillAllowASmallBurst) {
  TokenBucket bucket;
  EXPECT_EQ(taken(bucket, second, 10, 1'000), 32);
}

TEST(TokenBucket, RefillsWithTime) {
  TokenBucket bucket;
  EXPECT_EQ(taken(bucket, second, 1'000, 1'000), 100);
  EXPECT_EQ(taken(bucket, second + 999'999, 1'000, 10), 0);
  EXPECT_EQ(taken(bucket, second + 1'000'000, 1'000, 10), 1);
  EXPECT_EQ(taken(bucket, second + 51'000'000, 1'000, 100), 50);
  EXPECT_EQ(taken(bucket, 100 * second, 1'000, 1'000), 100);  // a long silence earns no more
}

// Nothing is lost to rounding: asked every microsecond for ten seconds, it gives exactly its rate.
TEST(TokenBucket, KeepsItsRateExactly) {
  for (const std::uint32_t rate : {1u, 7u, 1'000u, 20'000u, 999'983u}) {
    TokenBucket bucket;
    const int burst = taken(bucket, second, rate, 1'000'000);
    std::uint64_t count = 0;
    for (std::uint64_t now = second; now <= 11 * second; now += 1'000) {
      count += bucket.take(Instant{now}, rate);
    }
    EXPECT_EQ(count, std::uint64_t{rate} * 10) << "burst " << burst;
  }
}

TEST(TokenBucket, HugeRatesDoNotOverflow) {
  TokenBucket bucket;
  const std::uint32_t rate = 0xffff'ffff;
  EXPECT_TRUE(bucket.take(Instant{UINT64_MAX / 2}, rate));
  EXPECT_TRUE(bucket.take(Instant{UINT64_MAX}, rate));
  TokenBucket other;
  std::uint64_t count = 0;
  for (std::uint64_t now = 0; now < 1'000'000; ++now) count += other.take(Instant{now}, rate);
  EXPECT_EQ(count, 1'000'000u);
}

TEST(TokenBucket, RateMayChange) {
  TokenBucket bucket;
  EXPECT_EQ(taken(bucket, second, 10'000, 10'000), 1'000);
  EXPECT_EQ(taken(bucket, 2 * second, 10'000, 400), 400);
  EXPECT_EQ(taken(bucket, 2 * second, 1'000, 1'000), 100);  // 600 were left: cut to the new burst
}

TEST(TokenBucket, RateZeroGivesNothing) {
  TokenBucket fresh;
  EXPECT_EQ(taken(fresh, second, 0, 100), 0);
  TokenBucket bucket;
  EXPECT_EQ(taken(bucket, second, 1'000, 10), 10);
  EXPECT_EQ(taken(bucket, 2 * second, 0, 100), 0);
}

TEST(TokenBucket, AClockThatStepsBackMintsNothing) {
  TokenBucket bucket;
  EXPECT_EQ(taken(bucket, 10 * second, 1'000, 1'000), 100);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(taken(bucket, 10 * second - 50'000'000, 1'000, 10), 0);
    EXPECT_EQ(taken(bucket, 10 * second, 1'000, 10), 0);
  }
}

}  // namespace
}  // namespace dataplane
