// Listener: an address, protocol and port that clients connect to, and where their flows go.
#pragma once

#include <cstdint>

#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct Listener {
  ListenerId id;
  std::uint16_t incarnation = 0;  // of the slot, as in TargetId
  IpAddress address;
  Be16 port;
  Protocol protocol = Protocol::Tcp;
  TargetGroupId target_group;
  /// An established flow without a packet for so long ends.
  std::uint32_t idle_milliseconds = 350'000;
};

}  // namespace dataplane
