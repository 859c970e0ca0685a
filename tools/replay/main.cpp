// spillway-replay: the product's path on a capture.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "config/check.h"
#include "tools/explain/story.h"
#include "tools/replay/command_line.h"
#include "tools/replay/replay.h"

namespace {

using namespace tools::replay;
using explain::Json;

Json told_document(const World& world, const Told& told) {
  Json document{{"number", told.number}, {"unix_nanoseconds", told.nanoseconds}};
  document.update(explain::story(*world.snapshot, *told.fate, *told.arrived, told.port, world.names,
                                 {.waited_seconds = told.waited_seconds}));
  return document;
}

void print_sums(const Sums& sums, bool json) {
  if (json) {
    Json verdicts = Json::object();
    for (const auto& [verdict, count] : sums.verdicts) {
      verdicts[std::string(to_string(verdict))] = count;
    }
    const Json document{{"packets", sums.packets}, {"cut", sums.cut},
                        {"sent", sums.sent},       {"released", sums.released},
                        {"waiting", sums.waiting}, {"verdicts", std::move(verdicts)}};
    fmt::print("{}\n", document.dump());
    return;
  }
  fmt::print("{} packets, {} sent\n", sums.packets, sums.sent);
  if (sums.released + sums.waiting != 0) {
    fmt::print("of those that waited in a surge queue, {} went on, and {} still wait at the end\n",
               sums.released, sums.waiting);
  }
  for (const auto& [verdict, count] : sums.verdicts) {
    fmt::print("{:>9}  {:<25}  {}\n", count, to_string(verdict), dataplane::explain(verdict));
  }
  if (sums.cut != 0) {
    fmt::print(stderr,
               "spillway-replay: {} packets are only there in part; capture whole ones "
               "(tcpdump -s 0)\n",
               sums.cut);
  }
}

int run(const CommandLine& line) {
  auto loaded = config::load(line.config_file);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    fmt::print(stderr, "{}", config::to_string(*errors));
    return 2;
  }
  const auto world = make_world(std::get<config::Config>(std::move(loaded)), line.down);
  const Sums sums = replay(*world, line, [&](const Told& told) {
    if (!line.why) return;
    const Json document = told_document(*world, told);
    if (line.json) {
      fmt::print("{}\n", document.dump());
    } else {
      fmt::print("{}: {}", told.number, explain::story_text(document));
    }
  });
  print_sums(sums, line.json);
  if (std::fflush(stdout) != 0) {
    fmt::print(stderr, "spillway-replay: not all of the output could be written\n");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = parse(std::vector<std::string>(argv + 1, argv + argc));
    if (const auto* misuse = std::get_if<Misuse>(&parsed)) {
      fmt::print(stderr, "spillway-replay: {}\ntry: spillway-replay --help\n", misuse->sentence);
      return 2;
    }
    const CommandLine& line = std::get<CommandLine>(parsed);
    if (line.help || line.version) {
      fmt::print("{}", line.help ? help() : "spillway-replay " SPILLWAY_VERSION "\n");
      return 0;
    }
    return run(line);
  } catch (const std::exception& error) {
    fmt::print(stderr, "spillway-replay: {}\n", error.what());
    return 1;
  }
}
