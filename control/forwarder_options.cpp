#include "control/forwarder_options.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "config/steering.h"

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
          .promiscuous = port.promiscuous,
          .rss = {}};
}

nic::UseRss use_rss(config::WantedSteering steering) {
  switch (steering) {
    case config::WantedSteering::Automatic: return nic::UseRss::Automatic;
    case config::WantedSteering::HandOff: return nic::UseRss::Never;
    case config::WantedSteering::Rss: return nic::UseRss::Always;
  }
  return nic::UseRss::Automatic;
}

/// The same key for all ports, so that they agree on a flow's owner. Random, so that an outsider
/// cannot aim at one worker; where one end alone is hashed it has to repeat itself.
std::vector<std::uint8_t> rss_key(const std::vector<dataplane::RssFields>& fields) {
  constexpr std::size_t longest = 64;
  const bool repeat = std::any_of(fields.begin(), fields.end(), [](dataplane::RssFields one) {
    return one != dataplane::RssFields::Tuple;
  });
  // A few keys in a hundred, and half of those that repeat themselves, leave entries of a large
  // table that no local port leads to.
  const std::vector<dataplane::WorkerId> large_table(2048);
  while (true) {
    std::vector<std::uint8_t> key(longest);
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
      throw std::runtime_error("the kernel gave no random bytes for the RSS key");
    }
    for (std::size_t i = 2; repeat && i < key.size(); ++i) key[i] = key[i - 2];
    const dataplane::Rss rss(key, large_table, dataplane::RssFields::Tuple);
    if (rss.spreads_ports()) return key;
  }
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
  const std::vector<dataplane::RssFields> fields = config::rss_fields(config);
  const std::vector<std::uint8_t> key = rss_key(fields);
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    options.ports.push_back(port_options(config.ports[i]));
    options.ports.back().rss = {
        .use = use_rss(config.ports[i].steering), .fields = fields[i], .key = key};
  }
  options.flows = {.v4 = config.flows.capacity, .v6 = config::ipv6_capacity(config)};
  options.sticky_clients = config.sticky.capacity;
  options.sticky_seed = fresh_seed();
  options.surge_capacity = config::surge_capacity(config);
  options.flow_log_ring = config.flow_log.ring;
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
