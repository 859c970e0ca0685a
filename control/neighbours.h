// Neighbours: sets up the ports' TAP twins and keeps the next hops' MAC addresses known.
//
// Next hops (on-link targets, gateways) are asked for before a packet needs them and confirmed as
// soon as the kernel calls them stale, so forwarding never waits for ARP. A MAC address stays until
// the kernel has asked in vain. Runs on the control thread, netlink in, facts for compile() out.
// Hosts behind a gateway get a route over the twin, so that health checks take the way the packets
// take.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "config/facts.h"
#include "control/kernel_interface.h"
#include "control/neighbour_table.h"
#include "control/netlink.h"

namespace control {

class Neighbours {
 public:
  using OnChange = std::function<void()>;
  static constexpr std::chrono::seconds tick{1};
  /// Unanswered hosts are asked for again every tick, so many of them.
  static constexpr std::size_t probes_per_tick = 1'024;

  /// `twins` by PortId; nullopt: that port has no kernel path. Configures their interfaces, which
  /// must exist, and starts to resolve the gateways. `on_change`: facts() has changed since it was
  /// called last; comes out of the io context, never out of a call to this. Throws
  /// std::runtime_error with a sentence. Must not be destroyed while `io` still runs.
  Neighbours(boost::asio::io_context& io, std::vector<std::optional<Twin>> twins,
             OnChange on_change);
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  /// All targets that packets or health checks go to; anything else that shall be resolved may be
  /// added. Replaces what was wanted before, starts to resolve what is new.
  void want(const std::vector<dataplane::IpAddress>& hosts);
  /// What is known of the wanted next hops, for compile().
  [[nodiscard]] std::vector<config::NeighbourFact> facts() const { return table_.facts(); }

 private:
  struct Interface {
    Twin twin;
    int index = 0;
    bool up = true;
  };

  void wait_for_events();
  void wait_for_tick();
  void read_events();
  void take(const nlmsghdr& message);
  void take_neighbour(const nlmsghdr& message);
  void take_link(const nlmsghdr& message);
  void dump();
  void probe();
  void sync_routes();
  void announce_change();
  [[nodiscard]] std::optional<dataplane::PortId> port_of(int index) const;

  Netlink netlink_;
  std::vector<std::optional<Interface>> interfaces_;  // by PortId
  NeighbourTable table_;
  std::map<dataplane::IpAddress, HostRoute> routes_;  // that we have made
  OnChange on_change_;
  bool changed_ = false;    // on_change_ is on its way
  bool full_told_ = false;  // the kernel's table is full, and we have said so
  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer timer_;
};

}  // namespace control
