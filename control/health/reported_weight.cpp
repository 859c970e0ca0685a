#include "control/health/reported_weight.h"

#include <charconv>

namespace control {

std::optional<std::uint8_t> parse_weight_percent(std::string_view text) {
  if (text.ends_with('%')) text.remove_suffix(1);
  if (text.empty() || text.size() > 3) return std::nullopt;
  unsigned percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc{} || end != text.data() + text.size() || percent > 100) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(percent);
}

}  // namespace control
