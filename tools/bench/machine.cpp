#include "tools/bench/machine.h"

#include <fmt/core.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace tools::bench {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The value of the first line of /proc/cpuinfo that begins so.
std::string cpu_field(const std::string& name) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with(name) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

/// "[madvise]" of "always [madvise] never".
std::string chosen(const std::string& line) {
  const std::size_t first = line.find('['), last = line.find(']');
  return last == std::string::npos ? line : line.substr(first + 1, last - first - 1);
}

}  // namespace

Machine this_machine(double tsc_gigahertz) {
  utsname system{};
  uname(&system);
  return {.cpu = fmt::format("{} (family {} model {})", cpu_field("model name"),
                             cpu_field("cpu family"), cpu_field("model\t")),
          .cpus = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)),
          .kernel = fmt::format("{} {}", system.sysname, system.release),
          .page_policy = chosen(first_line("/sys/kernel/mm/transparent_hugepage/enabled")),
          .governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
          .tsc_gigahertz = tsc_gigahertz};
}

Build this_build() {
  Build build;
  build.version = SPILLWAY_VERSION;
  build.compiler = __VERSION__;
#if defined(__clang__)
  build.compiler = "Clang " + build.compiler;
#else
  build.compiler = "GCC " + build.compiler;
#endif
  build.type = SPILLWAY_BUILD_TYPE;
  build.march = SPILLWAY_MARCH;
#if defined(SPILLWAY_DCHECKS)
  build.dchecks = true;
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  build.sanitized = true;
#endif
#if defined(__OPTIMIZE__)
  build.optimized = true;
#endif
  return build;
}

std::vector<std::string> objections(const Build& build) {
  std::vector<std::string> found;
  if (!build.optimized) found.emplace_back("it is not optimized");
  if (build.dchecks) found.emplace_back("per-packet contract checks are on (-Ddchecks=true)");
  if (build.sanitized) found.emplace_back("a sanitizer is in it");
  return found;
}

}  // namespace tools::bench
