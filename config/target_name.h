// TargetName: how a target is named by people: its group, address and port.
//
// Used by everything that speaks about targets before they have an id, or after.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "dataplane/packet/address.h"

namespace config {

struct TargetName {
  std::string target_group;
  dataplane::IpAddress address;
  std::uint16_t port = 0;
  friend auto operator<=>(const TargetName&, const TargetName&) = default;
};
/// "web 10.0.1.11:8080"
[[nodiscard]] std::string to_string(const TargetName& name);

}  // namespace config
