// What requests of the control socket say about targets: JSON bodies → targets as the file would
// have them. Pure; errors name the value, what is allowed and what to do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/changes.h"
#include "config/config.h"
#include "dataplane/packet/address.h"
#include "tools/report/documents.h"

namespace control {

/// A target that is to be registered.
struct WantedTarget {
  config::Target target;
  std::string text;   // config::Registration
  bool bare = false;  // nothing but address and port is given
};
/// `targets`: [{"address": "10.0.1.20", …}], with any key that a target has in the file. All
/// mistakes in one sentence, one a line.
[[nodiscard]] std::variant<std::vector<WantedTarget>, std::string> wanted_targets(
    const config::TargetGroup& group, const report::Json& targets);

/// A target that is there, by its address, and by its port where the address is there twice.
struct NamedTarget {
  dataplane::IpAddress address;
  std::optional<std::uint16_t> port;
};
/// `targets`: [{"address": "10.0.1.20", "port": 8080}].
[[nodiscard]] std::variant<std::vector<NamedTarget>, std::string> named_targets(
    const report::Json& targets);

/// How a target is written in the file; nullopt: a key or value that cannot be.
[[nodiscard]] std::optional<std::string> target_text(const report::Json& target);

}  // namespace control
