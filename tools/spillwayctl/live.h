// The commands that change a running instance's configuration.
#pragma once

#include "tools/spillwayctl/command.h"

namespace tools {

void add_target_attributes(OptionsDescription& description);
void add_removal(OptionsDescription& description);
void add_reloading(OptionsDescription& description);
void add_force(OptionsDescription& description);

int run_register(const Context& context, const Options& given);
int run_deregister(const Context& context, const Options& given);
int run_changes(const Context& context, const Options& given);
int run_reload(const Context& context, const Options& given);
int run_rollback(const Context& context, const Options& given);

}  // namespace tools
