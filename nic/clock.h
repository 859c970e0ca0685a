// Clock: the one time of all workers and of control, read once per poll.
//
// Counts nanoseconds from the monotonic clock's value at start, by the CPU's time-stamp counter
// where that runs evenly on all cores (about 10 ns a read), else by the monotonic clock (about 25
// ns). DPDK's calibration is rounded to 10 MHz, so it may run up to 0.2 % beside the wall clock:
// right for timeouts, not for dates.
#pragma once

#include <rte_cycles.h>
#include <time.h>

#include <cstdint>

#include "dataplane/packet/clock.h"

namespace nic {

class Clock {
 public:
  /// EAL has started.
  Clock()
      : counter_is_steady_(counter_is_steady()),
        first_cycle_(rte_rdtsc()),
        first_nanosecond_(monotonic()),
        // ns = cycles * 10^9 / frequency, as a multiplication by a 32.32 number
        scale_(static_cast<std::uint64_t>((Wide{1'000'000'000} << 32) / rte_get_tsc_hz())) {}

  [[nodiscard]] dataplane::Instant now() const {
    if (!counter_is_steady_) return {monotonic()};
    const std::uint64_t cycles = rte_rdtsc() - first_cycle_;
    return {first_nanosecond_ + static_cast<std::uint64_t>(Wide{cycles} * scale_ >> 32)};
  }
  [[nodiscard]] bool reads_cycles() const { return counter_is_steady_; }

 private:
  __extension__ using Wide = unsigned __int128;

  [[nodiscard]] static std::uint64_t monotonic() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
  }
  [[nodiscard]] static bool counter_is_steady();

  bool counter_is_steady_;
  std::uint64_t first_cycle_;
  std::uint64_t first_nanosecond_;
  std::uint64_t scale_;
};

}  // namespace nic
