// LcoreMap: which worker runs on which CPU, and what is left for control.
//
// Pure: made from the CPUs that this process may use and the ones that the operator asked for.
// Worker i becomes DPDK's lcore i + 1; lcore 0 is the control thread, floating over the CPUs
// without a worker (over all, if every CPU has one). More workers than CPUs are allowed: they
// share.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nic/failure.h"

namespace nic {

struct LcoreMap {
  std::vector<int> worker_cpus;   // by worker
  std::vector<int> control_cpus;  // never empty

  [[nodiscard]] bool shares_cpu(std::size_t worker) const;
  /// For --lcores: "0@(0-1),1@2,2@3".
  [[nodiscard]] std::string argument() const;
};

/// `allowed`: CPUs of this process, ascending. `wanted`: one CPU per worker, or empty to choose.
[[nodiscard]] Result<LcoreMap> plan_lcores(const std::vector<int>& allowed,
                                           const std::vector<int>& wanted, std::size_t workers);

/// The CPUs that the scheduler may put this process on, ascending.
[[nodiscard]] std::vector<int> allowed_cpus();

/// "0-3,6"
[[nodiscard]] std::string cpu_list(const std::vector<int>& cpus);

}  // namespace nic
