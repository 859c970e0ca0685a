// Checks: the parts of check(), one file a subject. Nobody else calls them.
//
// Each looks only at settings that could be read (Complaints::readable), adds what it finds wrong,
// and goes on. Linear in the size of the configuration, or with a logarithm.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/complaints.h"
#include "config/config.h"

namespace config {

void check_ports(const Config& config, Complaints& complaints);
void check_addresses(const Config& config, Complaints& complaints);
void check_reachable(const Config& config, Complaints& complaints);
void check_target_groups(const Config& config, Complaints& complaints);
void check_routing(const Config& config, Complaints& complaints);
void check_health_checks(const Config& config, Complaints& complaints);
void check_unhealthy(const Config& config, Complaints& complaints);
void check_limits(const Config& config, Complaints& complaints);
void check_flow_log(const Config& config, Complaints& complaints);
void check_overload(const Config& config, Complaints& complaints);
void check_security_groups(const Config& config, Complaints& complaints);
void check_listeners(const Config& config, Complaints& complaints);

/// ELB's rule: 1 to 32 letters, digits and hyphens, no hyphen at the ends.
void check_name(const std::string& path, std::string_view name, Complaints& complaints);

/// " (line 12)", of several files " (edge.cfg:12)": where a setting was written, to be put behind
/// its mention.
[[nodiscard]] std::string written_at(const Config& config, std::string_view path);

/// Names must be unique within their list.
template <class Element>
void check_unique_names(const Config& config, const std::vector<Element>& elements,
                        std::string_view list, Complaints& complaints) {
  std::unordered_map<std::string_view, std::string> first;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const std::string path = element(list, i) + ".name";
    if (!complaints.readable(path)) continue;
    const auto [found, added] = first.emplace(elements[i].name, path);
    if (added) continue;
    complaints.add({.setting = path,
                    .value = in_quotes(elements[i].name),
                    .problem = "is used twice: " + found->second +
                               written_at(config, found->second) + " has the name too",
                    .allowed = "a name that nothing else in " + std::string{list} + " has",
                    .remedy = "Rename one of them, or remove it if it is the same twice."});
  }
}

}  // namespace config
