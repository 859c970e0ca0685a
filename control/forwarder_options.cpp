#include "control/forwarder_options.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <stdexcept>
#include <utility>

namespace control {
namespace {

dataplane::Seed fresh_seed() {
  dataplane::Seed seed;
  if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
    throw std::runtime_error("the kernel gave no random bytes for the flow tables' seeds");
  }
  return seed;
}

nic::PortOptions port_options(const config::Port& port) {
  return {.name = port.name,
          .device = port.device,
          .vlan = port.vlan,
          .mtu = port.mtu,
          .queue_descriptors = port.queue_descriptors,
          .mac = port.mac,
          .kernel_path = port.kernel_path,
          .promiscuous = port.promiscuous};
}

nic::Idle idle(config::Idle idle) {
  switch (idle) {
    case config::Idle::Spin: return nic::Idle::Spin;
    case config::Idle::Yield: return nic::Idle::Yield;
    case config::Idle::Sleep: return nic::Idle::Sleep;
  }
  return nic::Idle::Spin;
}

nic::Hugepages hugepages(config::Hugepages hugepages) {
  switch (hugepages) {
    case config::Hugepages::Automatic: return nic::Hugepages::Automatic;
    case config::Hugepages::On: return nic::Hugepages::On;
    case config::Hugepages::Off: return nic::Hugepages::Off;
  }
  return nic::Hugepages::Automatic;
}

/// DPDK's own lines: its complaints as warnings, the rest only for those who debug.
void log_eal_line(nic::Severity severity, std::string_view line) {
  switch (severity) {
    case nic::Severity::Error:
    case nic::Severity::Warning: spdlog::warn("dpdk: {}", line); break;
    case nic::Severity::Notice:
    case nic::Severity::Info:
    case nic::Severity::Debug: spdlog::debug("dpdk: {}", line); break;
  }
}

}  // namespace

nic::ForwarderOptions forwarder_options(const config::Config& config) {
  nic::ForwarderOptions options;
  for (const config::Port& port : config.ports) options.ports.push_back(port_options(port));
  options.flows = {.v4 = config.flows.capacity, .v6 = config::ipv6_capacity(config)};
  options.idle = idle(config.idle);
  options.owner_seed = fresh_seed();
  for (std::uint32_t i = 0; i < config.workers; ++i) options.table_seeds.push_back(fresh_seed());
  return options;
}

nic::RuntimeOptions runtime_options(const config::Config& config,
                                    const nic::ForwarderOptions& forwarder,
                                    std::vector<std::string> extra_arguments) {
  nic::RuntimeOptions options;
  options.eal.file_prefix = "spillway-" + config.instance;
  options.eal.hugepages = hugepages(config.eal.hugepages);
  options.eal.memory_megabytes = config.eal.memory_megabytes;
  options.eal.need = nic::memory_needed(forwarder, config.workers);
  options.eal.pci = config.eal.pci && nic::needs_pci(forwarder.ports);
  options.eal.extra_arguments = std::move(extra_arguments);
  options.workers = config.workers;
  options.worker_cpus = config.worker_cpus;
  options.log = log_eal_line;
  return options;
}

}  // namespace control
