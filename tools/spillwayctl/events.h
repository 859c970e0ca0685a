// The command that shows what has happened, once or as it happens.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_event_filters(OptionsDescription& description);

int run_events(const Context& context, const Options& given);

}  // namespace tools
