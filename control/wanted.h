// Wanted: what the parameters of a question ask for, or what is wrong with one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/commands.h"
#include "control/query.h"

namespace control {

/// Takes one "name=value" into `wanted`; a sentence if that is not possible.
[[nodiscard]] std::optional<std::string> take(std::string_view name, const std::string& value,
                                              FlowsWanted& wanted);
[[nodiscard]] std::optional<std::string> take(std::string_view name, const std::string& value,
                                              ExplainWanted& wanted);
[[nodiscard]] std::optional<std::string> take(std::string_view name, const std::string& value,
                                              ShiftWanted& wanted);

/// All parameters of a question, or what is wrong with one.
template <class Wanted>
[[nodiscard]] std::variant<Wanted, std::string> wanted_of(std::string_view query) {
  Wanted wanted;
  const auto read = parameters(query);
  if (const auto* error = std::get_if<std::string>(&read)) return *error;
  for (const auto& [name, value] : std::get<std::vector<Parameter>>(read)) {
    if (auto error = take(name, value, wanted)) return *error;
  }
  return wanted;
}

}  // namespace control
