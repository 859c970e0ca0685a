// Ask: one request to the instance that a command is about.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "tools/report/documents.h"
#include "tools/spillwayctl/command.h"

namespace tools {

/// The document of a request that went well; else says why not and gives the exit status.
[[nodiscard]] std::variant<report::Json, int> ask(const Context& context, std::string_view method,
                                                  const std::string& target);

}  // namespace tools
