// compile: Config + Facts → Snapshot. Pure: the same input gives the same snapshot, on any machine.
#pragma once

#include <memory>

#include "config/config.h"
#include "config/facts.h"
#include "dataplane/table/snapshot.h"

namespace config {

/// Builds the generation `facts.generation`. `previous` (may be null) lends its Maglev tables and
/// schedules to groups whose eligible targets and weights are the same. CHECKs that every listener,
/// group and port of the config has its fact; bad operator input has been refused by check()
/// before.
[[nodiscard]] std::shared_ptr<const dataplane::Snapshot> compile(
    const Config& config, const Facts& facts, const dataplane::Snapshot* previous);

}  // namespace config
