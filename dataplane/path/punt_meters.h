// PuntMeters: how much each port may send up to the kernel. One bucket a port, so that a flood in
// front does not starve health checks at the back; ARP and neighbour
// discovery have their own, so that none starves next hops.
#pragma once

#include <array>

#include "dataplane/table/ids.h"
#include "dataplane/table/token_bucket.h"

namespace dataplane {

struct PuntMeters {
  std::array<TokenBucket, ports_max> neighbours;  // by ingress PortId
  std::array<TokenBucket, ports_max> others;      // same
};

}  // namespace dataplane
