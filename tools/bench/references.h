// References: what this machine's memory and clock cost in this very run. Absolute times move with
// the neighbours and the machine; ratios to these do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/bench/clock.h"
#include "tools/bench/slices.h"

namespace tools::bench {

class References {
 public:
  explicit References(const Clock& clock) : clock_(clock) {}

  /// Reads of random cache lines of `memory` that do not wait for each other, `lines_in_flight` at
  /// a time, prefetched and then read. Nanoseconds per line. The memory is only read.
  [[nodiscard]] Slices independent_lines(std::span<const std::byte> memory, std::size_t slices);
  /// Each read's address depends on what the one before has read.
  [[nodiscard]] Slices dependent_lines(std::span<const std::byte> memory, std::size_t slices);
  /// Nanoseconds per burst packet of a path that does nothing: receive, decide, transmit.
  [[nodiscard]] Slices empty_path(std::size_t slices);
  /// Nanoseconds per reading of the clock.
  [[nodiscard]] Slices clock_readings(std::size_t slices);
  /// Nanoseconds per 64-bit multiplication in a chain: 3 cycles of the core's own clock on all
  /// current CPUs.
  [[nodiscard]] Slices multiplications(std::size_t slices);

  static constexpr std::size_t lines_in_flight = 32;
  static constexpr std::size_t per_slice = 1024;  // of each of them

 private:
  template <class Work>
  [[nodiscard]] Slices measure(std::size_t slices, Work work);

  const Clock& clock_;
  std::uint64_t state_ = 1;  // what all work ends in, so that none can be left out
};

}  // namespace tools::bench
