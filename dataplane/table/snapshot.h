// Snapshot: one immutable generation of everything that decides what packets do.
//
// Built by config::compile() on the control thread, published by one pointer (publication.h), read
// by all workers, freed when every worker has left it. Only bounded look-ups in here; nothing is
// written.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/packet/frame_pattern.h"
#include "dataplane/table/fixed_table.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/listener.h"
#include "dataplane/table/next_hop.h"
#include "dataplane/table/rss.h"
#include "dataplane/table/target.h"
#include "dataplane/table/target_group.h"

namespace dataplane {

/// How packets that a port receives reach the worker that owns their flow.
enum class Steering : std::uint8_t {
  HandOff,  // whoever receives one computes its owner and hands it over
  Rss,      // the NIC puts them on their owner's queue, but for odd ones
};

/// What the path must know of a port.
struct Port {
  PortId id;
  MacAddress mac;
  std::uint16_t vlan = 0;  // 0: untagged frames; else frames carry this 802.1Q tag both ways
  std::uint16_t mtu = 1500;
  bool kernel_path = false;  // a TAP twin exists: what is the port's own goes there
  Steering steering = Steering::HandOff;
  FramePattern usual4{};  // of mac and vlan, by usual_frame()
  FramePattern usual6{};

  template <class Address>
  [[nodiscard]] const FramePattern& usual() const {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return usual4;
    } else {
      return usual6;
    }
  }
};

/// Who an address belongs to.
enum class Owner : std::uint8_t {
  Nobody,
  Listener,  // a listener's: ARP, echo and flows are ours
  Local,     // full_nat's source: ARP, echo and replies of targets are ours
  Port,  // the port's own: the kernel's, where there is a kernel path; else ARP and echo are ours
};

/// Where packets to an address that is neither ours nor a target's go: clients, after a restart.
struct Route {
  IpPrefix prefix;
  PortId port;
  bool on_link = false;  // the destination itself is the neighbour
  NextHop gateway;       // else this one
};

/// Idle times of flows that are not established; listeners have their own for those that are.
struct FlowTimeouts {
  std::uint32_t half_open_milliseconds = 30'000;     // SYN, or SYN and SYN-ACK, seen
  std::uint32_t half_closed_milliseconds = 120'000;  // FIN seen from one side
  std::uint32_t closing_milliseconds = 10'000;       // FIN seen from both sides
  std::uint32_t reset_milliseconds = 2'000;          // RST seen
};

[[nodiscard]] constexpr WorkerId worker_of_local_port(Be16 port, std::uint8_t workers) {
  return WorkerId{static_cast<std::uint8_t>(port.value() % workers)};
}

/// full_nat's source addresses and the ports used on each.
struct LocalAddresses {
  // As routed by port: see compile.
  std::vector<Ipv4Address> v4;
  std::vector<Ipv6Address> v6;
  std::uint16_t port_first = 1024;
  std::uint16_t port_last = 65'535;
  std::uint8_t workers = 1;
  std::shared_ptr<const Rss> rss{};  // of the port that replies come by; null: local ports in turn

  template <class Address>
  [[nodiscard]] const std::vector<Address>& of() const {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return v4;
    } else {
      return v6;
    }
  }
  /// The worker that owns the flow of a target's reply.
  template <class Key>
  [[nodiscard]] WorkerId worker(const Key& key) const {
    return rss != nullptr ? rss->worker(key) : worker_of_local_port(key.destination_port, workers);
  }
};

