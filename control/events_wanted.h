// EventsWanted: which events a request asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dataplane/packet/address.h"

namespace control {

struct EventsWanted {
  static constexpr std::size_t count_default = 100;
  static constexpr std::size_t count_max = 4'096;

  std::size_t count = count_default;
  /// Only those with a higher number, the oldest of them; else the newest `count`.
  std::optional<std::uint64_t> after = {};
  std::uint64_t since_unix_milliseconds = 0;
  std::string kind = {};                             // "": any
  std::string target_group = {};                     // "": any
  std::optional<dataplane::IpAddress> address = {};  // of the target
  std::optional<std::uint16_t> port{};               // unset: any; 0: "same"
};

/// "count=20&target=10.0.1.11:8080", or what is wrong with it.
[[nodiscard]] std::variant<EventsWanted, std::string> events_wanted(std::string_view query);

}  // namespace control
