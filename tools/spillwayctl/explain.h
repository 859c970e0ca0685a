// `spillwayctl explain`: what would become of a packet, and why.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_packet(OptionsDescription& description);
int run_explain(const Context& context, const Options& given);

}  // namespace tools
