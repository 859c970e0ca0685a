// Machine: what ran the bench and how it was built: without that, figures say nothing.
#pragma once

#include <string>
#include <vector>

namespace tools::bench {

struct Machine {
  std::string cpu{};  // as the kernel calls it
  unsigned cpus = 0;
  std::string kernel{};
  std::string page_policy{};  // of transparent huge pages
  std::string governor{};     // "": the kernel does not say (most virtual machines)
  double tsc_gigahertz = 0;
};
[[nodiscard]] Machine this_machine(double tsc_gigahertz);

struct Build {
  std::string version{};
  std::string compiler{};
  std::string type{};  // Meson's build type
  std::string march{};
  bool dchecks = false;
  bool sanitized = false;
  bool optimized = false;
};
[[nodiscard]] Build this_build();

/// Why this build's times are not the product's; empty for a release build.
[[nodiscard]] std::vector<std::string> objections(const Build& build);

}  // namespace tools::bench
