#include "tools/bench/cpu.h"

#include <sched.h>

namespace tools::bench {
namespace {

void keep_to(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<unsigned>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);  // where it is refused, figures are only noisier
}

}  // namespace

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

OnCpu::OnCpu(int cpu) : before_(allowed_cpus()) { keep_to({cpu}); }
OnCpu::~OnCpu() {
  if (!before_.empty()) keep_to(before_);
}

}  // namespace tools::bench
