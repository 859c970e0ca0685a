#include "config/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
// GCC 12 takes the library's any_cast, whose result it has just checked, for null at -O3.
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <boost/program_options.hpp>
#include <boost/token_functions.hpp>
#include <cstdlib>
#include <sstream>

#include "config/errors.h"

namespace config {
namespace {

namespace po = boost::program_options;

constexpr int usage_status = 2;

constexpr const char* log_levels_text = "trace, debug, info, warning, error";
const std::vector<std::string> log_levels = {"trace", "debug", "info", "warning", "error"};

po::options_description descriptions() {
  po::options_description all{"Options", 100, 60};
  const auto text = [] { return po::value<std::string>(); };
  all.add_options()("config,c", text()->value_name("FILE"),
                    "the configuration (docs/configuration.md)")(
      "check", "say what is wrong with the configuration, and stop")(
      "eal", text()->value_name("\"ARGS\""), "more arguments for DPDK's EAL, in one word")(
      "run-dir", text()->value_name("DIR"),
      "where the control socket goes (default: /run/spillway for root, else "
      "$XDG_RUNTIME_DIR/spillway, else /tmp/spillway-UID)")(
      "state-dir", text()->value_name("DIR"),
      "where changes by spillwayctl are kept over a restart (default: $STATE_DIRECTORY, else "
      "/var/lib/spillway for root, else $XDG_STATE_HOME/spillway or ~/.local/state/spillway)")(
      "discard-changes", "forget these changes: run the file alone")(
      "log-level", text()->value_name("LEVEL"),
      "trace, debug, info, warning or error (default: info)")("version", "print the version")(
      "help,h", "print this");
  return all;
}

std::string help() {
  std::string text =
      "spillway balances TCP and UDP flows over targets, on poll-mode cores with DPDK.\n"
      "\n"
      "Usage: spillway --config FILE [--check] [--eal \"ARGS\"] [--run-dir DIR] [--state-dir DIR]\n"
      "                [--discard-changes]\n"
      "\n";
  std::ostringstream options;
  options << descriptions();
  text += options.str();
  text +=
      "\n"
      "Examples:\n"
      "  spillway --config /etc/spillway/edge.cfg\n"
      "  spillway --config edge.cfg --check          every mistake in it, with its line\n"
      "  spillway --config config/examples/null.cfg  no NIC, no hugepages, no root\n"
      "  spillway --config edge.cfg --eal \"--log-level pmd:debug\"\n"
      "\n"
      "Signals: SIGHUP reads the configuration again (a wrong one changes nothing, nor one that\n"
      "leaves a target group without healthy targets: spillwayctl reload --force); SIGTERM and\n"
      "SIGINT stop.\n"
      "\n"
      "Exit status: 0 done, 1 failed at run time, 2 bad usage or configuration.\n";
  return text;
}

Exit bad_usage(const std::string& problem) {
  return {usage_status, fmt::format("spillway: {}\nTry \"spillway --help\".\n", problem)};
}

/// What the library says, but naming what was probably meant.
std::string unknown_option(const std::string& name) {
  std::vector<std::string> known;
  const po::options_description all = descriptions();
  for (const auto& option : all.options()) known.push_back(option->long_name());
  const std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  const std::string* meant = nearest(bare, known);
  return fmt::format("unknown option {}.{}", in_quotes(name),
                     meant == nullptr ? "" : fmt::format(" Did you mean --{}?", *meant));
}

std::variant<Options, Exit> checked(const po::variables_map& given) {
  if (given.count("help") != 0) return Exit{0, help()};
  if (given.count("version") != 0) return Exit{0, "spillway " SPILLWAY_VERSION "\n"};
  const auto text = [&given](const char* name, const std::string& otherwise) {
    return given.count(name) != 0 ? given[name].as<std::string>() : otherwise;
  };
  Options options;
  options.config_file = text("config", "");
  options.check = given.count("check") != 0;
  try {
    options.eal = po::split_unix(text("eal", ""));
  } catch (const boost::escaped_list_error& exception) {
    return bad_usage(fmt::format("--eal {}: {}.", in_quotes(text("eal", "")), exception.what()));
  }
  options.run_dir = text("run-dir", default_run_dir());
  options.state_dir = text("state-dir", default_state_dir());
  options.discard_changes = given.count("discard-changes") != 0;
  options.log_level = text("log-level", options.log_level);
  // "--config --check": the library takes the next word, whatever it is.
  const auto absent = [](const std::string& value) {
    return value.empty() || value.rfind("--", 0) == 0;
  };
  if (absent(options.config_file)) return bad_usage("--config FILE is missing.");
  if (absent(options.run_dir)) return bad_usage("--run-dir needs a directory.");
  if (absent(options.state_dir)) return bad_usage("--state-dir needs a directory.");
  if (std::find(log_levels.begin(), log_levels.end(), options.log_level) == log_levels.end()) {
    return bad_usage(fmt::format("--log-level {}: allowed are {}.{}", in_quotes(options.log_level),
                                 log_levels_text, did_you_mean(options.log_level, log_levels)));
  }
  return options;
}

}  // namespace

std::variant<Options, Exit> parse_options(int argc, const char* const* argv) {
  namespace style = po::command_line_style;
  const int strict = style::unix_style & ~style::allow_guessing;
  try {
    const po::options_description all = descriptions();
    po::variables_map given;
    // None may stand without its option's name.
    po::store(po::command_line_parser(argc, argv)
                  .options(all)
                  .style(strict)
                  .positional(po::positional_options_description{})
                  .run(),
              given);
    return checked(given);
  } catch (const po::too_many_positional_options_error&) {
    return bad_usage("every argument needs its option's name, like --config FILE.");
  } catch (const po::unknown_option& exception) {
    return bad_usage(unknown_option(exception.get_option_name()));
  } catch (const std::exception& exception) {
    return bad_usage(fmt::format("{}.", exception.what()));
  }
}

std::string default_run_dir() {
  if (geteuid() == 0) return "/run/spillway";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string{runtime} + "/spillway";
  return fmt::format("/tmp/spillway-{}", geteuid());
}

std::string default_state_dir() {
  const auto directory = [](const char* variable) -> std::string {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value != '/') return "";
    const std::string_view all = value;
    return std::string{all.substr(0, all.find(':'))};  // systemd may give several
  };
  if (const std::string given = directory("STATE_DIRECTORY"); !given.empty()) return given;
  if (geteuid() == 0) return "/var/lib/spillway";
  if (const std::string state = directory("XDG_STATE_HOME"); !state.empty()) {
    return state + "/spillway";
  }
  if (const std::string home = directory("HOME"); !home.empty()) {
    return home + "/.local/state/spillway";
  }
  return default_run_dir();
}

}  // namespace config
