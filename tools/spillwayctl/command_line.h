// CommandLine: argv → which command, with what. The options that every command has may stand before
// the command or after it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/spillwayctl/command.h"

namespace tools {

struct CommandLine {
  const Command* command = nullptr;  // nullptr: only general help was asked for
  bool help = false;
  std::string instance;
  std::string run_directory;  // "": the default
  bool json = false;
  Options options;  // the command's own, arguments too
};

struct Misuse {
  std::string sentence;
  std::string command;  // whose help is the one to read; "": the general one
};

/// `words`: argv without the program's name.
[[nodiscard]] std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words);

[[nodiscard]] std::string general_help();
[[nodiscard]] std::string help_of(const Command& command);

}  // namespace tools
