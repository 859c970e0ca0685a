// The commands that only read shared memory: they work while the daemon is busy, stuck or dead.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_watch(OptionsDescription& description);
void add_watch_and_wide(OptionsDescription& description);

int run_status(const Context& context, const Options& given);
int run_listeners(const Context& context, const Options& given);
int run_target_groups(const Context& context, const Options& given);
int run_zone_list(const Context& context, const Options& given);
int run_security_groups(const Context& context, const Options& given);
int run_targets(const Context& context, const Options& given);

}  // namespace tools
