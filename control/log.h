// Log: one line per change of state, on stderr. No colour and no time stamp of our own where
// journald adds both.
#pragma once

#include <string>
#include <string_view>

namespace control {

/// Sets up spdlog's default logger. `level`: trace, debug, info, warning, error.
void start_log(const std::string& level);

/// A text of several lines, one log line each.
void log_error_lines(std::string_view text);

}  // namespace control
