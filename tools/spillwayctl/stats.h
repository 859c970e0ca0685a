// stats: rates, latency and load, once or again and again. top shows the same full screen.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_stats(OptionsDescription& description);
int run_stats(const Context& context, const Options& given);
void add_top(OptionsDescription& description);
int run_top(const Context& context, const Options& given);

}  // namespace tools
