// Story: a frame's fate in words, step by step as the path decided it: how it was read, whose it
// is, whether its flow was known, which listener and rule, which algorithm and place, which target,
// what was rewritten, where it goes; or why not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tools/explain/names.h"
#include "tools/explain/trial.h"
#include "tools/report/documents.h"

namespace explain {

using report::Json;

/// What was before the frame, if anything.
struct Past {
  const dataplane::FlowRecord* flow = nullptr;  // its flow, that some worker has
  std::optional<dataplane::WorkerId> worker{};  // … that one
  std::optional<double> waited_seconds{};       // in a surge queue
};

/// {"packet": "tcp SYN 198.51.100.7:5555 to 203.0.113.10:80", "verdict", "why", "steps": [{"step",
/// "says"}…]}, and of what was found: "listener", "target_group", "target", "flow" ("known", "new",
/// "none"), "port", "worker".
/// `arrived`: the frame as it came in by `port`.
[[nodiscard]] Json story(const dataplane::Snapshot& snapshot, const Fate& fate,
                         std::span<const std::uint8_t> arrived, dataplane::PortId port,
                         const Names& names, const Past& past = {});

/// A line for the packet, then one for each step, indented; ends in a newline.
[[nodiscard]] std::string story_text(const Json& story);

}  // namespace explain
