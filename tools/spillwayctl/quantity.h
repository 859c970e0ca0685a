// Quantity: numbers as people read them in a table. At most six characters and a unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tools {

/// 9999 as it is, then 12.3k, 1.2M, 3.4G, 5.6T.
[[nodiscard]] std::string count(double value);
/// 999 B, 1.2 kB, 3.4 MB, …: powers of 1000.
[[nodiscard]] std::string bytes(double value);
/// 1.2k/s and 3.4 MB/s.
[[nodiscard]] std::string count_rate(double per_second);
[[nodiscard]] std::string byte_rate(double per_second);
/// "850us", "1.23ms", "45.6ms", "1.20s": a latency, to three digits.
[[nodiscard]] std::string latency(double seconds);
/// "0.3s", "45s", "12m 5s", "3h 12m", "2d 3h".
[[nodiscard]] std::string duration(double seconds);

/// Seconds of "90", "90s", "30m", "2h", "1d" or "1h30m"; nullopt for anything else, and for what is
/// above a hundred years.
[[nodiscard]] std::optional<std::uint64_t> whole_seconds(std::string_view text);

/// Unix time of "2026-01-02T03:04:05.678Z"; nullopt for anything else.
[[nodiscard]] std::optional<std::uint64_t> unix_milliseconds(std::string_view iso_time);

}  // namespace tools
