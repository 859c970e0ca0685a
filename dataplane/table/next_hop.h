// NextHop: everything needed to put an IP packet on a wire: the port and the ready-made bytes that
// go in front of the IP header (destination MAC, source MAC, optional VLAN tag, EtherType).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/packet/headers.h"
#include "dataplane/table/ids.h"

namespace dataplane {

struct NextHop {
  std::array<std::uint8_t, 18> header{};
  std::uint8_t header_size = 0;  // 14, or 18 with a VLAN tag; 0: not resolved
  PortId port;
  std::uint16_t mtu = 1500;  // largest IP packet that fits

  friend bool operator==(const NextHop&, const NextHop&) = default;
  [[nodiscard]] bool resolved() const { return header_size != 0; }
};

[[nodiscard]] constexpr Be16 ether_type_of(Family family) {
  return family == Family::V4 ? ether_type::ipv4 : ether_type::ipv6;
}

/// The next hop with MAC `destination` behind `port`, for packets of one family. `vlan` 0: no tag.
[[nodiscard]] inline NextHop next_hop(PortId port, const MacAddress& destination,
                                      const MacAddress& source, std::uint16_t vlan,
                                      std::uint16_t mtu, Family family) {
  NextHop hop{.header_size = 14, .port = port, .mtu = mtu};
  EthernetHeader ethernet{destination, source, ether_type_of(family)};
  if (vlan != 0) {
    ethernet.type = ether_type::vlan;
    const VlanTag tag{Be16{vlan}, ether_type_of(family)};
    std::memcpy(hop.header.data() + sizeof ethernet, &tag, sizeof tag);
    hop.header_size = 18;
  }
  std::memcpy(hop.header.data(), &ethernet, sizeof ethernet);
  return hop;
}

}  // namespace dataplane
