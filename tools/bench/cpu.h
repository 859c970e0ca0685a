// Cpu: which CPUs this process may use, and keeping a thread on one of them.
#pragma once

#include <vector>

namespace tools::bench {

[[nodiscard]] std::vector<int> allowed_cpus();

/// Keeps the calling thread on one CPU for as long as this lives.
class OnCpu {
 public:
  explicit OnCpu(int cpu);
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;
  ~OnCpu();

 private:
  std::vector<int> before_;
};

}  // namespace tools::bench
