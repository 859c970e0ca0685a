// Runtime: DPDK's EAL, started once from typed options and cleaned up at the end.
//
// Made and destroyed by main; everything else in nic/ needs it alive. EAL starts once per process:
// after a Failure the process has to end (most causes are found before EAL is asked at all). The
// thread that starts it becomes lcore 0, the control thread; each worker has a thread that waits
// for work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/table/ids.h"
#include "nic/eal_arguments.h"
#include "nic/eal_log.h"
#include "nic/failure.h"
#include "nic/lcore_map.h"

namespace nic {

struct RuntimeOptions {
  EalOptions eal;
  std::size_t workers = 1;
  std::vector<int> worker_cpus;  // one per worker; empty: chosen
  LogSink log;                   // EAL's lines; from any thread
};

class Runtime {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Runtime>> start(RuntimeOptions options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] std::size_t workers() const { return lcores_.worker_cpus.size(); }
  [[nodiscard]] const LcoreMap& cpus() const { return lcores_; }
  /// DPDK's number of the worker's thread.
  [[nodiscard]] static unsigned lcore(dataplane::WorkerId worker) { return worker.number + 1u; }
  [[nodiscard]] int numa_node(dataplane::WorkerId worker) const;
  [[nodiscard]] bool hugepages() const { return arguments_.hugepages; }
  /// What EAL was started with, for the log.
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_.words; }
  [[nodiscard]] EalLog& log() { return *log_; }

 private:
  Runtime(std::unique_ptr<EalLog> log, LcoreMap lcores, EalArguments arguments)
      : log_(std::move(log)), lcores_(std::move(lcores)), arguments_(std::move(arguments)) {}

  std::unique_ptr<EalLog> log_;
  LcoreMap lcores_;
  EalArguments arguments_;
};

/// What an operator can do about EAL's complaints; a sentence, or empty where nothing better is
/// known.
[[nodiscard]] std::string eal_remedy(std::string_view complaints, int error);

}  // namespace nic
