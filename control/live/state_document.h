// The state file's text: changes as JSON with a version, written and read.
//
//   {"format": "spillway-state", "version": 1, "instance": "edge-1",
//    "registered":   [{"target_group", "address", "port", "target": "{ address = …; }"}],
//    "deregistered": [{"target_group", "address", "port"}],
//    "weights":      [{"target_group", "address", "port", "weight"}],
//    "drained":      [{"target_group", "address", "port"}]}
//
// Port 0 is "same". Zone shifts are not in it.
//
// Strict: what is not as it was written, down to an unknown key, is refused with a sentence, since
// half of the operator's changes is not what the operator wants. A new kind of change is a new list
// and, as older versions must not overlook it, a new version. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "config/changes.h"
#include "tools/report/documents.h"

namespace control {

inline constexpr int state_version = 1;

/// The lists alone: also what the history keeps and what the control socket tells.
[[nodiscard]] report::Json changes_document(const config::Changes& changes);
/// A sentence: why these are none.
[[nodiscard]] std::variant<config::Changes, std::string> changes_of(const report::Json& document);

[[nodiscard]] std::string state_text(std::string_view instance, const config::Changes& changes);
[[nodiscard]] std::variant<config::Changes, std::string> read_state(std::string_view instance,
                                                                    const std::string& text);

}  // namespace control
