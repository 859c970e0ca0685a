// Command: one of spillwayctl's subcommands: what it takes, what its help says, what it does.
//
// The table of all of them is in commands.cpp; main.cpp parses the command line by it.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

/// Exit statuses, the same for all of Spillway's programs.
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int bad_usage = 2;

/// What the options that every command has say.
struct Context {
  std::string instance;  // "": the one that runs
  std::filesystem::path run_directory;
  bool json = false;
  bool terminal = false;  // standard output is one
  bool colours = false;
};

using Options = boost::program_options::variables_map;
using OptionsDescription = boost::program_options::options_description;

struct Command {
  std::string_view name;
  /// Positional; options of these names. "[X]" may be left out, "[X...]" takes all that follow.
  std::vector<std::string_view> arguments;
  std::string_view summary;
  std::string_view help;                     // some lines, and examples
  void (*add_options)(OptionsDescription&);  // its own
  int (*run)(const Context&, const Options&);
};

[[nodiscard]] std::span<const Command> commands();
[[nodiscard]] const Command* find_command(std::string_view name);

/// "spillwayctl: …" on standard error; returns `failed`.
int fail(std::string_view sentence);
/// "spillwayctl: …" and where to read more; returns `bad_usage`.
int misused(std::string_view sentence, std::string_view command = {});

}  // namespace tools
