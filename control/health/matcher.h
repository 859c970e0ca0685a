// Matcher: which codes of an answer are good, as the configuration lists them.
//
// Read by the probes whose protocol answers with a code.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/health_check.h"

namespace control {

[[nodiscard]] inline bool matches(const std::vector<config::StatusRange>& matcher, unsigned code) {
  return std::any_of(matcher.begin(), matcher.end(), [code](const config::StatusRange& range) {
    return code >= range.first && code <= range.last;
  });
}

/// "200-299,404"
[[nodiscard]] inline std::string to_string(const std::vector<config::StatusRange>& matcher) {
  std::string text;
  for (const config::StatusRange& range : matcher) {
    if (!text.empty()) text += ',';
    text += range.first == range.last ? fmt::format("{}", range.first)
                                      : fmt::format("{}-{}", range.first, range.last);
  }
  return text;
}

}  // namespace control
