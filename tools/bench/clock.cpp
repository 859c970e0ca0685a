#include "tools/bench/clock.h"

namespace tools::bench {

Clock::Clock() {
  using std::chrono::steady_clock;
  constexpr std::chrono::milliseconds duration{20};
  const auto start = steady_clock::now();
  const std::uint64_t first = ticks_fenced();
  auto end = steady_clock::now();
  while (end - start < duration) end = steady_clock::now();
  const std::uint64_t last = ticks_fenced();
  nanoseconds_per_tick_ = std::chrono::duration<double, std::nano>(end - start).count() /
                          static_cast<double>(last - first);
}

}  // namespace tools::bench
