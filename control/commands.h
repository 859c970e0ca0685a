// Commands: what the control socket can ask of the daemon, and the form of an answer.
//
// Filled in by main with functions that run on the control thread and do not block; called by the
// API. Where a `Done` is taken, it is called exactly once: at once, or later on the same thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/events_wanted.h"
#include "dataplane/packet/address.h"
#include "tools/report/documents.h"

namespace control {

/// A JSON document, and the HTTP status that says what it is.
struct Outcome {
  unsigned status = 200;
  report::Json document;
};

/// {"error": "sentence"}. 400: the question is wrong; 404: no such thing; 409: not in this state;
/// 500: it failed.
[[nodiscard]] inline Outcome refused(unsigned status, std::string_view sentence) {
  return {status, {{"error", sentence}}};
}

using Done = std::function<void(Outcome)>;

/// The largest weight of a target (config/ranges.h).
inline constexpr std::uint16_t weight_max = 999;

/// A registered target, as operators name it.
struct TargetName {
  std::string target_group;
  dataplane::IpAddress address;
  std::uint16_t port = 0;  // 0: "same"
};

/// Which flows are asked for.
struct FlowsWanted {
  static constexpr std::size_t limit_default = 1'000;
  /// Answers are built on the control thread, in one go: about 10 ms for so many.
  static constexpr std::size_t limit_max = 10'000;

  std::size_t limit = limit_default;
  std::string target_group;                     // "": any
  std::optional<dataplane::IpAddress> address;  // of the target
  std::uint16_t port = 0;                       // with address
};

/// A zonal shift: always for a while. ELB allows a minute to three days; we also less.
struct ShiftWanted {
  static constexpr std::chrono::seconds expires_max{72 * 3600};
  static constexpr std::size_t comment_size_max = 127;

  std::string zone;
  std::chrono::seconds expires{0};
  std::string comment;
};

struct Commands {
  std::function<report::Json()> version;
  std::function<report::Json()> status;
  std::function<report::Json()> listeners;
  std::function<report::Json()> targets;
  std::function<report::Json()> target_groups;
  std::function<report::Json()> zones;
  std::function<void(const FlowsWanted&, Done)> flows;
  std::function<report::Json(const EventsWanted&)> events;
  std::function<void(Done)> reload;
  /// The document of both: the target as in targets_document().
  std::function<void(const TargetName&, Done)> drain;
  std::function<void(const TargetName&, Done)> undrain;
  /// The same with "previous_weight", and with a "note" where the group does not go by weights.
  std::function<void(const TargetName&, std::uint16_t weight, Done)> weight;
  /// The document of both: that of zones.
  std::function<void(const ShiftWanted&, Done)> shift;
  std::function<void(const std::string& zone, Done)> unshift;
};

}  // namespace control
