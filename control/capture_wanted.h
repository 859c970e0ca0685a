// CaptureWanted: which packets a request wants to see.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/capture.h"

namespace control {

struct CaptureWanted {
  static constexpr std::uint64_t count_max = 1'000'000'000;
  static constexpr std::chrono::seconds time_max{86'400};
  static constexpr std::uint16_t snap_least = 14;  // an Ethernet header
  /// Each packet once, where its fate is decided: not when another worker is to decide, nor when it
  /// begins to wait.
  static constexpr std::uint64_t verdicts_default =
      (std::uint64_t{1} << dataplane::verdict_count) - 1 -
      dataplane::verdicts::mask(dataplane::Verdict::Pending, dataplane::Verdict::HandOff,
                                dataplane::Verdict::Wait);

  dataplane::CaptureFilter filter{};  // but for listener and group; no verdicts: the default
  std::string listener{};             // its name; "": any
  std::string target_group{};         // its name; "": any
  std::uint16_t snap_length = dataplane::snap_max;
  std::optional<std::uint64_t> count{};  // ends with so many
  std::optional<std::chrono::seconds> time{};
};

/// Takes one "name=value" of a request into `wanted`; a sentence if that is not possible.
[[nodiscard]] std::optional<std::string> take(std::string_view name, const std::string& value,
                                              CaptureWanted& wanted);

/// "198.51.100.7", "198.51.100.0/24:5555", "[2001:db8::/32]:443", ":443"; nullopt for anything
/// else.
[[nodiscard]] std::optional<dataplane::CaptureEnd> parse_capture_end(std::string_view text);

}  // namespace control
