// `spillwayctl plan`: reads a file here, with the rights and the directory of who asks, and has the
// daemon say what it would change.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

/// With --exit-code: the configuration differs from what runs.
inline constexpr int differs = 3;

void add_planning(OptionsDescription& description);
int run_plan(const Context& context, const Options& given);

}  // namespace tools
