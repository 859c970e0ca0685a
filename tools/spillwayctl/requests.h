// The commands that ask the daemon to do or look up something, over its control socket.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_waiting(OptionsDescription& description);

int run_drain(const Context& context, const Options& given);
int run_undrain(const Context& context, const Options& given);
int run_weight(const Context& context, const Options& given);
int run_version(const Context& context, const Options& given);

}  // namespace tools
