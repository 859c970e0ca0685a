// Query: the parts of a request's target: a path's, and the "name=value" pairs behind its '?'.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace control {

/// "a%2Fb" → "a/b"; nullopt for a '%' that two hex digits do not follow.
[[nodiscard]] std::optional<std::string> decode(std::string_view text);

/// Always at least one part.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// The whole text as a number that fits, or nullopt.
template <class Number>
[[nodiscard]] std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

using Parameter = std::pair<std::string, std::string>;  // name, decoded value

/// All parameters in their order; or a sentence about the first that is none.
[[nodiscard]] std::variant<std::vector<Parameter>, std::string> parameters(std::string_view query);

}  // namespace control
