// TokenBucket: at most `rate` things a second, with bursts of up to a tenth of that (but of 32 at
// least). Full at the start. One owner.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/packet/clock.h"

namespace dataplane {

class TokenBucket {
 public:
  /// Takes one token if there is one. `rate` may change from call to call (a new snapshot).
  [[nodiscard]] bool take(Instant now, std::uint32_t rate) {
    if (rate == 0) return false;
    const std::uint64_t burst = std::max<std::uint64_t>(rate / 10, 32) * token;
    const std::uint64_t elapsed = now.nanoseconds - std::min(last_, now.nanoseconds);
    last_ = std::max(last_, now.nanoseconds);  // a clock that steps back earns nothing twice
    const std::uint64_t earned = std::min<std::uint64_t>(elapsed, second) * rate;
    level_ = std::min(std::min(level_, burst) + earned, burst);  // below 2^63: cannot overflow
    if (level_ < token) return false;
    level_ -= token;
    return true;
  }

  /// The last take() left less than one: the next one is not worth preparing for.
  [[nodiscard]] bool empty() const { return level_ < token; }

 private:
  static constexpr std::uint64_t second = 1'000'000'000;
  static constexpr std::uint64_t token = second;  // level counts nanoseconds × rate
  std::uint64_t last_ = 0;
  std::uint64_t level_ = UINT64_MAX;  // full: the first take() cuts it to the burst
};

}  // namespace dataplane
