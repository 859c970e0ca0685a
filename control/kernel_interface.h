// KernelInterface: a port's TAP twin as the kernel's network interface: its addresses, MTU, routes.
//
// Called by neighbours on the control thread. Changes nothing but this interface and host routes
// over it; all of that goes away with the interface. Errors are std::runtime_error with a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/netlink.h"
#include "dataplane/packet/address.h"

namespace control {

/// What a twin shall be.
struct Twin {
  std::string interface;  // its name
  std::vector<dataplane::IpPrefix> addresses;
  std::vector<dataplane::IpAddress> gateways;
  std::uint16_t mtu = 1500;
};

/// A way to a host that is not on the link.
struct HostRoute {
  dataplane::IpAddress gateway;
  int interface = 0;  // index
  friend bool operator==(const HostRoute&, const HostRoute&) = default;
};

/// Our routes: recognisable (`ip route show proto 83`), and behind any that the operator made for
/// the same host.
inline constexpr std::uint8_t route_protocol = 83;
inline constexpr std::uint32_t route_metric = 100;

/// Sets the interface up as `twin` says, with IPv6 off (its router solicitations and the like would
/// go out on the wire) and ARP answered for its own addresses only. Returns its index.
[[nodiscard]] int configure(Netlink& netlink, const Twin& twin);

/// 0, or the errno of the kernel's refusal.
[[nodiscard]] int add_route(Netlink& netlink, const dataplane::IpAddress& host,
                            const HostRoute& route);
[[nodiscard]] int remove_route(Netlink& netlink, const dataplane::IpAddress& host,
                               const HostRoute& route);

}  // namespace control
