#include "tools/bench/command_line.h"

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <sstream>

namespace tools::bench {
namespace {

namespace options = boost::program_options;

options::options_description description() {
  options::options_description description("options");
  description.add_options()(
      "case", options::value<std::vector<std::string>>()->value_name("SUBSTRING")->composing(),
      "only cases whose name contains this; repeatable")(
      "quick", "only small cases of every kind: less than 20 seconds in all")(
      "max-flows", options::value<std::uint64_t>()->value_name("N"), "no case with more flows")(
      "memory", options::value<std::uint64_t>()->value_name("MB"),
      "no case that needs more memory (default: what is free, but 2 GB)")(
      "json", "print a JSON document instead of a table")(
      "save", options::value<std::string>()->value_name("FILE"),
      "write the JSON document to this file, besides")("list", "name the cases and end")(
      "help,h", "this text");
  return description;
}

/// A word that no option takes; "" if there is none.
std::string stray_word(const options::parsed_options& parsed) {
  for (const auto& option : parsed.options) {
    if (option.position_key >= 0) return option.value.front();
  }
  return {};
}

}  // namespace

std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words) {
  options::variables_map given;
  try {
    // Guessing ("--js") would make every new option an incompatible change.
    const int style =
        options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    const options::options_description known = description();
    const auto parsed = options::command_line_parser(words).options(known).style(style).run();
    const std::string stray = stray_word(parsed);
    if (!stray.empty()) return Misuse{"\"" + stray + "\" is not an option"};
    options::store(parsed, given);
  } catch (const options::error& error) {
    return Misuse{error.what()};
  }
  CommandLine line{.help = given.count("help") != 0,
                   .list = given.count("list") != 0,
                   .json = given.count("json") != 0};
  line.wishes.quick = given.count("quick") != 0;
  if (given.count("case") != 0) line.wishes.cases = given["case"].as<std::vector<std::string>>();
  if (given.count("save") != 0) line.save = given["save"].as<std::string>();
  if (given.count("max-flows") != 0) line.wishes.flows_max = given["max-flows"].as<std::uint64_t>();
  if (given.count("memory") != 0) {
    const std::uint64_t megabytes = given["memory"].as<std::uint64_t>();
    if (megabytes > SIZE_MAX / 1'000'000) return Misuse{"--memory is in megabytes"};
    line.wishes.memory_max = megabytes * 1'000'000;
  }
  return line;
}

std::string help() {
  std::ostringstream text;
  text
      << "usage: spillway-bench [OPTION]...\n"
         "\n"
         "Measures the packet path in memory: the code that the daemon runs, with frames that lie\n"
         "in memory instead of a NIC. Each case is measured in short slices, and packets that do\n"
         "not take the way that is measured make it fail.\n"
         "\n"
      << description()
      << "\n"
         "examples:\n"
         "  spillway-bench --quick\n"
         "  spillway-bench --case established/1032192 --case reference\n"
         "  spillway-bench --save bench.json && tools/plot_bench.py bench.json\n"
         "exit status: 0 done, 1 a case failed, 2 bad usage\n";
  return text.str();
}

}  // namespace tools::bench
