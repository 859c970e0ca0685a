// Target: one address and port that flows are sent to, as one target group's member.
#pragma once

#include <cstdint>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/next_hop.h"

namespace dataplane {

/// One cache line: a packet of an established flow looks at all of it.
struct alignas(64) Target {
  TargetId id;
  TargetGroupId target_group;
  IpAddress address;
  Be16 port;                 // 0: flows keep the port that the client asked for
  std::uint32_t weight = 1;  // in hundredths, as it counts now: slow start and the like are in it
  /// New flows may be sent here (health, draining and fail-open are already decided: see compile).
  bool eligible = false;
  /// Packets of its flows are answered with RST, datagrams begin a flow to another target: it is
  /// unhealthy, or its draining is over, and connection_termination is on for that.
  bool terminated = false;
  /// … those of UDP alone: its connections go on.
  bool only_udp = false;
  /// … and its flows are ended, whether or not another packet comes (path/end_flows). Those of one
  /// that is only terminated are ended once either end has been told.
  bool ending = false;
  /// Packets may come and go without a flow (Overload::Forward): whatever its address and port send
  /// is for a client of the group's one listener.
  bool stateless = false;
  /// Its group has both protocols: packets of UDP are counted once more, apart.
  bool tcp_udp = false;
  NextHop next_hop;

  [[nodiscard]] bool terminates(Protocol protocol) const {
    return terminated && (!only_udp || protocol == Protocol::Udp);
  }
  [[nodiscard]] bool keeps_ports() const { return port == Be16{0}; }
  /// Where a flow goes that the client sends to `asked`.
  [[nodiscard]] Be16 port_for(Be16 asked) const { return keeps_ports() ? asked : port; }
};
static_assert(sizeof(Target) == 64);

}  // namespace dataplane
