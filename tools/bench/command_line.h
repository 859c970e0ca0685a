// CommandLine: argv → what to run and how to print it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/bench/bench.h"

namespace tools::bench {

struct CommandLine {
  Wishes wishes{};
  bool help = false;
  bool list = false;  // only name the cases
  bool json = false;
  std::string save{};  // a file for the JSON document, besides; "": none
};

struct Misuse {
  std::string sentence;
};

/// `words`: argv without the program's name.
[[nodiscard]] std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words);

[[nodiscard]] std::string help();

}  // namespace tools::bench
