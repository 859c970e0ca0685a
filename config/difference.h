// Difference: what two configurations have different, thing by thing and attribute by attribute.
//
// Pure. Compares what was read (Places::values), so every key of the file takes part, also those
// that are left out and have another default. Shown by `spillwayctl plan`. Things are told apart by
// their names, targets by address and port; what has no name by its place in its list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace config {

struct AttributeDifference {
  std::string name;    // "health_check.interval"
  std::string before;  // as it would be written; empty: it was not there
  std::string after;
};

struct Difference {
  enum class Action : std::uint8_t { Add, Remove, Change };
  Action action = Action::Change;
  std::string kind;          // "listener", "target_group", "target"; "setting": of the instance
  std::string target_group;  // of a target
  std::string name;          // a target's: "10.0.1.11:8080"; a setting's: ""
  std::vector<AttributeDifference> attributes;
};
[[nodiscard]] std::string_view to_string(Difference::Action action);  // "add", "remove", "change"

/// By kind and name; empty: both say the same.
[[nodiscard]] std::vector<Difference> differences(const Config& before, const Config& after);

}  // namespace config
