// Time as a value. Nothing in dataplane/ reads a clock: an Instant comes in with every burst.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace dataplane {

/// Nanoseconds since some start that all users of one core agree on; monotonic.
struct Instant {
  std::uint64_t nanoseconds = 0;
  friend constexpr auto operator<=>(Instant, Instant) = default;
};

/// Time for flow entries: 2,048 ns in 32 bits, fine enough for latencies. Wraps after 2.44 hours,
/// so only differences mean anything; idle times end before (at 6,000 s), and the sweep visits
/// every entry far more often than that.
struct Tick {
  static constexpr std::uint64_t nanoseconds = 2'048;
  std::uint32_t count = 0;
  friend constexpr bool operator==(Tick, Tick) = default;

  [[nodiscard]] static constexpr Tick of(Instant now) {
    return Tick{static_cast<std::uint32_t>(now.nanoseconds / nanoseconds)};
  }
  /// Milliseconds from `earlier` to this, modulo 2.44 hours. Rounded up by a tick, as an idle time
  /// of whole milliseconds is over when it is.
  [[nodiscard]] constexpr std::uint32_t since(Tick earlier) const {
    const std::uint64_t ticks = ticks_since(earlier);
    return ticks == 0 ? 0 : static_cast<std::uint32_t>((ticks + 1) * nanoseconds / 1'000'000);
  }
  /// The same in nanoseconds, within one tick.
  [[nodiscard]] constexpr std::uint64_t nanoseconds_since(Tick earlier) const {
    return ticks_since(earlier) * nanoseconds;
  }

 private:
  /// A tick "from the future" (a reader that is a burst behind, or a few) counts as 0.
  [[nodiscard]] constexpr std::uint64_t ticks_since(Tick earlier) const {
    const std::uint32_t elapsed = count - earlier.count;
    constexpr std::uint32_t future = 1u << 20;  // 2.1 s
    return elapsed > 0u - future ? 0 : elapsed;
  }
};

/// When a flow began: 65,536 ns in 32 bits. Wraps after 78 hours.
struct Birth {
  static constexpr std::uint64_t nanoseconds = 65'536;
  std::uint32_t count = 0;

  [[nodiscard]] static constexpr Birth of(Instant now) {
    return Birth{static_cast<std::uint32_t>(now.nanoseconds / nanoseconds)};
  }
  /// Microseconds from this to `now`, modulo 78 hours, within one count.
  [[nodiscard]] constexpr std::uint64_t microseconds_until(Instant now) const {
    return std::uint64_t{of(now).count - count} * nanoseconds / 1'000;
  }
};

/// What is noted of a flow when its target accepts it, in 32 bits: how long that took, in steps of
/// 2,048 ns up to 68 s, and which of Birth's rounds of 78 hours the flow began in, of 128.
class Opening {
 public:
  Opening() = default;
  /// `connect`: nanoseconds; nullopt: not known.
  Opening(Birth birth, Instant now, std::optional<std::uint64_t> connect)
      : bits_(round_of(birth, now) << connect_bits | steps_of(connect)) {}

  /// Nanoseconds; of longer ones the longest that there is.
  [[nodiscard]] constexpr std::optional<std::uint64_t> connect() const {
    const std::uint32_t steps = bits_ & unknown;
    if (steps == unknown) return std::nullopt;
    return std::uint64_t{steps} * Tick::nanoseconds;
  }
  /// Microseconds from the birth of that flow to `now`, modulo 416 days, within one count of Birth.
  [[nodiscard]] constexpr std::uint64_t microseconds_until(Birth birth, Instant now) const {
    const std::uint64_t born = std::uint64_t{bits_ >> connect_bits} << 32 | birth.count;
    const std::uint64_t lived =
        (now.nanoseconds / Birth::nanoseconds - born) & ((rounds << 32) - 1);
    return lived * Birth::nanoseconds / 1'000;
  }

 private:
  static constexpr unsigned connect_bits = 25;
  static constexpr std::uint32_t unknown = (1u << connect_bits) - 1;
  static constexpr std::uint64_t rounds = 128;

  [[nodiscard]] static constexpr std::uint32_t round_of(Birth birth, Instant now) {
    const std::uint64_t count = now.nanoseconds / Birth::nanoseconds;
    // Less than a round has passed since: `count - lived` is the birth in full.
    const std::uint32_t lived = static_cast<std::uint32_t>(count) - birth.count;
    return static_cast<std::uint32_t>((count - lived) >> 32) &
           static_cast<std::uint32_t>(rounds - 1);
  }
  [[nodiscard]] static constexpr std::uint32_t steps_of(std::optional<std::uint64_t> connect) {
    if (!connect) return unknown;
    const std::uint64_t steps = *connect / Tick::nanoseconds;
    return steps < unknown ? static_cast<std::uint32_t>(steps) : unknown - 1;
  }

  std::uint32_t bits_ = unknown;
};

}  // namespace dataplane
