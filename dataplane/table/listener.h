// Listener: an address, protocols and ports that clients connect to, and where their flows go.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/table/access_list.h"
#include "dataplane/table/group_share.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct Listener {
  ListenerId id;
  std::uint16_t incarnation = 0;  // of the slot, as in TargetId
  IpAddress address;
  PortRange ports;
  Protocols protocol;
  TargetGroupId target_group;  // of all its flows, unless there are shares
  /// By source, and not by the whole flow: where one of the groups keeps a client at one target.
  bool shares_by_source = false;
  std::vector<GroupShare> shares;  // of several target groups; else empty
  /// An established flow without a packet for so long ends.
  std::uint32_t idle_milliseconds = 350'000;
  std::uint32_t udp_idle_milliseconds = 120'000;
  /// What its security groups let in, by client and the listener's port, and out, by target and its
  /// port. Null: everything, no security group is attached.
  std::shared_ptr<const AccessList> inbound{};
  std::shared_ptr<const AccessList> outbound{};

  [[nodiscard]] bool is_range() const { return ports.first != ports.last; }

  /// The group that a new flow goes to: the same for all its packets, on every worker and machine,
  /// after a restart, and as good as possible after a change of weights.
  template <class Address>
  [[nodiscard]] TargetGroupId group_of(const FlowKey<Address>& to_target) const {
    return shares.empty() ? target_group : group_by_share(to_target);
  }
  /// Of a listener with shares; apart, so that match, which asks for every new flow, stays small.
  template <class Address>
  [[nodiscard]] TargetGroupId group_by_share(const FlowKey<Address>& to_target) const;
};

}  // namespace dataplane
