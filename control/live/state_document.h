// The state file's text: what the operator has done while it ran, as JSON with a version, written
// and read.
//
//   {"format": "spillway-state", "version": 2, "instance": "edge-1",
//    "registered":   [{"target_group", "address", "port", "target": "{ address = …; }"}],
//    "deregistered": [{"target_group", "address", "port"}],
//    "weights":      [{"target_group", "address", "port", "weight", "instead_of"}],
//    "drained":      [{"target_group", "address", "port", "began_unix_milliseconds"}],
//    "zone_shifts":  [{"zone", "comment", "started_unix_milliseconds",
//                      "expires_unix_milliseconds"}]}
//
// Port 0 is "same". Version 1, which is read too, had neither "instead_of" nor "began…" nor shifts.
//
// Strict: what is not as it was written, down to an unknown key, is refused with a sentence, since
// half of the operator's changes is not what the operator wants. A new kind of change is a new list
// and, as older versions must not overlook it, a new version. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/changes.h"
#include "control/lifecycle/zone_shifts.h"
#include "tools/report/documents.h"

namespace control {

inline constexpr int state_version = 2;

/// What has to survive a restart.
struct State {
  config::Changes changes;
  /// Unix time in milliseconds, of each drained target; not known for those of version 1.
  std::map<config::TargetName, std::uint64_t> drains_began = {};
  /// What the file, or the registration, said when a weight was set; not known as above.
  std::map<config::TargetName, std::uint16_t> weights_instead_of = {};
  std::vector<ZonalShift> zone_shifts = {};
  [[nodiscard]] bool empty() const { return changes.empty() && zone_shifts.empty(); }
};

/// The lists alone: also what the history keeps and what the control socket tells.
[[nodiscard]] report::Json changes_document(const config::Changes& changes);
/// A sentence: why these are none.
[[nodiscard]] std::variant<config::Changes, std::string> changes_of(const report::Json& document);

[[nodiscard]] std::string state_text(std::string_view instance, const State& state);
[[nodiscard]] std::variant<State, std::string> read_state(std::string_view instance,
                                                          const std::string& text);

}  // namespace control
