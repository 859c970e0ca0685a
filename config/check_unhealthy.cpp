// What must hold for the flows of unhealthy targets, and for health checks by what clients meet.
#include <fmt/format.h>

#include <string>

#include "config/checks.h"

namespace config {
namespace {

using dataplane::Protocol;

void check_termination(const TargetGroup& group, const std::string& path, Complaints& complaints) {
  const std::string setting = path + ".unhealthy.connection_termination";
  if (!group.unhealthy.connection_termination || group.protocol == Protocol::Tcp) return;
  if (!complaints.readable(setting) || !complaints.readable(path + ".protocol")) return;
  complaints.add({.setting = setting,
                  .value = "true",
                  .problem = "cannot be for UDP, which has nothing that could be reset",
                  .allowed = "false, or with protocol = \"tcp\" or \"tcp_udp\" true",
                  .remedy = "Remove it: flows of an unhealthy target move to another one with the "
                            "client's next datagram anyhow."});
}

void check_draining_interval(const TargetGroup& group, const std::string& path,
                             Complaints& complaints) {
  const std::string setting = path + ".unhealthy.draining_interval";
  const Unhealthy& unhealthy = group.unhealthy;
  if (!unhealthy.connection_termination || unhealthy.draining_interval.count() == 0) return;
  // For UDP termination is wrong by itself, and was said to be.
  if (group.protocol != Protocol::Tcp || !complaints.readable(setting) ||
      !complaints.readable(path + ".unhealthy.connection_termination") ||
      !complaints.readable(path + ".protocol")) {
    return;
  }
  complaints.add({.setting = setting,
                  .value = fmt::format("{}", unhealthy.draining_interval.count()),
                  .problem = "has no meaning while flows of an unhealthy target are reset at once",
                  .allowed = "0, or with connection_termination = false up to 360000",
                  .remedy = "Add connection_termination = false; to unhealthy, or remove it."});
}

void check_passive(const Config& config, const TargetGroup& group, const std::string& path,
                   Complaints& complaints) {
  const std::string setting = path + ".passive_health_check.enabled";
  if (!group.passive_health_check || !config.places.written(setting)) return;
  if (passive_by_default(group) || !complaints.readable(setting)) return;
  if (group.stickiness.type != dataplane::Stickiness::None) {
    if (!complaints.readable(path + ".stickiness")) return;
    complaints.add({.setting = setting,
                    .value = "true",
                    .problem = "cannot be with stickiness: clients come back to their target, so "
                               "few of them say little about it",
                    .allowed = "false, or without stickiness true",
                    .remedy = "Remove it, or set type = \"none\" in stickiness."});
    return;
  }
  const bool checked = group.health_check.enabled;
  if (!complaints.readable(path + (checked ? ".protocol" : ".health_check"))) return;
  complaints.add({.setting = setting,
                  .value = "true",
                  .problem = checked ? "cannot be for UDP, which has no handshake to learn from"
                                     : "needs health checks, which alone bring a target back",
                  .allowed = checked ? "false, or with protocol = \"tcp\" true"
                                     : "false, or with enabled = true in health_check true",
                  .remedy = checked ? "Remove it." : "Enable health_check, or remove it."});
}

}  // namespace

void check_unhealthy(const Config& config, Complaints& complaints) {
  for (std::size_t i = 0; i < config.target_groups.size(); ++i) {
    const TargetGroup& group = config.target_groups[i];
    const std::string path = element("target_groups", i);
    check_termination(group, path, complaints);
    check_draining_interval(group, path, complaints);
    check_passive(config, group, path, complaints);
  }
}

}  // namespace config
