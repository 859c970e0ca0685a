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
  std::uint16_t port = 0;  // 0: "same", the one that the client asked for
  friend auto operator<=>(const TargetName&, const TargetName&) = default;
};
/// "web 10.0.1.11:8080", "games 10.0.1.11:same"
[[nodiscard]] std::string to_string(const TargetName& name);

}  // namespace config
