// Plan: what a proposal would do to what runs: differences, who would drain, which flows that
// concerns, how much of the hash space moves. Nothing is changed.
//
// Pure: the live figures are arguments. Compiles the proposal as if its new targets were healthy
// already, and compares Maglev tables slot by slot: as long as publishing a generation takes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/difference.h"
#include "config/facts.h"
#include "control/live/live_config.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/snapshot.h"
#include "tools/report/documents.h"

namespace control {

/// Of one target group whose target follows from a hash.
struct MovedShare {
  std::string target_group;
  double moved = 0;        // of the hash space, that goes to another target than now
  double moved_stays = 0;  // of that, what does so though its target stays
};

/// What is true now.
struct Present {
  config::Config running;
  config::Facts facts;
  std::shared_ptr<const dataplane::Snapshot> snapshot;
  std::function<std::uint64_t(dataplane::TargetId)> target_flows;
  std::function<std::uint64_t(dataplane::ListenerId)> listener_flows;
};

/// The facts of a configuration that is not applied: what is there keeps its id, what is new takes
/// free slots, new targets serve, those that are gone drain. Targets beyond the slots that are free
/// are left out.
[[nodiscard]] config::Facts planned_facts(const config::Config& wanted,
                                          const std::set<TargetName>& drained,
                                          const config::Facts& now);

/// Groups by Maglev that are in both.
[[nodiscard]] std::vector<MovedShare> moved_shares(const Present& present,
                                                   const Proposal& proposal);

/// {"differs", "refused", "needs_force", "restart_needed", "errors", "changes": [{"action", "kind",
///  "target_group", "name", "attributes": [{"name", "before", "after"}], "flows"}],
///  "moved": […], "losses": […], "dropped_changes": […], "flows": {"draining", "listeners"}}
[[nodiscard]] report::Json plan_document(const Present& present, const Proposal& proposal);

}  // namespace control
