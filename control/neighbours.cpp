#include "control/neighbours.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace control {
namespace {

using dataplane::IpAddress;
using dataplane::MacAddress;
using dataplane::PortId;

std::vector<PortNetwork> networks(const std::vector<std::optional<Twin>>& twins) {
  std::vector<PortNetwork> networks;
  for (const auto& twin : twins) {
    networks.push_back(twin ? PortNetwork{twin->addresses, twin->gateways} : PortNetwork{});
  }
  return networks;
}

template <class Value>
std::optional<Value> value_of(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(Value)) {
    return std::nullopt;
  }
  Value value;
  std::memcpy(static_cast<void*>(&value), mnl_attr_get_payload(attribute), sizeof value);
  return value;
}

/// An address of `family`; nullopt: none of ours.
std::optional<IpAddress> address_of(const nlattr* attribute, int family) {
  if (family == AF_INET) return value_of<dataplane::Ipv4Address>(attribute);
  if (family == AF_INET6) return value_of<dataplane::Ipv6Address>(attribute);
  return std::nullopt;
}

}  // namespace

Neighbours::Neighbours(boost::asio::io_context& io, std::vector<std::optional<Twin>> twins,
                       OnChange on_change)
    : netlink_(RTMGRP_NEIGH | RTMGRP_LINK),
      table_(networks(twins)),
      on_change_(std::move(on_change)),
      events_(io, fcntl(netlink_.events_descriptor(), F_DUPFD_CLOEXEC, 0)),  // each closes its own
      timer_(io) {
  for (auto& twin : twins) {
    if (!twin) {
      interfaces_.emplace_back();
      continue;
    }
    const int index = configure(netlink_, *twin);
    interfaces_.push_back(Interface{std::move(*twin), index, true});
  }
  // What configure() caused is no news: "not up yet" would look like "went down".
  while (netlink_.read_events([](const nlmsghdr&) {}) != Netlink::Events::AllRead) continue;
  dump();
  probe();
  wait_for_events();
  wait_for_tick();
}

void Neighbours::want(const std::vector<IpAddress>& hosts) {
  const NeighbourTable::Difference difference = table_.want(hosts);
  if (difference.lost) announce_change();
  if (difference.more) {
    dump();  // what the kernel knows already makes no event
    probe();
  }
  sync_routes();
}

std::optional<PortId> Neighbours::port_of(int index) const {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    if (interfaces_[i] && interfaces_[i]->index == index) {
      return PortId{static_cast<std::uint8_t>(i)};
    }
  }
  return std::nullopt;
}

// --- events ---

void Neighbours::wait_for_events() {
  events_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (!error) read_events();
                     });
}

void Neighbours::read_events() {
  const auto events = netlink_.read_events([this](const nlmsghdr& message) { take(message); });
  if (events == Netlink::Events::SomeLost) dump();
  sync_routes();
  if (events == Netlink::Events::AllRead) return wait_for_events();
  boost::asio::post(events_.get_executor(), [this] { read_events(); });
}

void Neighbours::take(const nlmsghdr& message) {
  const bool link = message.nlmsg_type == RTM_NEWLINK || message.nlmsg_type == RTM_DELLINK;
  const bool neighbour = message.nlmsg_type == RTM_NEWNEIGH || message.nlmsg_type == RTM_DELNEIGH;
  if (link) take_link(message);
  if (neighbour) take_neighbour(message);
}

void Neighbours::take_neighbour(const nlmsghdr& message) {
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(ndmsg)) return;
  const auto& body = *static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
  const auto port = port_of(body.ndm_ifindex);
  if (!port) return;
  const NetlinkAttributes found = attributes(message, sizeof(ndmsg));
  const auto address = address_of(found[NDA_DST], body.ndm_family);
  if (!address) return;
  NeighbourNews news{*port, *address, value_of<MacAddress>(found[NDA_LLADDR]), body.ndm_state};
  if (message.nlmsg_type == RTM_DELNEIGH) news.state = NUD_NONE;
  if (!table_.take(news)) return;
  announce_change();
  const std::string& interface = interfaces_[port->number]->twin.interface;
  if ((news.state & NUD_FAILED) != 0) {
    spdlog::warn("neighbour {} on {} does not answer any more", to_string(*address), interface);
  } else if (news.mac) {
    // The first answer of each is what everybody expects; later ones are news.
    spdlog::debug("neighbour {} on {} is {}", to_string(*address), interface, to_string(*news.mac));
  }
}

