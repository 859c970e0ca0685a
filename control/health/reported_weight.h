// Reported weight: what a target's HTTP response says about the part of its weight that it wants,
// for now. Read by the HTTP probe; what becomes of it is the lifecycle's to decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace control {

/// "0" to "100", or the same with a '%': a percentage of the configured weight. Anything else, and
/// there is much that a broken or hostile target may send, is nullopt.
[[nodiscard]] std::optional<std::uint8_t> parse_weight_percent(std::string_view text);

}  // namespace control
