// Guard: would a target group in use be left without any healthy target?
//
// Asked before a reload, a deregistration or a drain is done; who means it says --force. Healthy is
// what gets new flows by right: in state healthy, or unchecked, with a weight. Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "config/changes.h"
#include "config/config.h"
#include "config/facts.h"

namespace control {

struct Loss {
  std::string target_group;
  std::size_t healthy_before = 0;  // at least 1: a group without any has nothing to lose
  std::size_t healthy_after = 0;   // of those: 0
};

/// `wanted`: what is to run; `drained`: what is then drained by the operator; `now`: who is
/// healthy. Targets that are new count for nothing, since nobody knows yet whether they serve.
[[nodiscard]] std::vector<Loss> losses(const config::Config& wanted,
                                       const std::set<config::TargetName>& drained,
                                       const config::Facts& now);
/// "target group "web" would have no healthy target left (2 now); …"
[[nodiscard]] std::string to_string(const std::vector<Loss>& losses);

}  // namespace control
