// What must hold so that packets can leave: a port that leads to each target, and a way to learn
// the MAC address of what is on its wire.
#include <fmt/format.h>

#include <algorithm>

#include "config/checks.h"
#include "config/reach.h"

namespace config {
namespace {

using dataplane::IpAddress;

/// Where the ports themselves could not be read, what is reachable cannot be judged.
bool ports_readable(const Config& config, const Complaints& complaints) {
  if (!complaints.readable("ports") || !complaints.readable("neighbours")) return false;
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const std::string path = element("ports", i);
    for (const char* key : {".addresses", ".gateways", ".name", ".kernel_path"}) {
      if (!complaints.readable(path + key)) return false;
    }
    for (std::size_t k = 0; k < config.ports[i].addresses.size(); ++k) {
      if (!complaints.readable(element(path + ".addresses", k))) return false;
    }
  }
  for (std::size_t i = 0; i < config.neighbours.size(); ++i) {
    const std::string path = element("neighbours", i);
    if (!complaints.readable(path + ".port") || !complaints.readable(path + ".address")) {
      return false;
    }
  }
  return true;
}

class ReachCheck {
 public:
  ReachCheck(const Config& config, Complaints& complaints)
      : config_(config), complaints_(complaints), reach_(config) {}

  void check_gateways(std::size_t port) {
    const std::string list = element("ports", port) + ".gateways";
    for (std::size_t k = 0; k < config_.ports[port].gateways.size(); ++k) {
      const std::string path = element(list, k);
      if (complaints_.readable(path)) {
        check_resolvable(port, config_.ports[port].gateways[k], path);
      }
    }
  }

  void check_targets(std::size_t index) {
    const TargetGroup& group = config_.target_groups[index];
    const std::string list = element("target_groups", index) + ".targets";
    for (std::size_t t = 0; t < group.targets.size(); ++t) {
      const std::string path = element(list, t) + ".address";
      const IpAddress& address = group.targets[t].address;
      if (!complaints_.readable(path) || !address.may_be_source()) continue;  // said already
      check_target(group, address, path);
    }
  }

 private:
  void check_target(const TargetGroup& group, const IpAddress& address, const std::string& path) {
    const auto port = reach_.port_towards(address);
    if (!port) {
      complaints_.add({.setting = path,
                       .value = in_quotes(to_string(address)),
                       .problem = address.is_v4()
                                      ? "is in no port's network, and no port has a gateway"
                                      : "is in no port's network, and no port has an IPv6 "
                                        "gateway",
                       .allowed = "an address that a port leads to",
                       .remedy = "Correct it, or add addresses or gateways to a port."});
      return;
    }
    if (on_link(config_.ports[*port], address)) check_resolvable(*port, address, path);
    const std::string locals = element("ports", *port) + ".local_addresses";
    if (group.mode != dataplane::Mode::FullNat || !complaints_.readable(locals)) return;
    const std::vector<IpAddress>& own = config_.ports[*port].local_addresses;
    const bool has_one = std::any_of(own.begin(), own.end(), [&](const IpAddress& local) {
      return local.family() == address.family();
    });
    if (!has_one) {
      complaints_.add({.setting = path,
                       .value = in_quotes(to_string(address)),
                       .problem = fmt::format("is behind port {}{}, which has no {}"
                                              "local_addresses, but mode full_nat needs one",
                                              in_quotes(config_.ports[*port].name),
                                              written_at(config_, element("ports", *port)),
                                              address.is_v4() ? "" : "IPv6 "),
                       .allowed = "targets behind ports with local_addresses",
                       .remedy =
                           "Give the port local_addresses = [\"…\"], which nothing else uses, "
                           "or set the target group's mode = \"nat\"."});
    }
  }

  /// Without a kernel path nobody asks for MAC addresses.
  void check_resolvable(std::size_t port, const IpAddress& address, const std::string& path) {
    const std::string name = in_quotes(config_.ports[port].name);
    if (config_.ports[port].kernel_path || reach_.has_neighbour(port, address)) return;
    complaints_.add({.setting = path,
                     .value = in_quotes(to_string(address)),
                     .problem = fmt::format("is behind port {}, which has no kernel path to "
                                            "learn MAC addresses by",
                                            name),
                     .allowed = "an address that neighbours gives a MAC address",
                     .remedy = fmt::format("Add {{ port = {}; address = \"{}\"; mac = \"…\"; }} "
                                           "to neighbours, or set the port's kernel_path = true.",
                                           name, to_string(address))});
  }

  const Config& config_;
  Complaints& complaints_;
  Reach reach_;
};

}  // namespace

void check_reachable(const Config& config, Complaints& complaints) {
  if (!ports_readable(config, complaints) || config.ports.empty()) return;
  ReachCheck check{config, complaints};
  for (std::size_t i = 0; i < config.ports.size(); ++i) check.check_gateways(i);
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) check.check_targets(i);
}

}  // namespace config
