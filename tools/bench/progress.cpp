#include "tools/bench/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

namespace tools::bench {

void Progress::start(std::size_t cases) {
  cases_ = cases;
  passed_ = 0;
  last_ = std::chrono::steady_clock::now();
}

void Progress::show(const std::string& what) {
  const std::size_t current = std::min(passed_ + 1, cases_);
  if (terminal_) {
    fmt::print(stderr, "\r\033[K[{}/{}] {}", current, cases_, what);
    std::fflush(stderr);
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < pause) return;
  last_ = now;
  fmt::print(stderr, "[{}/{}] {}\n", current, cases_, what);
}

void Progress::end() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

}  // namespace tools::bench
