// Error: one thing that is wrong with a configuration, as an operator needs to read it.
//
// Made by read(), check() and restart_needed(); shown by --check, the log and the control socket.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace config {

struct Error {
  std::string file{};
  int line = 0;           // 0: the file as a whole
  std::string setting{};  // "target_groups[0].targets[3].port"; empty: none in particular
  std::string value{};    // as written; empty: nothing was written
  std::string problem{};  // "is out of range"
  std::string allowed{};  // "1 to 65535"
  std::string remedy{};   // a sentence
};

using Errors = std::vector<Error>;  // sorted: by file in order of reading, then by line

/// "edge.cfg:14: ports[0].mtu = 70000: is out of range; allowed: 576 to 9000. Change it, …"
[[nodiscard]] std::string to_string(const Error& error);
/// One error a line, each line ended.
[[nodiscard]] std::string to_string(const Errors& errors);

/// Text of the file as it can be shown on a terminal: in quotes, control bytes escaped, shortened.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Of the known names the one that this is probably a misspelling of, or nullptr.
[[nodiscard]] const std::string* nearest(std::string_view name,
                                         const std::vector<std::string>& known);
/// ` Did you mean "NAME"?`, or nothing if none of the known names is near.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::vector<std::string>& known);

}  // namespace config
