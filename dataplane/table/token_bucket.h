// TokenBucket: at most `rate` things a second, with bursts of up to a tenth of that. One owner.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/packet/clock.h"

namespace dataplane {

class TokenBucket {
 public:
  /// Takes one token if there is one. `rate` may change from call to call (a new snapshot).
  [[nodiscard]] bool take(Instant now, std::uint32_t rate) {
    const std::uint64_t burst = std::max<std::uint64_t>(rate / 10, 32) * token;
    const std::uint64_t elapsed = now.nanoseconds - std::min(last_, now.nanoseconds);
    last_ = now.nanoseconds;
    const std::uint64_t earned = std::min<std::uint64_t>(elapsed, second) * rate;
    level_ = std::min(level_ + earned, burst);
    if (level_ < token) return false;
    level_ -= token;
    return true;
  }

 private:
  static constexpr std::uint64_t second = 1'000'000'000;
  static constexpr std::uint64_t token = second;  // level counts nanoseconds × rate
  std::uint64_t last_ = 0;
  std::uint64_t level_ = 0;
};

}  // namespace dataplane
