// Progress: one line on standard error that says which case is running. On a terminal it is
// rewritten in place; elsewhere a line is written now and then.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace tools::bench {

class Progress {
 public:
  explicit Progress(bool terminal) : terminal_(terminal) {}

  void start(std::size_t cases);
  /// What happens now.
  void show(const std::string& what);
  /// So many cases more are done with.
  void pass(std::size_t cases) { passed_ += cases; }
  /// Removes the line.
  void end();

 private:
  static constexpr std::chrono::seconds pause{5};  // between two lines in a log
  bool terminal_;
  std::size_t cases_ = 0;
  std::size_t passed_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace tools::bench
