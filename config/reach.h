// Reach: which port leads to an address, as the file alone can tell. The same order as compile()'s
// routes: the longest network, among them the file's neighbours, then the first gateway.
//
// Built once per check(); borrows the Config.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "config/config.h"

namespace config {

/// fe80::/10: on every link, and another host on each.
[[nodiscard]] bool is_link_local(const dataplane::IpAddress& address);
[[nodiscard]] bool on_link(const Port& port, const dataplane::IpAddress& address);

class Reach {
 public:
  explicit Reach(const Config& config);

  /// The file has a MAC address for this neighbour of the port.
  [[nodiscard]] bool has_neighbour(std::size_t port, const dataplane::IpAddress& address) const;
  /// The index of the port that packets to the address leave by.
  [[nodiscard]] std::optional<std::size_t> port_towards(const dataplane::IpAddress& address) const;

 private:
  const Config& config_;
  std::map<dataplane::IpAddress, std::vector<std::size_t>>
      neighbours_;  // → ports; the first counts
};

}  // namespace config
