// `spillwayctl flows`: which flows there are, a page after the other, however many.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_flow_filters(OptionsDescription& description);
int run_flows(const Context& context, const Options& given);

}  // namespace tools
