#include "tools/exporter/options.h"

#include <fmt/core.h>

#include <bit>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <optional>
#include <sstream>

#include "tools/report/place.h"

namespace exporter {
namespace {

namespace options = boost::program_options;

constexpr const char* usage =
    "usage: spillway-exporter --instance NAME [--listen ADDRESS:PORT] [OPTION]...\n"
    "\n"
    "Shows a Spillway instance of this machine to Prometheus (/metrics) and to people (/, a "
    "status\n"
    "page). Reads only the instance's shared memory: it asks the daemon nothing, needs no right "
    "but\n"
    "to read /dev/shm/spillway-NAME, may be started before the daemon and outlives it.\n";
constexpr const char* examples =
    "\n"
    "There is no password and no TLS: listen on the loopback address or on one of a network that\n"
    "may know what the page shows, or put a web server in front.\n"
    "\n"
    "examples:\n"
    "  spillway-exporter --instance edge-1\n"
    "  spillway-exporter --instance edge-1 --listen [::]:9177 --histograms listeners\n"
    "  curl -s http://127.0.0.1:9177/metrics | grep spillway_target_state\n"
    "\n"
    "exit status: 0 stopped by SIGINT or SIGTERM, 1 failed, 2 bad usage\n";

options::options_description described() {
  options::options_description description("options");
  description.add_options()("instance,i", options::value<std::string>()->value_name("NAME"),
                            "the instance, as its configuration names it")(
      "listen",
      options::value<std::string>()->value_name("ADDRESS:PORT")->default_value("127.0.0.1:9177"),
      "where to listen; port 0: one that is free, which the first line of output tells")(
      "histograms", options::value<std::string>()->value_name("WHICH")->default_value("all"),
      "of what there are histograms: all (listeners and targets), listeners, or none")(
      "buckets", options::value<unsigned>()->value_name("N")->default_value(2),
      "bounds that histograms have to each power of two: 1, 2, 4, 8, 16 or 32; more are finer, and "
      "cost Prometheus more series")("help,h", "this text")("version", "the program's version");
  return description;
}

Exit mistake(const std::string& sentence) {
  return {2, fmt::format("spillway-exporter: {}\ntry: spillway-exporter --help\n", sentence)};
}

std::optional<HistogramChoice> histogram_choice(const std::string& which, unsigned buckets) {
  if (which == "all") return HistogramChoice{true, true, buckets};
  if (which == "listeners") return HistogramChoice{true, false, buckets};
  if (which == "none") return HistogramChoice{false, false, buckets};
  return std::nullopt;
}

std::variant<ExporterOptions, Exit> checked(const options::variables_map& given) {
  if (given.count("instance") == 0) {
    return mistake("which instance? --instance NAME, as its configuration file says");
  }
  ExporterOptions result{given["instance"].as<std::string>(), {}, {}};
  if (!report::is_instance_name(result.instance)) {
    return mistake(
        fmt::format("--instance \"{}\" cannot be an instance's name: 1 to 63 letters, "
                    "digits, '.', '_' and '-' are allowed",
                    result.instance));
  }
  auto place = parse_place(given["listen"].as<std::string>());
  if (const auto* why = std::get_if<std::string>(&place)) return mistake("--listen " + *why);
  result.listen = std::get<Place>(std::move(place));
  const unsigned buckets = given["buckets"].as<unsigned>();
  if (!std::has_single_bit(buckets) || buckets > 32) {
    return mistake(fmt::format("--buckets {}: 1, 2, 4, 8, 16 and 32 are allowed", buckets));
  }
  const auto which = given["histograms"].as<std::string>();
  const auto choice = histogram_choice(which, buckets);
  if (!choice) {
    return mistake(fmt::format("--histograms {}: all, listeners and none are allowed", which));
  }
  result.histograms = *choice;
  return result;
}

}  // namespace

std::variant<ExporterOptions, Exit> parse_options(const std::vector<std::string>& words) {
  const options::options_description description = described();
  options::variables_map given;
  try {
    // Guessing ("--inst") would make every new option an incompatible change.
    const int style =
        options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    options::store(
        options::command_line_parser(words).options(description).positional({}).style(style).run(),
        given);
  } catch (const options::too_many_positional_options_error&) {
    return mistake("there is a word that belongs to no option");
  } catch (const options::error& error) {
    return mistake(error.what());
  }
  if (given.count("help") != 0) {
    std::ostringstream text;
    text << usage << '\n' << description << examples;
    return Exit{0, text.str()};
  }
  if (given.count("version") != 0) return Exit{0, "spillway-exporter " SPILLWAY_VERSION "\n"};
  return checked(given);
}

}  // namespace exporter
