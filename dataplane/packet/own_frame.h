// OwnFrame: a small packet that answers none: the path writes it, an Io puts it on a wire.
//
// Not in a buffer of the NIC's, since there is no packet that it could be made of; it is copied
// into one when it is sent. Large enough for a TCP header without options over IPv6 behind a VLAN
// tag.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packet/packet.h"

namespace dataplane {

struct OwnFrame {
  static constexpr std::size_t bytes_max = 14 + 4 + 40 + 20;

  std::array<std::uint8_t, bytes_max> bytes;
  std::uint16_t length = 0;
  PortId egress;
};

}  // namespace dataplane
