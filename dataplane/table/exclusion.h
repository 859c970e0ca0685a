// Exclusion: why a target that could get new flows is given none. Part of the segment's layout:
// append only.
#pragma once

#include <cstdint>
#include <string_view>

namespace dataplane {

enum class Exclusion : std::uint8_t {
  None,
  CrossZoneOff,   // it is in another zone, and flows stay in the balancer's
  ZonalShift,     // its zone is shifted away
  ZonalAffinity,  // the balancer's own zone has the capacity
  OnStandby,      // its group's new flows go to the standby group
};

/// "cross_zone_off", …; "" for None.
[[nodiscard]] constexpr std::string_view to_string(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::None: return "";
    case Exclusion::CrossZoneOff: return "cross_zone_off";
    case Exclusion::ZonalShift: return "zonal_shift";
    case Exclusion::ZonalAffinity: return "zonal_affinity";
    case Exclusion::OnStandby: return "on_standby";
  }
  return "unknown";
}

}  // namespace dataplane
