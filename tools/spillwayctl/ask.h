// Ask: one question to the daemon of the instance that a command is about, and printing.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "tools/spillwayctl/command.h"
#include "tools/spillwayctl/show.h"

namespace tools {

/// The document of a request that went well; else it has said why not, and this is the exit status.
/// `body`: JSON, or nothing.
[[nodiscard]] std::variant<Json, int> ask(const Context& context, std::string_view method,
                                          const std::string& target, const Json& body = Json());

void print(const std::string& lines);
void print(const Json& document);

[[nodiscard]] View view_now(const Context& context);

}  // namespace tools
