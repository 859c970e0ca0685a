#include "tools/spillwayctl/quantity.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>

namespace tools {
namespace {

/// The value in the largest of `units` that keeps it at 1 or above; three digits.
std::string scaled(double value, const std::array<const char*, 5>& units) {
  std::size_t unit = 0;
  // 999.5 would be rounded to 1000: it is 1.0 of the next unit.
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const bool whole = unit == 0 || value >= 99.95;
  return whole ? fmt::format("{:.0f}{}", value, units[unit])
               : fmt::format("{:.1f}{}", value, units[unit]);
}

}  // namespace

std::string count(double value) {
  if (value < 9'999.5) return fmt::format("{:.0f}", value);
  return scaled(value, {"", "k", "M", "G", "T"});
}

std::string bytes(double value) { return scaled(value, {" B", " kB", " MB", " GB", " TB"}); }

std::string count_rate(double per_second) {
  if (per_second > 0 && per_second < 9.95) return fmt::format("{:.1f}/s", per_second);
  return count(per_second) + "/s";
}

std::string byte_rate(double per_second) { return bytes(per_second) + "/s"; }

std::string latency(double seconds) {
  const auto with = [](double value, const char* unit) {
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f}{}", value, decimals, unit);
  };
  if (seconds < 0.0009995) return fmt::format("{:.0f}us", seconds * 1e6);
  return seconds < 0.9995 ? with(seconds * 1e3, "ms") : with(seconds, "s");
}

std::string duration(double seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 9.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  const std::uint64_t minutes = whole / 60, hours = whole / 3600, days = whole / 86'400;
  if (days > 0) return fmt::format("{}d {}h", days, hours % 24);
  if (hours > 0) return fmt::format("{}h {}m", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{}m {}s", minutes, whole % 60);
  return fmt::format("{}s", whole);
}

std::optional<std::uint64_t> whole_seconds(std::string_view text) {
  constexpr std::uint64_t most = 100ULL * 365 * 86'400;
  if (text.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  while (!text.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number > most) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const char unit = text.empty() ? 's' : text.front();
    if (!text.empty()) text.remove_prefix(1);
    const std::uint64_t scale = unit == 's'   ? 1
                                : unit == 'm' ? 60
                                : unit == 'h' ? 3'600
                                : unit == 'd' ? 86'400
                                              : 0;
    if (scale == 0 || number > most / scale) return std::nullopt;
    sum += number * scale;
  }
  return sum <= most ? std::optional(sum) : std::nullopt;
}

std::optional<std::uint64_t> unix_milliseconds(std::string_view iso_time) {
  constexpr std::string_view shape = "0000-00-00T00:00:00.000Z";
  if (iso_time.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = iso_time[i] >= '0' && iso_time[i] <= '9';
    if (shape[i] == '0' ? !digit : iso_time[i] != shape[i]) return std::nullopt;
  }
  const auto field = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    std::from_chars(iso_time.data() + at, iso_time.data() + at + size, value);
    return value;
  };
  namespace chrono = std::chrono;
  const chrono::year_month_day date(chrono::year(static_cast<int>(field(0, 4))),
                                    chrono::month(field(5, 2)), chrono::day(field(8, 2)));
  if (!date.ok()) return std::nullopt;
  const auto since_midnight = chrono::hours(field(11, 2)) + chrono::minutes(field(14, 2)) +
                              chrono::seconds(field(17, 2)) + chrono::milliseconds(field(20, 3));
  const auto time = chrono::sys_days(date).time_since_epoch() + since_midnight;
  return static_cast<std::uint64_t>(chrono::duration_cast<chrono::milliseconds>(time).count());
}

}  // namespace tools
