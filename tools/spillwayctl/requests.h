// The commands that ask the daemon to do or look up something, over its control socket.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/show.h"

namespace tools {

void add_flow_filters(OptionsDescription& description);
void add_waiting(OptionsDescription& description);

/// The document of a request that went well; else says why not and gives the exit status.
[[nodiscard]] std::variant<Json, int> ask(const Context& context, std::string_view method,
                                          const std::string& target);

int run_flows(const Context& context, const Options& given);
int run_drain(const Context& context, const Options& given);
int run_undrain(const Context& context, const Options& given);
int run_reload(const Context& context, const Options& given);
int run_version(const Context& context, const Options& given);

}  // namespace tools
