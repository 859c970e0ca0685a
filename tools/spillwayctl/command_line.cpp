#include "tools/spillwayctl/command_line.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <sstream>
#include <utility>

namespace tools {
namespace {

namespace options = boost::program_options;

OptionsDescription general_options() {
  OptionsDescription description("options of every command");
  description.add_options()("instance,i", options::value<std::string>()->value_name("NAME"),
                            "the instance; may be left out if only one is running")(
      "run-dir", options::value<std::string>()->value_name("DIR"),
      "where its control socket is (default: /run/spillway for root, else "
      "$XDG_RUNTIME_DIR/spillway, else /tmp/spillway-UID)")(
      "json", "print the JSON document instead of a table")("help,h", "this text");
  return description;
}

/// The index of the command: the first word that is neither an option nor an option's value.
std::size_t command_index(const std::vector<std::string>& words) {
  const auto takes_value = [](const std::string& word) {
    return word == "--instance" || word == "-i" || word == "--run-dir";
  };
  std::size_t i = 0;
  while (i < words.size() && words[i].starts_with('-')) i += takes_value(words[i]) ? 2 : 1;
  return std::min(i, words.size());
}

/// The command whose words begin at `index`, one of two words ("zone shift") first; how many they
/// are.
std::pair<const Command*, std::size_t> command_at(const std::vector<std::string>& words,
                                                  std::size_t index) {
  if (index + 1 < words.size()) {
    const Command* command = find_command(words[index] + ' ' + words[index + 1]);
    if (command != nullptr) return {command, 2};
  }
  if (index < words.size()) return {find_command(words[index]), 1};
  return {nullptr, 0};
}

/// What to say of a word that is no command: "zone" wants another one.
std::string no_command(const std::string& word) {
  std::string second;
  for (const Command& command : commands()) {
    if (!command.name.starts_with(word + ' ')) continue;
    second += (second.empty() ? "" : ", ") + std::string(command.name.substr(word.size() + 1));
  }
  if (second.empty()) return fmt::format("there is no command \"{}\"", word);
  return fmt::format("\"{}\" needs a second word: {}", word, second);
}

std::string listed(const std::vector<std::string_view>& arguments) {
  std::string text;
  for (const std::string_view argument : arguments) text += fmt::format(" {}", argument);
  return text;
}

std::string described(const OptionsDescription& description) {
  std::ostringstream text;
  text << description;
  return text.str();
}

/// An argument that a command needs and did not get.
std::string missing_argument(const Command& command, const Options& given) {
  for (const std::string_view argument : command.arguments) {
    if (given.count(std::string(argument)) == 0) return std::string(argument);
  }
  return {};
}

CommandLine command_line(const Command* command, Options given) {
  const auto value = [&](const char* name) {
    return given.count(name) != 0 ? given[name].as<std::string>() : std::string();
  };
  return {.command = command,
          .help = given.count("help") != 0,
          .instance = value("instance"),
          .run_directory = value("run-dir"),
          .json = given.count("json") != 0,
          .options = std::move(given)};
}

}  // namespace

std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words) {
  const std::size_t index = command_index(words);
  const auto [command, word_count] = command_at(words, index);
  if (index < words.size() && command == nullptr) return Misuse{no_command(words[index]), ""};
  const std::string name(command == nullptr ? "" : command->name);
  std::vector<std::string> rest = words;
  OptionsDescription description = general_options();
  options::positional_options_description positions;
  if (command != nullptr) {
    const auto first = rest.begin() + static_cast<std::ptrdiff_t>(index);
    rest.erase(first, first + static_cast<std::ptrdiff_t>(word_count));
    command->add_options(description);
    for (const std::string_view argument : command->arguments) {
      description.add_options()(std::string(argument).c_str(), options::value<std::string>());
      positions.add(std::string(argument).c_str(), 1);
    }
  }
  Options given;
  try {
    // Guessing ("--inst") would make every new option an incompatible change.
    const int style =
        options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    options::store(options::command_line_parser(rest)
                       .options(description)
                       .positional(positions)
                       .style(style)
                       .run(),
                   given);
  } catch (const options::too_many_positional_options_error&) {
    return Misuse{fmt::format("too many words: {} takes{}", name,
                              command->arguments.empty() ? " none" : listed(command->arguments)),
                  name};
  } catch (const options::error& error) {
    return Misuse{error.what(), name};
  }
  CommandLine line = command_line(command, std::move(given));
  if (line.help) return line;
  if (command == nullptr) return Misuse{"which command?", ""};
  const std::string missing = missing_argument(*command, line.options);
  if (!missing.empty()) return Misuse{fmt::format("{} needs {}", name, missing), name};
  return line;
}

std::string general_help() {
  std::string text =
      "usage: spillwayctl [--instance NAME] [--run-dir DIR] [--json] COMMAND [OPTION]...\n"
      "\n"
      "Operates a running Spillway instance.\n"
      "\n"
      "commands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<13} {}\n", command.name, command.summary);
  }
  return text + "\n" + described(general_options()) +
         "\n"
         "Each command has its own --help with examples.\n"
         "exit status: 0 done, 1 failed, 2 bad usage\n";
}

std::string help_of(const Command& command) {
  OptionsDescription own("options");
  command.add_options(own);
  std::string text =
      fmt::format("usage: spillwayctl {}{}{}\n\n{}.\n\n{}", command.name, listed(command.arguments),
                  own.options().empty() ? "" : " [OPTION]...", command.summary, command.help);
  if (!own.options().empty()) text += '\n' + described(own);
  return text + '\n' + described(general_options());
}

}  // namespace tools
