// spillway-bench: the packet path in memory, in nanoseconds.

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "tools/bench/cases.h"
#include "tools/bench/command_line.h"
#include "tools/bench/report.h"

namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int bad_usage = 2;

namespace bench = tools::bench;

int misused(const std::string& sentence) {
  fmt::print(stderr, "spillway-bench: {}\nspillway-bench --help tells more\n", sentence);
  return bad_usage;
}

void warn(const bench::Build& build) {
  for (const std::string& objection : bench::objections(build)) {
    fmt::print(stderr, "spillway-bench: these are not the product's figures: {}\n", objection);
  }
}

bool save(const std::string& name, const std::string& text) {
  std::ofstream file(name, std::ios::binary);
  file << text;
  file.close();
  if (file) return true;
  fmt::print(stderr, "spillway-bench: {} cannot be written\n", name);
  return false;
}

int run(const bench::CommandLine& line) {
  const std::vector<bench::Group> groups = bench::all_groups(line.wishes.quick);
  const bench::Clock clock;
  bench::Progress progress(isatty(STDERR_FILENO) == 1);
  bench::Bench all(line.wishes, clock, progress);
  bool any = false;
  for (const bench::Group& group : groups) {
    for (const std::string& name : group.cases) {
      if (!all.wanted(name)) continue;
      any = true;
      if (line.list) fmt::print("{}\n", name);
    }
  }
  if (!any) return misused("no case has such a name; --list names them");
  if (line.list) return done;
  const bench::Origin origin{bench::this_machine(clock.gigahertz()), bench::this_build()};
  warn(origin.build);
  all.run(groups);
  const std::string json = bench::document(all, origin).dump(2) + '\n';
  const bool colours = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  std::fputs((line.json ? json : bench::table(all, origin, colours)).c_str(), stdout);
  if (!line.save.empty() && !save(line.save, json)) return failed;
  return all.failed().empty() ? done : failed;
}

}  // namespace

int main(int count, char** words) {
  try {
    const auto parsed = bench::parse({words + 1, words + count});
    if (const auto* misuse = std::get_if<bench::Misuse>(&parsed)) return misused(misuse->sentence);
    const auto& line = std::get<bench::CommandLine>(parsed);
    if (line.help) std::fputs(bench::help().c_str(), stdout);
    const int status = line.help ? done : run(line);
    // A table that did not arrive (a full disk, a closed pipe) was not printed.
    const bool arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    return arrived ? status : failed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "spillway-bench: {}\n", error.what());
    return failed;
  }
}
