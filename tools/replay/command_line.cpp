#include "tools/replay/command_line.h"

#include <fmt/format.h>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <sstream>

#include "config/errors.h"

namespace tools::replay {
namespace {

namespace options = boost::program_options;
using Words = std::vector<std::string>;

options::options_description description() {
  options::options_description description("options");
  description.add_options()("config", options::value<std::string>()->value_name("FILE"),
                            "the configuration, as the daemon takes it")(
      "in", options::value<Words>()->value_name("[PORT=]FILE")->composing(),
      "a capture (pcap, pcapng) of what came in; repeatable, merged by time. Without PORT, each\n"
      "frame comes in by the port whose MAC address it is for, else by the first")(
      "out", options::value<std::string>()->value_name("FILE"),
      "write what would be sent, as it would leave (pcap)")(
      "why", "tell each packet's fate, step by step")(
      "down", options::value<Words>()->value_name("ADDRESS")->composing(),
      "a target that is not healthy; repeatable")("json",
                                                  "JSON: a line for each packet with --why,"
                                                  " then the sums")("version", "name the version")(
      "help,h", "this text");
  return description;
}

InputFile input_of(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return {"", word};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

std::variant<CommandLine, Misuse> parse(const std::vector<std::string>& words) {
  options::variables_map given;
  try {
    // Guessing ("--js") would make every new option an incompatible change.
    const int style =
        options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    const options::options_description known = description();
    const options::positional_options_description none;
    options::store(
        options::command_line_parser(words).options(known).positional(none).style(style).run(),
        given);
  } catch (const options::error& error) {
    return Misuse{error.what()};
  }
  CommandLine line;
  line.help = given.count("help") != 0;
  line.version = given.count("version") != 0;
  line.why = given.count("why") != 0;
  line.json = given.count("json") != 0;
  if (line.help || line.version) return line;
  if (given.count("config") == 0) return Misuse{"--config FILE is missing"};
  line.config_file = given["config"].as<std::string>();
  if (given.count("in") == 0) return Misuse{"--in FILE is missing"};
  for (const std::string& word : given["in"].as<Words>()) line.inputs.push_back(input_of(word));
  if (given.count("out") != 0) line.output = given["out"].as<std::string>();
  if (given.count("down") != 0) {
    for (const std::string& word : given["down"].as<Words>()) {
      const auto address = dataplane::parse_address(word);
      if (!address) {
        return Misuse{fmt::format("--down {}: is not an IP address", config::in_quotes(word))};
      }
      line.down.insert(*address);
    }
  }
  return line;
}

std::string help() {
  std::ostringstream text;
  text << "usage: spillway-replay --config FILE --in [PORT=]FILE... [OPTION]...\n"
          "\n"
          "Takes the packets of a capture through the path that the daemon runs, with the\n"
          "capture's own clock, and says what becomes of each: without a NIC, without rights,\n"
          "and without touching a running instance. Every target is healthy but those given with\n"
          "--down; MAC addresses that the configuration does not have are made up.\n"
          "\n"
       << description()
       << "\n"
          "examples:\n"
          "  spillway-replay --config edge.cfg --in front=clients.pcap --why\n"
          "  spillway-replay --config edge.cfg --in front=c.pcap --in back=t.pcap --out sent.pcap\n"
          "exit status: 0 done, 1 a capture cannot be read or written, 2 bad usage or "
          "configuration\n";
  return text.str();
}

}  // namespace tools::replay
