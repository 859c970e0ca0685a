// The commands about zones that ask the daemon for something.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_expiry(OptionsDescription& description);

int run_zone_shift(const Context& context, const Options& given);
int run_zone_unshift(const Context& context, const Options& given);

}  // namespace tools
