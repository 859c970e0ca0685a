#include "control/query.h"

#include <fmt/core.h>

namespace control {

std::optional<std::string> decode(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '%') {
      result.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 3) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
    if (error != std::errc{} || end != text.data() + 3) return std::nullopt;
    result.push_back(static_cast<char>(value));
    text.remove_prefix(3);
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::variant<std::vector<Parameter>, std::string> parameters(std::string_view query) {
  std::vector<Parameter> result;
  if (query.empty()) return result;
  for (const std::string_view part : split(query, '&')) {
    const std::size_t equals = part.find('=');
    auto value = equals == std::string_view::npos ? std::nullopt : decode(part.substr(equals + 1));
    if (!value) return fmt::format("\"{}\" is not of the form name=value", part);
    result.emplace_back(part.substr(0, equals), std::move(*value));
  }
  return result;
}

}  // namespace control
