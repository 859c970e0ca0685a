// What must hold for ports and neighbours: names, devices, networks.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "config/checks.h"
#include "config/ranges.h"
#include "config/reach.h"

namespace config {
namespace {

using dataplane::IpAddress;
using dataplane::IpPrefix;

/// Every key=value of a device string after its name.
std::string argument(std::string_view device, std::string_view key) {
  while (true) {
    const std::size_t comma = device.find(',');
    if (comma == std::string_view::npos) return {};
    device.remove_prefix(comma + 1);
    const std::string_view one = device.substr(0, device.find(','));
    if (one.size() > key.size() && one.substr(0, key.size()) == key && one[key.size()] == '=') {
      return std::string{one.substr(key.size() + 1)};
    }
  }
}

bool all_hex(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

/// "3b:00.0" and "0000:3B:00.0" → "0000:3b:00.0"; empty: not a PCI address.
std::string pci_address(std::string_view name) {
  std::string full{name};
  if (std::count(full.begin(), full.end(), ':') == 1) full = "0000:" + full;
  if (full.size() != 12 || full[4] != ':' || full[7] != ':' || full[10] != '.') return {};
  const std::string_view view = full;
  const bool digits = all_hex(view.substr(0, 4), 4) && all_hex(view.substr(5, 2), 2) &&
                      all_hex(view.substr(8, 2), 2) && view[11] >= '0' && view[11] <= '7';
  if (!digits) return {};
  std::transform(full.begin(), full.end(), full.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return full;
}

bool is_virtual_device(std::string_view name) {
  constexpr std::string_view prefix = "net_";
  return name.size() > prefix.size() && name.substr(0, prefix.size()) == prefix &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string device_name(std::string_view device) {
  const std::string_view name = device.substr(0, device.find(','));
  const std::string pci = pci_address(name);
  return pci.empty() ? std::string{name} : pci;
}

void check_port_name(const Port& port, const std::string& path, Complaints& complaints) {
  if (!complaints.readable(path)) return;
  const std::string& name = port.name;
  const bool bytes = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
  const bool good = !name.empty() && name.size() <= ranges::port_name_size_max && bytes &&
                    std::isalnum(static_cast<unsigned char>(name.front())) != 0 && name != "lo";
  if (good) return;
  complaints.add({.setting = path,
                  .value = in_quotes(name),
                  .problem = name == "lo" ? "is the name of Linux's loopback interface"
                                          : "is not a name for a network interface",
                  .allowed = fmt::format("1 to {} letters, digits, '-', '_' and '.', the first a "
                                         "letter or digit",
                                         ranges::port_name_size_max),
                  .remedy = "The port's interface in Linux gets this name; choose a short one."});
}

void check_device(const Config& config, const Port& port, const std::string& path,
                  Complaints& complaints) {
  if (!complaints.readable(path)) return;
  const std::string name = device_name(port.device);
  const bool pci = !pci_address(name).empty();
  if (!pci && !is_virtual_device(name)) {
    complaints.add({.setting = path,
                    .value = in_quotes(port.device),
                    .problem = "names no device",
                    .allowed = "a PCI address like \"0000:3b:00.0\", or a DPDK device like "
                               "\"net_af_xdp0,iface=veth0\" or \"net_null0\"",
                    .remedy = "dpdk-devbind.py --status shows the PCI addresses; for an interface "
                              "of Linux write \"net_af_xdp0,iface=NAME\"."});
  } else if (pci && !config.eal.pci && complaints.readable("eal.pci")) {
    complaints.add(
        {.setting = path,
         .value = in_quotes(port.device),
         .problem = "is a PCI device, but eal.pci is false" + written_at(config, "eal.pci"),
         .allowed = "only DPDK's virtual devices, without PCI",
         .remedy = "Set eal.pci = true, or use a virtual device."});
  }
}

/// One port for each device, and for each interface of Linux that a device is made of; the port's
/// own interface in Linux must not need the name of such a one.
void check_unique_devices(const Config& config, Complaints& complaints) {
  std::map<std::string, std::string> devices;     // name or interface → path of its port
  std::map<std::string, std::string> interfaces;  // iface= → path
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const std::string path = element("ports", i) + ".device";
    if (!complaints.readable(path)) continue;
    const std::string& device = config.ports[i].device;
    const std::string interface = argument(device, "iface");
    const auto [same_device, new_device] = devices.emplace(device_name(device), path);
    const std::string* other = new_device ? nullptr : &same_device->second;
    if (!interface.empty()) {
      const auto [same_interface, new_interface] = interfaces.emplace(interface, path);
      if (!new_interface) other = &same_interface->second;
    }
    if (other == nullptr) continue;
    complaints.add(
        {.setting = path,
         .value = in_quotes(device),
         .problem = "is used by another port already: " + *other + written_at(config, *other),
         .allowed = "one port on a device",
         .remedy = "Name another device; virtual ones are told apart by the number "
                   "behind their name (net_null0, net_null1)."});
  }
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const Port& port = config.ports[i];
    const std::string path = element("ports", i) + ".name";
    const auto taken = interfaces.find(port.name);
    if (!port.kernel_path || taken == interfaces.end() || !complaints.readable(path)) continue;
    complaints.add({.setting = path,
                    .value = in_quotes(port.name),
                    .problem = "is also the interface that " + taken->second + " uses" +
                               written_at(config, taken->second),
                    .allowed = "a name that no interface has: kernel_path makes one of this name",
                    .remedy = "Rename the port, or set its kernel_path = false."});
  }
}

/// Two ports on one network: which of them a neighbour is behind could not be told.
void check_networks(const Config& config, Complaints& complaints) {
  std::map<std::pair<IpAddress, std::uint8_t>, std::pair<std::size_t, std::string>> first;
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const std::string list = element("ports", i) + ".addresses";
    for (std::size_t k = 0; k < config.ports[i].addresses.size(); ++k) {
      const std::string path = element(list, k);
      const IpPrefix& prefix = config.ports[i].addresses[k];
      if (!complaints.readable(path) || prefix.is_host()) continue;
      const IpPrefix net = prefix.network();
      const auto [found, added] =
          first.emplace(std::pair{net.address, net.length}, std::pair{i, path});
      if (added || found->second.first == i) continue;
      complaints.add(
          {.setting = path,
           .value = in_quotes(to_string(prefix)),
           .problem = fmt::format("is in the same network, {}, as {}{}", to_string(net),
                                  found->second.second, written_at(config, found->second.second)),
           .allowed = "each network on one port",
           .remedy = "Give the ports different networks, or use one port for both sides."});
    }
  }
}

void check_gateways(const Config& config, const Reach& reach, std::size_t index,
                    Complaints& complaints) {
  const Port& port = config.ports[index];
  const std::string port_path = element("ports", index);
  for (std::size_t k = 0; k < port.gateways.size(); ++k) {
    const std::string path = element(port_path + ".gateways", k);
    if (!complaints.readable(path) || !complaints.readable(port_path + ".addresses")) continue;
    if (on_link(port, port.gateways[k]) || reach.has_neighbour(index, port.gateways[k])) continue;
    std::string networks;
    for (const IpPrefix& prefix : port.addresses) {
      networks += (networks.empty() ? "an address in " : ", ") + to_string(prefix.network());
    }
    complaints.add({.setting = path,
                    .value = in_quotes(to_string(port.gateways[k])),
                    .problem = "is in no network of this port",
                    .allowed = networks.empty() ? "none, the port has no addresses" : networks,
                    .remedy = "Correct it, or add an address of its network to the port's "
                              "addresses."});
  }
}

/// RFC 8200, 5: every link that carries IPv6 takes packets of 1,280 bytes.
void check_ipv6_mtu(const Config& config, std::size_t index, Complaints& complaints) {
  constexpr int least = 1280;
  const Port& port = config.ports[index];
  const std::string path = element("ports", index) + ".mtu";
  const bool ipv6 = carries_ipv6(port.addresses, port.gateways);
  if (!ipv6 || port.mtu >= least || !complaints.readable(path)) return;
  complaints.add({.setting = path,
                  .value = std::to_string(port.mtu),
                  .problem = "is too small for IPv6, which the port's addresses or gateways have",
                  .allowed = fmt::format("at least {} with an IPv6 address", least),
                  .remedy = "Raise it, or remove the port's IPv6 addresses."});
}

void check_neighbours(const Config& config, Complaints& complaints) {
  std::vector<std::string> names;
  bool all_known = complaints.readable("ports");
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    names.push_back(config.ports[i].name);
    all_known = all_known && complaints.readable(element("ports", i) + ".name");
  }
  // A link-local address is another host on each port.
  std::map<std::pair<std::string, IpAddress>, std::string> first;
  for (std::size_t i = 0; i < config.neighbours.size(); ++i) {
    const Neighbour& neighbour = config.neighbours[i];
    const std::string path = element("neighbours", i);
    const bool known = std::find(names.begin(), names.end(), neighbour.port) != names.end();
    if (!known && all_known && complaints.readable(path + ".port")) {
      complaints.add({.setting = path + ".port",
                      .value = in_quotes(neighbour.port),
                      .problem = "is no port of this configuration",
                      .allowed = "the name of one of the ports",
                      .remedy = "Correct it." + did_you_mean(neighbour.port, names)});
    }
    if (!complaints.readable(path + ".address")) continue;
    const auto [found, added] = first.emplace(
        std::pair{is_link_local(neighbour.address) ? neighbour.port : "", neighbour.address}, path);
    if (added) continue;
    complaints.add({.setting = path + ".address",
                    .value = in_quotes(to_string(neighbour.address)),
                    .problem = "is named twice: " + found->second +
                               written_at(config, found->second) + " has it too",
                    .allowed = "one MAC address for each neighbour",
                    .remedy = "Remove one of them."});
  }
}

}  // namespace

void check_ports(const Config& config, Complaints& complaints) {
  if (complaints.readable("ports") &&
      (config.ports.empty() || config.ports.size() > dataplane::ports_max)) {
    complaints.add(
        {.setting = "ports",
         .value = fmt::format("{} ports", config.ports.size()),
         .problem = config.ports.empty() ? "are too few to do anything" : "are too many",
         .allowed = fmt::format("1 to {}", dataplane::ports_max),
         .remedy = config.ports.empty() ? "Add a port." : "Spread them over several instances."});
  }
  const Reach reach{config};
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const std::string path = element("ports", i);
    check_port_name(config.ports[i], path + ".name", complaints);
    check_device(config, config.ports[i], path + ".device", complaints);
    check_gateways(config, reach, i, complaints);
    check_ipv6_mtu(config, i, complaints);
  }
  check_unique_names(config, config.ports, "ports", complaints);
  check_unique_devices(config, complaints);
  check_networks(config, complaints);
  check_neighbours(config, complaints);
}

}  // namespace config
