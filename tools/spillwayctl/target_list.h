// TargetList: the targets that a command line or a file names, as the daemon is asked for them.
//
// A file has one target a line: ADDRESS[:PORT] [KEY=VALUE]..., with any key that a target has in
// the configuration; blank lines and what follows a '#' do not count. Pure but for
// read_targets_file().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tools/report/documents.h"

namespace tools {

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// {"address", "port" if given, …}. A string: the error.
[[nodiscard]] std::variant<report::Json, std::string> target_of(const std::string& word,
                                                                const Attributes& attributes);

/// A list of these. What a line does not say of its own is as in `attributes`. `name`: the file's,
/// for errors, which are one a line.
[[nodiscard]] std::variant<report::Json, std::string> targets_in(std::string_view text,
                                                                 const std::string& name,
                                                                 const Attributes& attributes);
/// The whole of a file; "-": standard input.
[[nodiscard]] std::variant<std::string, report::Json> read_targets_file(
    const std::string& path, const Attributes& attributes);

}  // namespace tools
