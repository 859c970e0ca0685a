// Device: the text behind `device` in the configuration, understood; and why it cannot be used.
//
// A device is a PCI address or a DPDK vdev string. DPDK's own errors are few words from deep inside
// a driver, so what can be looked up beforehand is looked up (is there such a PCI device, who
// drives it, is there such an interface), and each answer says which need is missing and what to
// do.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "nic/failure.h"

namespace nic {

struct Device {
  std::string text;  // as configured
  bool pci = false;
  std::string name;       // "0000:3b:00.0", "net_af_packet0"
  std::string driver;     // vdev: "net_af_packet"; PCI: empty
  std::string arguments;  // behind the first comma: "iface=veth0,framecnt=1024"

  /// The value of "key=value" in arguments; nullopt: not there.
  [[nodiscard]] std::optional<std::string> argument(std::string_view key) const;
  /// The kernel's interface under a vdev (af_packet, af_xdp), or empty.
  [[nodiscard]] std::string interface() const;
  /// For rte_dev_probe.
  [[nodiscard]] std::string devargs() const;
};

[[nodiscard]] Result<Device> parse_device(std::string_view text);

/// Where to look; another place in tests.
struct DeviceRoots {
  std::filesystem::path pci = "/sys/bus/pci/devices";
  std::filesystem::path dev = "/dev";
};

/// What is wrong with the device as far as can be seen without DPDK, or nullopt. A whole sentence
/// without the port's name.
[[nodiscard]] std::optional<std::string> device_problem(const Device& device,
                                                        const DeviceRoots& roots = {});

/// Advice on a driver that refused the device: from its error number and its complaints.
[[nodiscard]] std::string attach_remedy(const Device& device, std::string_view complaints);

}  // namespace nic
