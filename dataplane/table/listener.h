// Listener: an address, protocol and port that clients connect to, and where their flows go.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/packet/address.h"
#include "dataplane/table/access_list.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct Listener {
  static constexpr std::uint32_t idle_milliseconds_default = 350'000;

  ListenerId id;
  std::uint16_t incarnation = 0;  // of the slot, as in TargetId
  IpAddress address;
  Be16 port;
  Protocol protocol = Protocol::Tcp;
  TargetGroupId target_group;
  /// An established flow without a packet for so long ends.
  std::uint32_t idle_milliseconds = idle_milliseconds_default;
  /// What its security groups let in, by client and the listener's port, and out, by target and its
  /// port. Null: everything, no security group is attached.
  std::shared_ptr<const AccessList> inbound{};
  std::shared_ptr<const AccessList> outbound{};
};

}  // namespace dataplane