void Neighbours::take_link(const nlmsghdr& message) {
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(ifinfomsg)) return;
  const auto& body = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  const auto port = port_of(body.ifi_index);
  if (body.ifi_family != AF_UNSPEC || !port) return;
  Interface& interface = *interfaces_[port->number];
  const bool up = message.nlmsg_type == RTM_NEWLINK && (body.ifi_flags & IFF_UP) != 0;
  if (up == interface.up) return;
  interface.up = up;
  if (up) {
    spdlog::info("interface {} is up", interface.twin.interface);
  } else {
    spdlog::warn(
        "interface {} is {}: known neighbours stay, new ones cannot be resolved, and health checks "
        "over it fail",
        interface.twin.interface, message.nlmsg_type == RTM_DELLINK ? "gone" : "down");
  }
  // The kernel drops the routes over an interface that goes down.
  std::erase_if(routes_,
                [&](const auto& route) { return route.second.interface == interface.index; });
}

/// Learns what is known now; what is not there counts as forgotten.
void Neighbours::dump() {
  std::set<std::pair<PortId, IpAddress>> seen;
  const int reason = netlink_.dump(RTM_GETNEIGH, [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWNEIGH) return;
    take_neighbour(message);
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(ndmsg)) return;
    const auto& body = *static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
    const auto port = port_of(body.ndm_ifindex);
    const auto address = address_of(attributes(message, sizeof(ndmsg))[NDA_DST], body.ndm_family);
    if (port && address) seen.emplace(*port, *address);
  });
  if (reason != 0) {
    spdlog::warn("cannot list the kernel's neighbours: {}", std::strerror(reason));
    return;
  }
  table_.forget_all_but(seen);
}

// --- what we ask of the kernel ---

void Neighbours::wait_for_tick() {
  timer_.expires_after(tick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    probe();
    wait_for_tick();
  });
}

void Neighbours::probe() {
  for (const Inquiry& probe : table_.due(probes_per_tick)) {
    const Interface& interface = *interfaces_[probe.port.number];
    if (!interface.up) continue;
    // As `ip neigh change … nud probe` does: confirm now. Otherwise as `ip neigh … use` does.
    NetlinkMessage message(RTM_NEWNEIGH, probe.stale ? NLM_F_REPLACE : NLM_F_CREATE);
    auto& neighbour = message.body<ndmsg>();
    neighbour.ndm_family = family_of(probe.address);
    neighbour.ndm_ifindex = interface.index;
    if (probe.stale) {
      neighbour.ndm_state = NUD_PROBE;
    } else {
      neighbour.ndm_flags = NTF_USE;
    }
    message.put(NDA_DST, probe.address);
    netlink_.tell(message);
  }
  const bool full = netlink_.refusals() != 0;
  if (full && !full_told_) {
    spdlog::warn(
        "the kernel's neighbour table is full: some targets cannot be resolved; raise "
        "net.ipv4.neigh.default.gc_thresh3 (and gc_thresh2, and those of net.ipv6) above the "
        "number of targets");
  }
  full_told_ = full;
}

/// Makes the kernel's host routes those of the table.
void Neighbours::sync_routes() {
  std::map<IpAddress, HostRoute> wanted;
  for (const auto& [host, choice] : table_.routes()) {
    const Interface& interface = *interfaces_[choice.port.number];
    if (interface.up) wanted.emplace(host, HostRoute{choice.gateway, interface.index});
  }
  for (auto at = routes_.begin(); at != routes_.end();) {
    const bool stays = wanted.contains(at->first);
    if (!stays) static_cast<void>(remove_route(netlink_, at->first, at->second));
    at = stays ? std::next(at) : routes_.erase(at);
  }
  for (const auto& [host, route] : wanted) {
    const auto known = routes_.find(host);
    if (known != routes_.end() && known->second == route) continue;
    const int reason = add_route(netlink_, host, route);
    if (reason != 0) {
      spdlog::warn("cannot route {} over gateway {}: {}", to_string(host), to_string(route.gateway),
                   std::strerror(reason));
    }
    routes_.insert_or_assign(host, route);  // a refusal is not repeated at every event
  }
}

/// Many changes at once become one call.
void Neighbours::announce_change() {
  if (std::exchange(changed_, true)) return;
  boost::asio::post(events_.get_executor(), [this] {
    changed_ = false;
    on_change_();
  });
}

}  // namespace control
