#include "dataplane/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace dataplane {
namespace {

TEST(Histogram, BucketsFollowOneAnotherWithoutAGap) {
  EXPECT_EQ(range_of(0).first, 0u);
  for (std::size_t i = 0; i < histogram_buckets; ++i) {
    const BucketRange range = range_of(i);
    EXPECT_EQ(range.first, i == 0 ? 0 : range_of(i - 1).last + 1) << i;
    EXPECT_EQ(bucket_of(range.first), i);
    EXPECT_EQ(bucket_of(range.middle()), i);
    EXPECT_EQ(bucket_of(range.last), i);
  }
}

TEST(Histogram, LargerValuesThanItReachesAreInTheLastBucket) {
  EXPECT_EQ(bucket_of(histogram_value_max + 1), histogram_buckets - 1);
  EXPECT_EQ(bucket_of(UINT64_MAX), histogram_buckets - 1);
}

// The promise: at most 3 % from 1 µs to 100 s, in nanoseconds.
TEST(Histogram, NoValueIsThreePercentFromItsBucketsMiddle) {
  for (double value = 1e3; value <= 100e9; value *= 1.0007) {
    const auto whole = static_cast<std::uint64_t>(value);
    const auto middle = static_cast<double>(range_of(bucket_of(whole)).middle());
    ASSERT_NEAR(middle / static_cast<double>(whole), 1, 0.016) << whole;
  }
}

/// The order statistic that the histogram is to come near to.
std::uint64_t exact(const std::vector<std::uint64_t>& sorted, unsigned per_mille) {
  const std::size_t rank = (sorted.size() * per_mille + 999) / 1000;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

TEST(Histogram, PercentilesOfRandomValuesAreThoseOfTheValues) {
  std::mt19937_64 random(20);
  std::lognormal_distribution<double> latencies(13, 2);  // around half a millisecond
  std::uniform_real_distribution<double> logarithms(std::log(1e3), std::log(100e9));
  for (const std::size_t size : {1u, 2u, 3u, 10u, 999u, 1000u, 50'000u}) {
    for (const bool skewed : {true, false}) {
      const auto histogram = std::make_unique<Histogram>();
      std::vector<std::uint64_t> values;
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const double drawn = skewed ? latencies(random) : std::exp(logarithms(random));
        values.push_back(static_cast<std::uint64_t>(std::clamp(drawn, 1e3, 100e9)));
        histogram->add(values.back());
        sum += values.back();
      }
      std::sort(values.begin(), values.end());
      HistogramSum read;
      read.add(*histogram);
      EXPECT_EQ(read.count(), size);
      EXPECT_EQ(read.sum(), sum);
      EXPECT_EQ(read.largest(), values.back());
      for (const unsigned per_mille : {0u, 1u, 500u, 750u, 900u, 990u, 999u, 1000u}) {
        const auto truth = static_cast<double>(exact(values, per_mille));
        EXPECT_NEAR(static_cast<double>(read.percentile(per_mille)) / truth, 1, 0.016)
            << per_mille << " of " << size;
      }
    }
  }
}

TEST(HistogramSum, WithoutValuesSaysZero) {
  const HistogramSum none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.percentile(500), 0u);
  EXPECT_EQ(none.mean(), 0);
}

TEST(HistogramSum, NoPercentileIsAboveTheLargestValue) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->add(1'000'001);  // below its bucket's middle
  HistogramSum sum;
  sum.add(*histogram);
  EXPECT_EQ(sum.percentile(500), 1'000'001u);
  EXPECT_EQ(sum.percentile(1000), 1'000'001u);
}

TEST(HistogramSum, AddsWorkersAsIfTheyWereOne) {
  std::mt19937_64 random(21);
  const auto all = std::make_unique<Histogram>();
  HistogramSum merged;
  for (int worker = 0; worker < 5; ++worker) {
    const auto one = std::make_unique<Histogram>();
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t value = random() >> (random() % 50);
      one->add(value);
      all->add(value);
    }
    HistogramSum sum;
    sum.add(*one);
    merged.add(sum);
  }
  HistogramSum together;
  together.add(*all);
  EXPECT_EQ(merged.buckets(), together.buckets());
  EXPECT_EQ(merged.sum(), together.sum());
  EXPECT_EQ(merged.largest(), together.largest());
}

TEST(HistogramSum, TheDifferenceOfTwoReadsIsWhatCameBetween) {
  const auto histogram = std::make_unique<Histogram>();
  for (int i = 0; i < 100; ++i) histogram->add(1'000'000);
  HistogramSum before;
  before.add(*histogram);
  for (int i = 0; i < 10; ++i) histogram->add(50'000'000);
  HistogramSum after;
  after.add(*histogram);
  const HistogramSum between = after.since(before);
  EXPECT_EQ(between.count(), 10u);
  EXPECT_EQ(between.sum(), 500'000'000u);
  EXPECT_NEAR(static_cast<double>(between.percentile(500)), 50e6, 0.016 * 50e6);

  histogram->clear();  // another target got the slot
  histogram->add(7'000);
  HistogramSum anew;
  anew.add(*histogram);
  EXPECT_EQ(anew.since(after).count(), 1u);
}

TEST(HistogramSum, CountsUpToTheEndOfABucket) {
  const auto histogram = std::make_unique<Histogram>();
  for (const std::uint64_t value : {100u, 1'000u, 10'000u, 100'000u}) histogram->add(value);
  HistogramSum sum;
  sum.add(*histogram);
  EXPECT_EQ(sum.count_up_to(0), 0u);
  EXPECT_EQ(sum.count_up_to(range_of(bucket_of(10'000)).last), 3u);
  EXPECT_EQ(sum.count_up_to(histogram_value_max), 4u);
}

// One writer, one reader, no lock: what is read never falls.
TEST(Histogram, IsReadWhileItIsWritten) {
  const auto histogram = std::make_unique<Histogram>();
  constexpr std::uint64_t values = 100'000;
  const std::jthread writer([&histogram] {
    for (std::uint64_t i = 0; i < values; ++i) histogram->add(i % 4'096);
  });
  std::uint64_t last = 0;
  while (last != values) {
    HistogramSum sum;
    sum.add(*histogram);
    ASSERT_GE(sum.count(), last);
    last = sum.count();
  }
}

}  // namespace
}  // namespace dataplane
