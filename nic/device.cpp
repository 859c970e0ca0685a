#include "nic/device.h"

#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <fstream>

namespace nic {
namespace {

bool all_hex(std::string_view text) {
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return !text.empty();
}

/// "0000:3b:00.0" from that or from "3b:00.0"; nullopt: not a PCI address.
std::optional<std::string> pci_address(std::string_view text) {
  const std::string full = text.size() == 7 ? "0000:" + std::string(text) : std::string(text);
  if (full.size() < 12 || full.size() > 16) return std::nullopt;
  const std::string_view bdf = std::string_view(full).substr(full.size() - 8);
  const std::string_view domain = std::string_view(full).substr(0, full.size() - 8);
  const bool right = bdf[0] == ':' && bdf[3] == ':' && bdf[6] == '.' && all_hex(domain) &&
                     all_hex(bdf.substr(1, 2)) && all_hex(bdf.substr(4, 2)) && bdf[7] >= '0' &&
                     bdf[7] <= '7';
  if (!right) return std::nullopt;
  std::string lower = full;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string link_name(const std::filesystem::path& link) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(link, error);
  return error ? "" : target.filename().string();
}

/// Drivers of the kernel that DPDK works together with: the device stays bound to them.
bool is_bifurcated(std::string_view driver) {
  return driver == "mlx4_core" || driver == "mlx5_core" || driver == "mana";
}

std::optional<std::string> vfio_problem(const Device& device, const DeviceRoots& roots) {
  const auto container = roots.dev / "vfio" / "vfio";
  if (!std::filesystem::exists(container)) {
    return fmt::format(
        "{} is bound to vfio-pci, but {} does not exist: modprobe vfio-pci, or give "
        "the container that device",
        device.name, container.string());
  }
  const std::string group = link_name(roots.pci / device.name / "iommu_group");
  if (group.empty()) {
    return fmt::format(
        "{} has no IOMMU group: switch the IOMMU on (intel_iommu=on or amd_iommu=on "
        "on the kernel command line, VT-d in the BIOS)",
        device.name);
  }
  auto file = roots.dev / "vfio" / group;
  const auto unsafe = roots.dev / "vfio" / ("noiommu-" + group);
  if (std::filesystem::exists(unsafe)) file = unsafe;
  if (access(file.c_str(), R_OK | W_OK) == 0) return std::nullopt;
  return fmt::format("no permission for {}, which is {}'s: run as root, or chown it to this user",
                     file.string(), device.name);
}

std::optional<std::string> pci_problem(const Device& device, const DeviceRoots& roots) {
  const auto folder = roots.pci / device.name;
  if (!std::filesystem::exists(folder)) {
    return fmt::format("there is no PCI device {} on this machine: lspci -D lists them",
                       device.name);
  }
  std::string device_class;
  std::ifstream(folder / "class") >> device_class;
  if (!device_class.empty() && !device_class.starts_with("0x02")) {
    return fmt::format("{} is not a network device (PCI class {}): lspci -D lists them",
                       device.name, device_class);
  }
  const std::string driver = link_name(folder / "driver");
  if (driver == "vfio-pci") return vfio_problem(device, roots);
  if (driver == "igb_uio" || driver == "uio_pci_generic" || is_bifurcated(driver)) {
    return std::nullopt;
  }
  const std::string bind =
      fmt::format("modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}", device.name);
  if (driver.empty()) {
    return fmt::format("{} is bound to no driver: {}", device.name, bind);
  }
  return fmt::format(
      "{} is bound to the kernel's driver {}, and DPDK needs vfio-pci: {} (its "
      "kernel interface goes away)",
      device.name, driver, bind);
}

std::optional<std::string> interface_problem(const Device& device) {
  const std::string interface = device.interface();
  if (interface.empty()) {
    return fmt::format("{} needs an interface: \"{},iface=NAME\"", device.driver, device.name);
  }
  if (interface.size() >= IFNAMSIZ) {
    return fmt::format("the interface name '{}' is too long: {} bytes at most", interface,
                       IFNAMSIZ - 1);
  }
  if (if_nametoindex(interface.c_str()) == 0) {
    return fmt::format(
        "there is no network interface '{}' here: ip link lists those of this "
        "network namespace",
        interface);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Device::argument(std::string_view key) const {
  std::string_view rest = arguments;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos && word.substr(0, equals) == key) {
      return std::string(word.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::string Device::interface() const {
  if (driver != "net_af_packet" && driver != "eth_af_packet" && driver != "net_af_xdp") return "";
  return argument("iface").value_or("");
}

std::string Device::devargs() const {
  return fmt::format("{}:{}{}{}", pci ? "pci" : "vdev", name, arguments.empty() ? "" : ",",
                     arguments);
}

Result<Device> parse_device(std::string_view text) {
  Device device;
  device.text = text;
  const std::size_t comma = text.find(',');
  const std::string_view name = text.substr(0, comma);
  if (comma != std::string_view::npos) device.arguments = text.substr(comma + 1);
  if (const auto address = pci_address(name)) {
    device.pci = true;
    device.name = *address;
    return device;
  }
  std::size_t end = name.size();
  while (end > 0 && std::isdigit(static_cast<unsigned char>(name[end - 1])) != 0) --end;
  device.name = name;
  device.driver = name.substr(0, end);
  const bool word = name.find_first_of(" \t\n:/") == std::string_view::npos;
  if (device.driver.empty() || !word || name.size() > 63) {
    return Failure{
        fmt::format("device \"{}\" is neither a PCI address (0000:3b:00.0) nor a DPDK "
                    "vdev (net_af_xdp0,iface=veth0)",
                    text)};
  }
  return device;
}

std::optional<std::string> device_problem(const Device& device, const DeviceRoots& roots) {
  if (device.pci) return pci_problem(device, roots);
  const bool on_interface = device.driver == "net_af_packet" || device.driver == "eth_af_packet" ||
                            device.driver == "net_af_xdp";
  return on_interface ? interface_problem(device) : std::nullopt;
}

std::string attach_remedy(const Device& device, std::string_view complaints) {
  struct Remedy {
    std::string_view symptom, advice;
  };
  static constexpr std::array remedies{
      Remedy{"could not open AF_PACKET socket", "it needs CAP_NET_RAW: run as root"},
      Remedy{"Could not open AF_PACKET socket", "it needs CAP_NET_RAW: run as root"},
      Remedy{"Failed to create umem",
             "AF_XDP needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF, and memory that may be locked: "
             "run as root, or raise the limit (ulimit -l unlimited)"},
      Remedy{
          "Failed to create xsk socket",
          "another program or another instance may be attached to the interface (ip link show "
          "says 'xdp'; detach with: ip link set dev NAME xdp off), a veth's other end may have an "
          "MTU above 3498, or root's rights are missing"},
      Remedy{"call to mmap failed",
             "memory may not be locked: run as root, or raise the limit (ulimit -l unlimited)"},
      Remedy{"failed to parse device",
             "is the driver's name right (net_af_xdp, net_af_packet, net_memif, net_tap, net_pcap, "
             "net_ring, net_null, net_vhost, net_virtio_user) and its package librte-net-* "
             "installed?"},
  };
  for (const Remedy& remedy : remedies) {
    if (complaints.find(remedy.symptom) != std::string_view::npos) {
      return std::string(remedy.advice);
    }
  }
  return device.pci ? fmt::format("does DPDK have a driver for it (dpdk-devbind.py --status)?")
                    : "";
}

}  // namespace nic
