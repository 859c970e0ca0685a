// Waiting for the end of a drain: reads the target's figures from shared memory until no flow is
// left.
#pragma once

#include <optional>

#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/show.h"

namespace tools {

/// `target`: its document. Shows how many flows are left, one line when that changes (on a terminal
/// always the same line). 0: empty; 1: timed out, drained no more, or the daemon died.
[[nodiscard]] int wait_until_empty(const Context& context, const Json& target,
                                   std::optional<double> timeout_seconds);

}  // namespace tools
