// World: one of the configurations that the model test drives, and what changes there beside the
// traffic.
#pragma once

#include <cstdint>
#include <string>

#include "tests/model/generator.h"
#include "tests/support/cpp/rig.h"

namespace tests {

struct World {
  std::string name;
  dataplane::Mode mode;
  dataplane::Algorithm algorithm;
  int workers;
  dataplane::Family family = dataplane::Family::V4;
  bool rss = false;            // with NICs that say so, and deal packets out at random all the same
  std::uint32_t rate = 0;      // new flows per second and worker
  std::uint32_t flows = 2048;  // per worker
  bool forward = false;        // without a flow, what is above either
  bool sticky = false;         // by the client's address, for longer than the test takes
  bool keeps = false;          // listeners of ranges, whose targets keep the port
  bool limits = false;         // targets and groups take so many connections; SYNs wait
  bool weighted = false;       // a listener of three groups by weight, and a standby
  bool zones = false;          // targets in zones, thresholds, shifts, zonal affinity

  /// In a full table it matters when a flow makes room, and a burst's flows end before any begins;
  /// where clients are remembered, which worker meets one first, and a burst is one worker's after
  /// the other's; where they wait, who came first. So one packet at a time.
  [[nodiscard]] bool singly() const { return flows < 2048 || sticky || limits; }
};

// --- the same world, but ---

[[nodiscard]] World keeping(World world);
[[nodiscard]] World overloaded(World world, const std::string& name, std::uint32_t rate,
                               std::uint32_t flows, bool forward);
[[nodiscard]] World sticky(World world);
[[nodiscard]] World limited(World world);
[[nodiscard]] World weighted(World world);
[[nodiscard]] World zoned(World world);

[[nodiscard]] config::Config config_of(const World& world);
[[nodiscard]] config::Facts facts_of(const World& world, const config::Config& config);

/// Publishes something else: targets come and go, and what the world is about. False: twice at
/// once, so that places were given which nobody has taken before they were gone.
[[nodiscard]] bool change(const World& world, Rig& rig, Generator& generator);

}  // namespace tests
