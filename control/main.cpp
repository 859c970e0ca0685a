// spillway: the load balancer. Reads the command line and the configuration, then runs the daemon.
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <variant>

#include "config/check.h"
#include "config/options.h"
#include "control/daemon.h"
#include "control/log.h"

namespace {

enum Status : int { Done = 0, Failed = 1, BadUsage = 2 };

int check_only(const config::Config& config) {
  std::size_t targets = 0;
  for (const config::TargetGroup& group : config.target_groups) targets += group.targets.size();
  std::printf("%s: valid: %zu port%s, %zu listener%s, %zu target group%s, %zu target%s\n",
              config.file.c_str(), config.ports.size(), config.ports.size() == 1 ? "" : "s",
              config.listeners.size(), config.listeners.size() == 1 ? "" : "s",
              config.target_groups.size(), config.target_groups.size() == 1 ? "" : "s", targets,
              targets == 1 ? "" : "s");
  return Done;
}

int run(const config::Options& options) {
  auto loaded = config::load(options.config_file);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    std::fputs(to_string(*errors).c_str(), stderr);
    return BadUsage;
  }
  config::Config& config = std::get<config::Config>(loaded);
  if (options.check) return check_only(config);
  control::start_log(options.log_level);
  try {
    control::Daemon daemon(std::move(config), options);
    return daemon.run() ? Done : Failed;
  } catch (const std::exception& error) {
    control::log_error_lines(error.what());
    return Failed;
  }
}

/// A probe in flight is a descriptor: a thousand unreachable targets need more than 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = config::parse_options(argc, argv);
  if (const auto* exit = std::get_if<config::Exit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->status == Done ? stdout : stderr);
    return exit->status;
  }
  raise_descriptor_limit();
  return run(std::get<config::Options>(parsed));
}
