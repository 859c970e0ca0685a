// Clock: what the bench measures time with: the time stamp counter, and how long its ticks are.
//
// Ticks are nominal cycles: the TSC runs at one rate whatever the core's clock does. Where there is
// no TSC, a tick is a nanosecond of the system's monotonic clock.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace tools::bench {

/// Now, in ticks, without waiting for earlier instructions: what a poll loop reads.
[[nodiscard]] inline std::uint64_t ticks_passing() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Now, in ticks, after every earlier instruction has ended and before any later one begins.
[[nodiscard]] inline std::uint64_t ticks_fenced() {
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
#else
  return ticks_passing();
#endif
}

class Clock {
 public:
  /// Compares the TSC with the system's clock for some 20 ms.
  Clock();

  [[nodiscard]] double nanoseconds(std::uint64_t ticks) const {
    return static_cast<double>(ticks) * nanoseconds_per_tick_;
  }
  [[nodiscard]] double ticks(double nanoseconds) const {
    return nanoseconds / nanoseconds_per_tick_;
  }
  [[nodiscard]] double gigahertz() const { return 1 / nanoseconds_per_tick_; }

 private:
  double nanoseconds_per_tick_;
};

}  // namespace tools::bench
