#include "control/live/guard.h"

#include <fmt/format.h>

#include <map>

#include "control/lifecycle/traffic.h"

namespace control {
namespace {

using config::TargetName;

/// Who could be healthy: targets with a weight.
std::set<TargetName> weighty(const config::Config& config) {
  std::set<TargetName> names;
  for (const config::TargetGroup& group : config.target_groups) {
    for (const config::Target& target : group.targets) {
      if (target.weight > 0) names.insert({group.name, target.address, target.port});
    }
  }
  return names;
}

}  // namespace

std::vector<Loss> losses(const config::Config& wanted, const std::set<TargetName>& drained,
                         const config::Facts& now) {
  const std::set<TargetName> remaining = weighty(wanted);
  std::map<std::string, Loss> groups;
  for (const std::string& name : groups_in_use(wanted)) groups[name].target_group = name;
  for (const config::TargetFact& target : now.targets) {
    const auto group = groups.find(target.target_group);
    const bool healthy = target.availability == config::Availability::Serving && target.weight > 0;
    if (group == groups.end() || !healthy) continue;
    const TargetName name{target.target_group, target.address, target.port};
    ++group->second.healthy_before;
    if (remaining.contains(name) && !drained.contains(name)) ++group->second.healthy_after;
  }
  std::vector<Loss> result;
  for (const auto& [name, loss] : groups) {
    if (loss.healthy_before > 0 && loss.healthy_after == 0) result.push_back(loss);
  }
  return result;
}

std::string to_string(const std::vector<Loss>& losses) {
  std::string text;
  for (const Loss& loss : losses) {
    text += fmt::format("{}target group \"{}\" would have no healthy target left ({} now)",
                        text.empty() ? "" : ", ", loss.target_group, loss.healthy_before);
  }
  return text +
         "; add others first and wait until they are healthy, or do it nevertheless with --force";
}

}  // namespace control
