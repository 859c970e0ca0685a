// spillwayctl: operates a running instance through its shared memory and its control socket.

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "tools/report/place.h"
#include "tools/spillwayctl/command_line.h"

namespace {

int run(const std::vector<std::string>& words) {
  const auto parsed = tools::parse(words);
  if (const auto* misuse = std::get_if<tools::Misuse>(&parsed)) {
    return tools::misused(misuse->sentence, misuse->command);
  }
  const auto& line = std::get<tools::CommandLine>(parsed);
  if (line.help) {
    const std::string text =
        line.command == nullptr ? tools::general_help() : tools::help_of(*line.command);
    std::fputs(text.c_str(), stdout);
    return tools::done;
  }
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const tools::Context context{
      .instance = line.instance,
      .run_directory = line.run_directory.empty() ? report::default_run_directory()
                                                  : std::filesystem::path(line.run_directory),
      .json = line.json,
      .terminal = terminal,
      .colours = terminal && std::getenv("NO_COLOR") == nullptr,
  };
  return line.command->run(context, line.options);
}

}  // namespace

int main(int count, char** words) {
  try {
    const int status = run({words + 1, words + count});
    // A table that did not arrive (a full disk, a closed pipe) was not printed.
    const bool arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    return arrived ? status : tools::failed;
  } catch (const std::exception& error) {
    return tools::fail(error.what());
  }
}
