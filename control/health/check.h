// Check: everything one probe must know: whom to ask and what answer is good.
//
// Made by the lifecycle from a target and its group's settings; two equal checks mean that a reload
// changed nothing for this target's probes.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "dataplane/packet/address.h"

namespace control {

struct Check {
  dataplane::IpAddress address;
  std::uint16_t port = 0;  // resolved: the settings', or the target's own
  config::HealthCheck settings;
  std::string target_group{};  // whose outbound rules it obeys
};

/// Everything but the line in the file, and the thresholds, which are the judge's.
[[nodiscard]] inline bool same_probes(const Check& a, const Check& b) {
  return a.address == b.address && a.port == b.port && a.settings.protocol == b.settings.protocol &&
         a.settings.path == b.settings.path && a.settings.host == b.settings.host &&
         a.settings.interval == b.settings.interval && a.settings.timeout == b.settings.timeout &&
         a.settings.matcher == b.settings.matcher &&
         a.settings.weight_header == b.settings.weight_header && a.settings.tls == b.settings.tls &&
         a.settings.service == b.settings.service && a.settings.send == b.settings.send &&
         a.settings.expect == b.settings.expect;
}

}  // namespace control
