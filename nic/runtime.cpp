#include "nic/runtime.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "nic/bpf_log.h"

namespace nic {
namespace {

struct Remedy {
  std::string_view symptom;  // part of what EAL says
  std::string_view advice;
};
constexpr std::array remedies{
    Remedy{"is another primary process running",
           "another DPDK process uses the same file prefix: stop it, or give this instance another "
           "name"},
    Remedy{"Invalid 'command line' arguments", "check the arguments given with --eal"},
    Remedy{"Cannot init plugins",
           "a driver plugin named with -d does not load: check the arguments given with --eal"},
    Remedy{"ugepage",
           "reserve huge pages (sysctl vm.nr_hugepages=1024), or set eal.hugepages = \"off\""},
    Remedy{"Cannot init VFIO",
           "modprobe vfio-pci, and give this user access to /dev/vfio (or run as root)"},
    Remedy{"physical addresses are not available",
           "run as root, or with an IOMMU (intel_iommu=on) and vfio-pci"},
    Remedy{"Cannot allocate memory",
           "free memory, raise the limit (ulimit -l unlimited, LimitMEMLOCK=infinity), or lower "
           "queue_descriptors and flows.capacity"},
    Remedy{"Cannot init memory",
           "there is not enough memory of the kind asked for: free some, or set eal.hugepages = "
           "\"off\""},
};

std::string start_failure(const EalLog& log, int error) {
  const std::string complaints = log.complaints();
  std::string text = fmt::format("DPDK's EAL does not start: {}", rte_strerror(error));
  if (!complaints.empty()) text += fmt::format("; it says: {}", complaints);
  const std::string advice = eal_remedy(complaints, error);
  if (!advice.empty()) text += fmt::format("; {}", advice);
  return text;
}

}  // namespace

std::string eal_remedy(std::string_view complaints, int error) {
  for (const Remedy& remedy : remedies) {
    if (complaints.find(remedy.symptom) != std::string_view::npos) {
      return std::string(remedy.advice);
    }
  }
  if (error == EACCES || error == EPERM) return "run as root";
  return "";
}

Result<std::unique_ptr<Runtime>> Runtime::start(RuntimeOptions options) {
  // EAL keeps its state in globals and cannot start again, not even after a cleanup.
  static std::atomic_flag started = ATOMIC_FLAG_INIT;
  auto lcores = plan_lcores(allowed_cpus(), options.worker_cpus, options.workers);
  if (auto* failure = std::get_if<Failure>(&lcores)) return std::move(*failure);
  auto& map = std::get<LcoreMap>(lcores);
  auto arguments = eal_arguments(options.eal, map, hugepage_supply());
  if (auto* failure = std::get_if<Failure>(&arguments)) return std::move(*failure);

  if (started.test_and_set(std::memory_order_relaxed)) {
    return Failure{"DPDK's EAL can be started only once in a process"};
  }
  auto log = std::make_unique<EalLog>(std::move(options.log));
  // EAL's option parser wants an array that it may reorder.
  std::vector<std::string> words = std::get<EalArguments>(arguments).words;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(words.size()), pointers.data()) < 0) {
    return Failure{start_failure(*log, rte_errno)};
  }
  redirect_bpf_logs();
  return std::unique_ptr<Runtime>(
      new Runtime(std::move(log), std::move(map), std::move(std::get<EalArguments>(arguments))));
}

Runtime::~Runtime() {
  // Empty, since nothing is shared with other processes; EAL itself leaves it.
  const std::filesystem::path folder = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  std::error_code error;
  std::filesystem::remove(folder, error);
}

int Runtime::numa_node(dataplane::WorkerId worker) const {
  return static_cast<int>(rte_lcore_to_socket_id(lcore(worker)));
}

}  // namespace nic
