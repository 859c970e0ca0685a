// Random: the bench's only source of chance, from a fixed seed, so that two runs send the same
// packets; and the orders in which flows get theirs.
#pragma once

#include <cmath>
#include <cstdint>

namespace tools::bench {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next() {
    state_ += 0x9e37'79b9'7f4a'7c15u;
    std::uint64_t word = (state_ ^ state_ >> 30) * 0xbf58'476d'1ce4'e5b9u;
    word = (word ^ word >> 27) * 0x94d0'49bb'1331'11ebu;
    return word ^ word >> 31;
  }
  /// 0 to bound − 1.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }
  /// 0 to 1, 1 excluded.
  [[nodiscard]] double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

enum class Order : std::uint8_t {
  Uniform,  // every packet a flow at random
  Zipf,     // the k-th flow's share is proportional to ln(1 + 1/k), which is 1/k: few carry much
};

/// Which flow, of `flows`, the next packet belongs to.
[[nodiscard]] inline std::uint32_t pick_flow(Order order, std::uint32_t flows, Random& random) {
  if (order == Order::Uniform) return random.below(flows);
  const double rank = std::exp(random.fraction() * std::log(static_cast<double>(flows) + 1));
  const auto flow = static_cast<std::uint32_t>(rank) - 1;
  return flow < flows ? flow : flows - 1;
}

}  // namespace tools::bench
