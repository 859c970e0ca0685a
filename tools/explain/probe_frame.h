// ProbeFrame: a packet as a client would send it, whole and with right checksums.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/packet/headers.h"
#include "dataplane/table/snapshot.h"

namespace explain {

struct ProbeFrame {
  dataplane::Protocol protocol = dataplane::Protocol::Tcp;
  dataplane::AddressAndPort from, to;  // of one family
  std::uint8_t tcp_flags = dataplane::TcpHeader::syn;
};

/// The frame as it arrives at `port`: for its MAC address, with its VLAN tag, TTL 64.
[[nodiscard]] std::vector<std::uint8_t> bytes_of(const ProbeFrame& probe,
                                                 const dataplane::Port& port);

}  // namespace explain
