// Time as a value. Nothing in dataplane/ reads a clock: an Instant comes in with every burst.
#pragma once

#include <compare>
#include <cstdint>

namespace dataplane {

/// Nanoseconds since some start that all users of one core agree on; monotonic.
struct Instant {
  std::uint64_t nanoseconds = 0;
  friend constexpr auto operator<=>(Instant, Instant) = default;
};

/// Coarse time for flow entries: milliseconds in 32 bits. Wraps after 49 days, so only differences
/// mean anything; every entry is visited by the sweep far more often than that.
struct Tick {
  std::uint32_t milliseconds = 0;
  friend constexpr bool operator==(Tick, Tick) = default;

  [[nodiscard]] static constexpr Tick of(Instant now) {
    return Tick{static_cast<std::uint32_t>(now.nanoseconds / 1'000'000)};
  }
  /// Milliseconds from `earlier` to this, modulo 2^32. A tick "from the future" (a reader that is a
  /// burst behind) counts as 0.
  [[nodiscard]] constexpr std::uint32_t since(Tick earlier) const {
    const std::uint32_t elapsed = milliseconds - earlier.milliseconds;
    return elapsed > 0x8000'0000u ? 0 : elapsed;
  }
};

}  // namespace dataplane
