// Histogram: how often values of each size were seen. Log-linear: each power of two is cut into 32
// equal buckets, so a bucket is at most 1/32 of its values wide and its middle at most 1.6 % off.
//
//   value   0 … 1,023         1,024 … 2,047      2,048 … 4,095     …    2^36 … 2^37 − 1, and above
//   bucket  0 … 31, 32 wide   32 … 63, 32 wide   64 … 95, 64 wide       864 … 895
//
// One writer (a worker), plain relaxed stores, any number of readers: a reader may see a value's
// bucket but not yet its sum. Readers add the workers' histograms into a HistogramSum and ask that.
// What a value counts is its user's: nanoseconds reach 137 s, microseconds 38 h.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/counter.h"

namespace dataplane {

inline constexpr std::size_t histogram_buckets = 896;
/// Larger values are counted in the last bucket.
inline constexpr std::uint64_t histogram_value_max = (std::uint64_t{1} << 37) - 1;

/// The bucket that counts `value`.
[[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t value) {
  value = std::min(value, histogram_value_max);
  // The linear part is as fine as the first power of two above it.
  const auto power = static_cast<unsigned>(std::bit_width(value | 1024) - 1);
  return (std::size_t{power} - 10) * 32 + static_cast<std::size_t>(value >> (power - 5));
}

/// The values of a bucket: `first` to `last`, both in it.
struct BucketRange {
  std::uint64_t first;
  std::uint64_t last;
  [[nodiscard]] constexpr std::uint64_t middle() const { return first + (last - first + 1) / 2; }
};
[[nodiscard]] constexpr BucketRange range_of(std::size_t bucket) {
  const std::uint64_t shift = bucket < 64 ? 5 : bucket / 32 + 4;
  const std::uint64_t step = bucket < 64 ? bucket : bucket % 32 + 32;
  return {step << shift, ((step + 1) << shift) - 1};
}
static_assert(bucket_of(histogram_value_max) == histogram_buckets - 1);
static_assert(range_of(histogram_buckets - 1).last == histogram_value_max);
static_assert(range_of(63).last + 1 == range_of(64).first);

/// As it lies in shared memory.
struct alignas(64) Histogram {
  Counter sum;      // of all values
  Counter largest;  // of them, whole
  std::array<Counter, 6> reserved;
  std::array<Counter, histogram_buckets> buckets;

  void add(std::uint64_t value) {
    buckets[bucket_of(value)].add(1);
    sum.add(value);
    if (value > largest.read()) largest.set(value);
  }
  void clear() {
    sum.set(0);
    largest.set(0);
    for (Counter& bucket : buckets) bucket.set(0);
  }
};
static_assert(sizeof(Histogram) == 64 + 8 * histogram_buckets);

/// What one reader has added up.
class HistogramSum {
 public:
  void add(const Histogram& histogram) {
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
      buckets_[i] += histogram.buckets[i].read();
    }
    sum_ += histogram.sum.read();
    largest_ = std::max(largest_, histogram.largest.read());
  }
  void add(const HistogramSum& other) {
    for (std::size_t i = 0; i < histogram_buckets; ++i) buckets_[i] += other.buckets_[i];
    sum_ += other.sum_;
    largest_ = std::max(largest_, other.largest_);
  }
  /// What came after `earlier`, an older sum of the same histograms. Of a histogram that has begun
  /// anew in between, all that it has. `largest` stays that of all.
  [[nodiscard]] HistogramSum since(const HistogramSum& earlier) const {
    HistogramSum later = *this;
    if (count() < earlier.count() || sum_ < earlier.sum_) return later;
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
      later.buckets_[i] -= std::min(later.buckets_[i], earlier.buckets_[i]);
    }
    later.sum_ -= earlier.sum_;
    return later;
  }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint64_t bucket : buckets_) all += bucket;
    return all;
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  /// Of all values ever: not of a difference.
  [[nodiscard]] std::uint64_t largest() const { return largest_; }
  /// 0 without values.
  [[nodiscard]] double mean() const {
    const std::uint64_t values = count();
    return values == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(values);
  }
  /// How many values are in buckets that end at or below `value`: all up to it, if it is the last
  /// of a bucket.
  [[nodiscard]] std::uint64_t count_up_to(std::uint64_t value) const {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram_buckets && range_of(i).last <= value; ++i) {
      below += buckets_[i];
    }
    return below;
  }
  /// The value that `per_mille` thousandths of all do not exceed (nearest rank), as its bucket's
  /// middle, but never above the largest; 0 without values. 500: the median.
  [[nodiscard]] std::uint64_t percentile(unsigned per_mille) const {
    const std::uint64_t values = count();
    if (values == 0) return 0;
    // In two parts: the product of large counts would not fit.
    const std::uint64_t rank = values / 1000 * per_mille + (values % 1000 * per_mille + 999) / 1000;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < histogram_buckets; ++i) {
      seen += buckets_[i];
      if (seen >= std::max<std::uint64_t>(rank, 1)) return std::min(range_of(i).middle(), largest_);
    }
    return largest_;
  }
  [[nodiscard]] const std::array<std::uint64_t, histogram_buckets>& buckets() const {
    return buckets_;
  }

 private:
  std::array<std::uint64_t, histogram_buckets> buckets_{};
  std::uint64_t sum_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace dataplane
