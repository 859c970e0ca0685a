// What must hold for addresses: each can belong to a host, and none belongs to two.
#include <fmt/format.h>

#include <map>

#include "config/checks.h"
#include "config/reach.h"

namespace config {
namespace {

using dataplane::IpAddress;
using dataplane::IpPrefix;

enum class Role : std::uint8_t { PortAddress, Gateway, Local, Neighbour, Listener, Target };

std::string_view name_of(Role role) {
  switch (role) {
    case Role::PortAddress: return "a port's own address";
    case Role::Gateway: return "a gateway";
    case Role::Local: return "a local address of full_nat";
    case Role::Neighbour: return "a neighbour";
    case Role::Listener: return "a listener's address";
    case Role::Target: return "a target's address";
  }
  return "";
}

bool is_ours(Role role) {
  return role == Role::PortAddress || role == Role::Local || role == Role::Listener;
}

/// What is ours is not somebody else's; a local address is nothing but that: by the destination
/// alone it is told that a packet is a reply, and which worker's. A listener may have a port's own
/// address.
bool clash(Role a, Role b) {
  if (is_ours(a) != is_ours(b)) return true;
  if (a == Role::Local || b == Role::Local) return true;
  return (a == b && (a == Role::PortAddress || a == Role::Gateway));
}

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.v4().bits.value() >> 24 == 127;
  return to_string(address) == "::1";
}

class AddressCheck {
 public:
  AddressCheck(const Config& config, Complaints& complaints)
      : config_(config), complaints_(complaints) {
    for (const Port& port : config.ports) {
      networks_.insert(networks_.end(), port.addresses.begin(), port.addresses.end());
    }
  }

  void add(const IpAddress& address, Role role, const std::string& path) {
    if (!complaints_.readable(path)) return;
    if (!usable(address, role, path) || is_link_local(address)) return;
    std::map<Role, std::string>& uses = uses_[address];
    for (const auto& [other, where] : uses) {
      if (!clash(other, role)) continue;
      complaints_.add(
          {.setting = path,
           .value = in_quotes(to_string(address)),
           .problem = fmt::format("is {} already: {}{}", name_of(other), where,
                                  written_at(config_, where)),
           .allowed = fmt::format("as {}, an address without another purpose", name_of(role)),
           .remedy = "Choose another address for one of them."});
      break;
    }
    uses.emplace(role, path);
  }

 private:
  bool usable(const IpAddress& address, Role role, const std::string& path) {
    std::string problem;
    if (!address.may_be_source()) {
      problem = address.is_multicast() ? "is a multicast address"
                : is_loopback(address) ? "is a loopback address"
                                       : "is no host's address";
    } else if (is_link_local(address) && role != Role::Gateway && role != Role::Neighbour) {
      problem = "is a link-local address, which says nothing about the link";
    }
    for (const IpPrefix& prefix : networks_) {
      // In IPv6 there is no broadcast, and the network's own address is its routers' (RFC 4291,
      // 2.6.1).
      if (!problem.empty() || prefix.length + 1 >= address.width()) continue;
      if (!prefix.contains(address)) continue;
      if (address == prefix.network().address) {
        problem = "is the network's address, not a host's, in ";
      } else if (address.is_v4() && address == prefix.last()) {
        problem = "is the broadcast address of ";
      }
      if (!problem.empty()) problem += to_string(prefix.network());
    }
    if (problem.empty()) return true;
    complaints_.add({.setting = path,
                     .value = in_quotes(to_string(address)),
                     .problem = problem,
                     .allowed = address.is_v4()
                                    ? "the address of one host, from 1.0.0.0 to 223.255.255.255, "
                                      "not 127.x.x.x"
                                    : "the global or unique local address of one host",
                     .remedy = "Correct the address."});
    return false;
  }

  const Config& config_;
  Complaints& complaints_;
  std::vector<IpPrefix> networks_;
  std::map<IpAddress, std::map<Role, std::string>> uses_;  // path of the first for each role
};

void add_port(AddressCheck& check, const Port& port, const std::string& path) {
  for (std::size_t k = 0; k < port.addresses.size(); ++k) {
    check.add(port.addresses[k].address, Role::PortAddress, element(path + ".addresses", k));
  }
  for (std::size_t k = 0; k < port.gateways.size(); ++k) {
    check.add(port.gateways[k], Role::Gateway, element(path + ".gateways", k));
  }
  for (std::size_t k = 0; k < port.local_addresses.size(); ++k) {
    check.add(port.local_addresses[k], Role::Local, element(path + ".local_addresses", k));
  }
}

}  // namespace

void check_addresses(const Config& config, Complaints& complaints) {
  AddressCheck check{config, complaints};
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    add_port(check, config.ports[i], element("ports", i));
  }
  for (std::size_t i = 0; i < config.neighbours.size(); ++i) {
    check.add(config.neighbours[i].address, Role::Neighbour, element("neighbours", i) + ".address");
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    check.add(config.listeners[i].address, Role::Listener, element("listeners", i) + ".address");
  }
  for (std::size_t g = 0; g < config.target_groups.size(); ++g) {
    const std::string list = element("target_groups", g) + ".targets";
    for (std::size_t t = 0; t < config.target_groups[g].targets.size(); ++t) {
      check.add(config.target_groups[g].targets[t].address, Role::Target,
                element(list, t) + ".address");
    }
  }
}

}  // namespace config
