// The command that shows packets as they come and as they leave.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_capture(OptionsDescription& description);
int run_capture(const Context& context, const Options& given);

}  // namespace tools
