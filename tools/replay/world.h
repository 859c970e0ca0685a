// World: a configuration as if it ran, for a capture: every target healthy but those that are said
// to be down, every next hop resolved. What the file does not say is made up, always alike.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "config/config.h"
#include "config/facts.h"
#include "dataplane/table/snapshot.h"
#include "tools/explain/names.h"

namespace tools::replay {

struct World {
  config::Config config;
  config::Facts facts;
  std::shared_ptr<const dataplane::Snapshot> snapshot;
  explain::Names names;
};

/// `down`: addresses of targets that get no new flows. Ports without a `mac` get 02:00:00:00:00:0N,
/// gateways and targets that no `neighbours` names, 02:00:00:01:NN:NN in the file's order.
[[nodiscard]] std::unique_ptr<World> make_world(config::Config config,
                                                const std::set<dataplane::IpAddress>& down);

}  // namespace tools::replay
