#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include <algorithm>
#include <cstring>

#include "nic/port.h"

namespace nic {
namespace {

rte_eth_dev_info device_info(std::uint16_t number) {
  rte_eth_dev_info info;
  std::memset(&info, 0, sizeof info);
  rte_eth_dev_info_get(number, &info);
  return info;
}

Failure attach_failure(const PortOptions& options, const Device& device, int error,
                       const std::string& complaints) {
  std::string text = fmt::format("port '{}': DPDK cannot use {}: {}", options.name, device.text,
                                 rte_strerror(-error));
  if (!complaints.empty()) text += fmt::format(" ({})", complaints);
  const std::string advice = attach_remedy(device, complaints);
  if (!advice.empty()) text += fmt::format("; {}", advice);
  return Failure{text};
}

}  // namespace

Result<AttachedDevice> AttachedDevice::attach(const PortOptions& options, EalLog& log) {
  auto parsed = parse_device(options.device);
  if (const auto* failure = std::get_if<Failure>(&parsed)) {
    return Failure{fmt::format("port '{}': {}", options.name, failure->message)};
  }
  const Device& device = std::get<Device>(parsed);
  std::uint16_t number = 0;
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &number) == 0) {
    return AttachedDevice(device, number, false);
  }
  if (const auto problem = device_problem(device)) {
    return Failure{fmt::format("port '{}': {}", options.name, *problem)};
  }
  if (device.pci && rte_eal_has_pci() == 0) {
    return Failure{
        fmt::format("port '{}': {} is a PCI device, but PCI is switched off (eal.pci = "
                    "false or --no-pci): leave that out",
                    options.name, device.name)};
  }
  log.begin_step();
  const int error = rte_dev_probe(device.devargs().c_str());
  if (error != 0) return attach_failure(options, device, error, log.complaints());
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &number) != 0) {
    return Failure{fmt::format("port '{}': {} is there, but it is not an Ethernet device",
                               options.name, device.text)};
  }
  return AttachedDevice(device, number, true);
}

AttachedDevice::~AttachedDevice() {
  if (number_ == none) return;
  rte_device* hardware = device_info(number_).device;
  rte_eth_dev_close(number_);
  if (ours_ && hardware != nullptr) rte_dev_remove(hardware);
}

int AttachedDevice::numa_node() const {
  const int node = rte_eth_dev_socket_id(number_);
  return node >= 0 ? node : static_cast<int>(rte_socket_id());
}

std::uint16_t AttachedDevice::queues_max() const {
  // memif says 255, but what counts is how many its peer has, which may change with every
  // connection: a second queue without a partner swallows what is sent on it.
  if (device_.driver == "net_memif") return 1;
  const rte_eth_dev_info info = device_info(number_);
  return std::max<std::uint16_t>(1, std::min(info.max_rx_queues, info.max_tx_queues));
}

std::string AttachedDevice::driver() const {
  const rte_eth_dev_info info = device_info(number_);
  return info.driver_name == nullptr ? "" : info.driver_name;
}

}  // namespace nic
