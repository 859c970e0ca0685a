// NeighbourTable: which next hops we want resolved, what the kernel says about them, what to do
// next.
//
// Pure bookkeeping for neighbours.h, on the control thread: news in, facts and probes out. Bounded
// by the targets and gateways there are; what nobody wants is not kept, so strangers who send ARP
// to a twin change nothing here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "config/facts.h"
#include "dataplane/packet/address.h"
#include "dataplane/table/ids.h"

namespace control {

/// Where a port's twin is. Ports without kernel path have no addresses and gateways here.
struct PortNetwork {
  std::vector<dataplane::IpPrefix> addresses;
  std::vector<dataplane::IpAddress> gateways;
};

/// What the kernel said about one neighbour of a port.
struct NeighbourNews {
  dataplane::PortId port;
  dataplane::IpAddress address;
  std::optional<dataplane::MacAddress> mac;
  std::uint16_t state = 0;  // NUD_*; 0 (NUD_NONE): there is no such neighbour (any more)
};

/// A neighbour that needs a word from us to be resolved.
struct Inquiry {
  dataplane::PortId port;
  dataplane::IpAddress address;
  bool stale = false;  // known, and to be confirmed; else not known
};

/// How to reach a wanted host that is on no port's link.
struct GatewayChoice {
  dataplane::PortId port;
  dataplane::IpAddress gateway;
  friend bool operator==(const GatewayChoice&, const GatewayChoice&) = default;
};

class NeighbourTable {
 public:
  /// By PortId. All gateways are wanted from now on.
  explicit NeighbourTable(std::vector<PortNetwork> ports);

  struct Difference {
    bool more = false;  // something is wanted that was not
    bool lost = false;  // facts() has lost something
  };
  /// The hosts to be reached besides the gateways, all of them. What is known of those that stay
  /// wanted is kept.
  Difference want(const std::vector<dataplane::IpAddress>& hosts);
  /// True: facts() has changed.
  bool take(const NeighbourNews& news);
  /// After a list of everything: what is not in it, the kernel has forgotten.
  void forget_all_but(const std::set<std::pair<dataplane::PortId, dataplane::IpAddress>>& listed);

  [[nodiscard]] std::vector<config::NeighbourFact> facts() const;
  [[nodiscard]] bool wants(dataplane::PortId port, const dataplane::IpAddress& address) const;
  /// At most so many of those that need it; goes round from call to call.
  [[nodiscard]] std::vector<Inquiry> due(std::size_t limit);
  /// The way to each wanted off-link host: over the first gateway that answers (as compile() does),
  /// or the first if none does.
  [[nodiscard]] std::map<dataplane::IpAddress, GatewayChoice> routes() const;

 private:
  using Key = std::pair<dataplane::PortId, dataplane::IpAddress>;
  struct Entry {
    std::optional<dataplane::MacAddress> mac;
    std::uint16_t state = 0;
  };

  [[nodiscard]] std::optional<dataplane::PortId> link_of(const dataplane::IpAddress& host) const;
  /// The first gateway of a family that answers, or the first if none does.
  [[nodiscard]] std::optional<GatewayChoice> gateway_for(dataplane::Family family) const;

  std::vector<PortNetwork> ports_;
  std::vector<dataplane::IpAddress> off_link_;
  std::map<Key, Entry> entries_;  // exactly what is wanted
  Key cursor_;                    // where due() goes on
};

}  // namespace control
