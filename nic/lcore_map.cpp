#include "nic/lcore_map.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>

#include "dataplane/packet/contract.h"
#include "dataplane/table/ids.h"

namespace nic {
namespace {

// EAL takes no CPU number from its RTE_MAX_LCORE (128 in Debian's build) on.
constexpr int cpus_max = 128;

std::vector<int> chosen_cpus(const std::vector<int>& allowed, std::size_t workers) {
  // The first CPU is left to control (and to whatever else starts there) as long as others suffice.
  const std::size_t first = allowed.size() > workers ? 1 : 0;
  std::vector<int> cpus;
  for (std::size_t i = 0; i < workers; ++i) {
    cpus.push_back(allowed[first + i % (allowed.size() - first)]);
  }
  return cpus;
}

}  // namespace

bool LcoreMap::shares_cpu(std::size_t worker) const {
  return std::count(worker_cpus.begin(), worker_cpus.end(), worker_cpus[worker]) > 1;
}

std::string LcoreMap::argument() const {
  std::string text = fmt::format("0@({})", cpu_list(control_cpus));
  for (std::size_t i = 0; i < worker_cpus.size(); ++i) {
    text += fmt::format(",{}@{}", i + 1, worker_cpus[i]);
  }
  return text;
}

Result<LcoreMap> plan_lcores(const std::vector<int>& allowed, const std::vector<int>& wanted,
                             std::size_t workers) {
  CHECK(wanted.empty() || wanted.size() == workers);
  if (workers == 0 || workers > dataplane::workers_max) {
    return Failure{fmt::format("workers = {}: between 1 and {} are possible", workers,
                               dataplane::workers_max)};
  }
  if (allowed.empty()) return Failure{"this process may run on no CPU that DPDK can use"};
  for (const int cpu : wanted) {
    if (std::find(allowed.begin(), allowed.end(), cpu) != allowed.end()) continue;
    return Failure{fmt::format(
        "workers: CPU {} is not there for this process, which may run on {}; name one of those in "
        "'workers', or widen the CPU set (taskset, cpuset, CPUAffinity= of the service)",
        cpu, cpu_list(allowed))};
  }
  LcoreMap map;
  map.worker_cpus = wanted.empty() ? chosen_cpus(allowed, workers) : wanted;
  for (const int cpu : allowed) {
    const auto& used = map.worker_cpus;
    if (std::find(used.begin(), used.end(), cpu) == used.end()) map.control_cpus.push_back(cpu);
  }
  if (map.control_cpus.empty()) map.control_cpus = allowed;
  return map;
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < cpus_max; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += last == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace nic