/// A part of one address's ports that one listener has, where it has more than one.
struct PortSegment {
  PortRange ports;
  ListenerId listener;
};
/// Those of one address and protocol: places in Snapshot::segments.
struct Segments {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct Snapshot {
  Generation generation;
  std::uint8_t workers = 1;
  std::vector<Port> ports;                 // by PortId
  std::vector<Listener> listeners;         // by ListenerId slot; an unused slot has id no_listener
  std::vector<TargetGroup> target_groups;  // by TargetGroupId slot; unused: id.slot 0xffff
  std::vector<Target> targets;             // by TargetId slot; unused: id no_target
  std::vector<TargetId> terminated;        // those that are
  std::vector<std::uint32_t> limits;  // max_connections by TargetId slot, 0: none; empty: of nobody
  std::vector<TargetId> limited;      // those that have a limit, or whose group has
  std::vector<TargetGroupId> queueing;           // those that have a surge queue
  FixedTable<Endpoint, ListenerId> listener_at;  // of one port; for any, ask listener_for()
  FixedTable<Endpoint, Segments> segments_at;    // of ranges; the key's port is 0
  std::vector<PortSegment> segments;  // of one address and protocol: ascending, none overlap
  // Targets of nat groups, to pick up their replies; those that keep ports, by port 0, in a table
  // of their own. Ask nat_target_for().
  FixedTable<Endpoint, TargetId> nat_target_at;
  FixedTable<Endpoint, TargetId> keeping_target_at;
  // Every address that is ours, and whose. One that is several things is the port's before it is a
  // listener's before it is a local one: so ask for flows and listener_at first
  // (config/compile.cpp).
  FixedTable<IpAddress, Owner> owners;
  // Listener addresses of which each listener has security groups: whom they let ping it.
  FixedTable<IpAddress, std::shared_ptr<const AccessList>> pingers;
  FixedTable<IpAddress, NextHop> neighbours;  // on-link hosts whose MAC is known
  std::vector<Route> routes;                  // longest prefix first
  std::vector<LocalAddresses> locals;  // by PortId: full_nat sources towards targets behind it
  FlowTimeouts timeouts;
  std::uint32_t punts_per_second = 20'000;       // per worker
  std::uint32_t icmp_errors_per_second = 1'000;  // per worker; that we send ourselves
  std::uint32_t new_flows_per_second = 0;        // per worker; 0: no limit
  bool any_sticky = false;                       // some target group has stickiness
  bool any_tcp_udp = false;                      // some target is Target::tcp_udp
  std::uint32_t flow_log_sample = 0;             // of flows that end, in millionths; 0: none
  bool revalidates = false;                      // flows that no rule lets in any more are cut
  // The generation whose rules established flows are to be judged by (path/revalidate). 0: none.
  Generation judged_by;
  // Which worker owns what clients send: by tuple, or by the client alone (path/steer). Null: by a
  // keyed hash. Not the same in the next process, but in all snapshots of this one.
  std::shared_ptr<const Rss> client_rss;

  [[nodiscard]] Owner owner_of(const IpAddress& address) const {
    const Owner* found = owners.find(address);
    return found == nullptr ? Owner::Nobody : *found;
  }
  /// The listener that packets to an endpoint are for, or nullptr: one of that very port comes
  /// before one of a range.
  [[nodiscard]] const ListenerId* listener_for(const Endpoint& to) const {
    const ListenerId* found = listener_at.find(to);
    if (found != nullptr || segments.empty()) return found;
    return listener_of_range(to);
  }
  /// The nat target that sends from an endpoint, or nullptr. One that keeps ports sends from those
  /// that its group's listeners have.
  [[nodiscard]] const TargetId* nat_target_for(const Endpoint& from) const {
    const TargetId* found = nat_target_at.find(from);
    if (found != nullptr || keeping_target_at.size() == 0) return found;
    return keeping_target_for(from);
  }
  // By value: by reference, the endpoint would have to lie in memory for every look-up, where an
  // IPv4 address is put together byte by byte and then read as words.
  [[nodiscard]] const ListenerId* listener_of_range(Endpoint to) const;
  [[nodiscard]] const TargetId* keeping_target_for(Endpoint from) const;
  /// Those that a local address is one of.
  [[nodiscard]] const LocalAddresses& locals_of(const IpAddress& local) const;
  /// The target with that id, or nullptr if it is gone.
  [[nodiscard]] const Target* target(TargetId id) const {
    if (id.slot >= targets.size() || targets[id.slot].id != id) return nullptr;
    return &targets[id.slot];
  }
  /// max_connections of a target of this snapshot; 0: no limit.
  [[nodiscard]] std::uint32_t limit_of(TargetId id) const {
    return id.slot < limits.size() ? limits[id.slot] : 0;
  }
  [[nodiscard]] const Listener* listener(ListenerId id) const {
    if (id.slot >= listeners.size() || listeners[id.slot].id != id) return nullptr;
    return &listeners[id.slot];
  }
  [[nodiscard]] const TargetGroup* target_group(TargetGroupId id) const {
    if (id.slot >= target_groups.size() || target_groups[id.slot].id != id) return nullptr;
    return &target_groups[id.slot];
  }
  /// The next hop towards an address, by route; unresolved if there is none or its MAC is not
  /// known.
  [[nodiscard]] NextHop next_hop_to(const IpAddress& address) const;
};

}  // namespace dataplane
