// Names: what a snapshot's ids are called in the configuration that it was made of.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/facts.h"

namespace explain {

class Names {
 public:
  Names() = default;
  Names(const config::Config& config, const config::Facts& facts);

  /// "" for what is not in the configuration any more.
  [[nodiscard]] std::string listener(dataplane::ListenerId id) const;
  [[nodiscard]] std::string target_group(dataplane::TargetGroupId id) const;
  /// "office: inbound tcp 80-443 from 198.51.100.0/24"
  [[nodiscard]] std::string rule(dataplane::RuleId id) const;
  [[nodiscard]] std::string port(dataplane::PortId id) const;

 private:
  std::map<dataplane::ListenerId, std::string> listeners_;
  std::map<dataplane::TargetGroupId, std::string> target_groups_;
  std::map<dataplane::RuleId, std::string> rules_;
  std::vector<std::string> ports_;
};

}  // namespace explain
