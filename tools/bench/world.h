// World: the configuration that a case runs with, compiled to a Snapshot as the daemon does it.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "config/compile.h"
#include "dataplane/table/snapshot.h"
#include "tools/bench/family.h"

namespace tools::bench {

/// "nat", "full_nat": as the configuration file calls them.
[[nodiscard]] std::string_view name_of(dataplane::Mode mode);

struct Terms {
  dataplane::Mode mode = dataplane::Mode::Nat;
  dataplane::Algorithm algorithm = dataplane::Algorithm::RoundRobin;
  std::uint32_t targets = 64;
  /// full_nat: targets × locals × 64,512 ports is how many flows there can be.
  std::uint32_t locals = 8;
  std::uint32_t workers = 1;
  std::uint32_t maglev_table_size = 65'537;
  dataplane::Overload overload = dataplane::Overload::Refuse;
  /// So high that no case meets it, but for those that are about it: 0 would leave out the asking.
  std::uint32_t new_flows_per_second = 100'000'000;
  /// Inbound rules of security groups, of which the last lets everybody in; 0: none is attached.
  std::uint32_t rules = 0;
  dataplane::Stickiness stickiness = dataplane::Stickiness::None;
  std::chrono::milliseconds closing_timeout{10'000};
  std::chrono::seconds udp_idle_timeout{120};
};

/// Config, Facts and the Snapshot made of them. Plain values: change facts or config, then compile.
struct World {
  config::Config config;
  config::Facts facts;
  std::shared_ptr<const dataplane::Snapshot> snapshot;

  /// The next generation, which takes over what did not change.
  void compile();
};

/// Two ports, a TCP and a UDP listener, two target groups with all targets serving.
template <class Family>
[[nodiscard]] World make_world(const Terms& terms);

}  // namespace tools::bench
