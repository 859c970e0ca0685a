#include "control/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace control {

void start_log(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("spillway");
  logger->set_level(spdlog::level::from_str(level));
  // journald stamps each line itself; it names its stream in this variable.
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr && isatty(STDERR_FILENO) == 0;
  logger->set_pattern(journal ? "%l: %v" : "%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log_error_lines(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) spdlog::error("{}", line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

}  // namespace control
