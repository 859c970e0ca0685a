#include "control/kernel_interface.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "config/config.h"

namespace control {
namespace {

using dataplane::IpAddress;
using dataplane::IpPrefix;

[[noreturn]] void fail(const Twin& twin, std::string_view what, int reason) {
  const std::string_view remedy =
      reason == EPERM || reason == EACCES
          ? "the kernel path needs CAP_NET_ADMIN and, for IPv6 addresses, IPv6 not to be "
            "disabled (net.ipv6.conf.*.disable_ipv6): run as root, or set kernel_path = false"
          : "see `ip address` for what is there already";
  throw std::runtime_error(fmt::format("interface {}: cannot {}: {}; {}", twin.interface, what,
                                       std::strerror(reason), remedy));
}

/// Writes /proc/sys/net/<table>/NAME/<key>. Where that cannot be done (IPv6 not built in, a
/// container's read-only /proc/sys) the twin still works; it is only noisier.
void set(const Twin& twin, std::string_view table, std::string_view key, std::string_view value) {
  const std::string path = fmt::format("/proc/sys/net/{}/{}/{}", table, twin.interface, key);
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return;
  const bool done =
      file >= 0 && write(file, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  if (!done) spdlog::warn("cannot set {} to {}: {}", path, value, std::strerror(errno));
  if (file >= 0) close(file);
}

/// Only for ports that have IPv6 addresses: else the kernel would send there what nobody asked for.
void set_ipv6(const Twin& twin) {
  const bool wanted = config::carries_ipv6(twin.addresses, twin.gateways);
  set(twin, "ipv6/conf", "disable_ipv6", wanted ? "0" : "1");
  if (!wanted) return;
  set(twin, "ipv6/conf", "accept_ra", "0");  // addresses and gateways are the configuration's
  set(twin, "ipv6/conf", "accept_dad", "0");
  set(twin, "ipv6/conf", "keep_addr_on_down", "1");  // as IPv4's are
  set(twin, "ipv6/neigh", "mcast_resolicit", "3");   // as for IPv4, below
}

void set_link(Netlink& netlink, const Twin& twin, int index) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  auto& link = message.body<ifinfomsg>();
  link.ifi_family = AF_UNSPEC;
  link.ifi_index = index;
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  message.put(IFLA_MTU, std::uint32_t{twin.mtu});
  const int reason = netlink.request(message);
  if (reason != 0) fail(twin, fmt::format("set it up with MTU {}", twin.mtu), reason);
}

void add_address(Netlink& netlink, const Twin& twin, int index, const IpPrefix& prefix) {
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  auto& address = message.body<ifaddrmsg>();
  address.ifa_family = family_of(prefix.address);
  address.ifa_prefixlen = prefix.length;
  address.ifa_index = static_cast<std::uint32_t>(index);
  message.put(IFA_LOCAL, prefix.address);
  message.put(IFA_ADDRESS, prefix.address);
  if (!prefix.address.is_v4()) {
    // Usable at once: who else has it finds out from us, as with ARP.
    message.put(IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
  } else if (prefix.length < 31) {
    message.put(IFA_BROADCAST, prefix.last());
  }
  const int reason = netlink.request(message);
  if (reason != 0) fail(twin, fmt::format("give it {}", to_string(prefix)), reason);
}

int change_route(Netlink& netlink, std::uint16_t type, int flags, const IpAddress& host,
                 const HostRoute& route) {
  NetlinkMessage message(type, flags);
  auto& body = message.body<rtmsg>();
  body.rtm_family = family_of(host);
  body.rtm_dst_len = host.width();
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = route_protocol;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  message.put(RTA_DST, host);
  message.put(RTA_GATEWAY, route.gateway);
  message.put(RTA_OIF, static_cast<std::uint32_t>(route.interface));
  message.put(RTA_PRIORITY, route_metric);
  return netlink.request(message);
}

}  // namespace

int configure(Netlink& netlink, const Twin& twin) {
  const int index = static_cast<int>(if_nametoindex(twin.interface.c_str()));
  if (index == 0) {
    throw std::runtime_error(fmt::format(
        "interface {}: there is no such interface, so the port's kernel path was not made; see the "
        "messages before this one, or set kernel_path = false on the port",
        twin.interface));
  }
  set_ipv6(twin);
  set(twin, "ipv4/conf", "arp_ignore", "1");    // answer for its own addresses, not the machine's
  set(twin, "ipv4/conf", "arp_announce", "2");  // and ask with one of them
  set(twin, "ipv4/conf", "rp_filter", "2");     // clients may be routed back over another interface
  // A host that does not answer at its known MAC is asked for everywhere before it counts as lost:
  // one that moved to another MAC is followed without a gap.
  set(twin, "ipv4/neigh", "mcast_resolicit", "3");
  for (const IpPrefix& prefix : twin.addresses) add_address(netlink, twin, index, prefix);
  set_link(netlink, twin, index);
  return index;
}

int add_route(Netlink& netlink, const IpAddress& host, const HostRoute& route) {
  return change_route(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, host, route);
}

int remove_route(Netlink& netlink, const IpAddress& host, const HostRoute& route) {
  return change_route(netlink, RTM_DELROUTE, 0, host, route);
}

}  // namespace control
