// Turns: whose turn it is. Where round robin stands in each target group, which local port full_nat
// tries next, how many new flows may begin now, on one worker; and which clients have had theirs.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/counters.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/sticky_table.h"
#include "dataplane/table/token_bucket.h"

namespace dataplane {

/// What least_connections knows of a target beside the flows that it has on this worker.
struct TargetLoad {
  /// Its flows on other workers, as control last summed them up (control/flow_loads): so that
  /// nothing is written that workers share.
  Counter elsewhere;
  /// Its flows among the drafts that are being drawn (path/drafts.h); 0 between bursts.
  std::uint64_t drafted = 0;
};

struct Turns {
  WorkerId worker;
  std::array<std::uint64_t, target_groups_max> cursors{};  // by TargetGroupId slot
  std::uint64_t draws = 0;                                 // least_connections': how many so far
  std::array<TargetLoad, targets_max> loads{};             // least_connections', by slot
  std::uint64_t local_port = 0;      // places on the way over all local ports: path/local_ports
  TokenBucket new_flows;             // at Snapshot::new_flows_per_second
  StickyTable* sticky = nullptr;     // all workers'; null: nobody is remembered
  std::uint64_t sticky_found = 0;    // new flows that went where their client had gone before
  std::uint64_t sticky_evicted = 0;  // clients forgotten before their time
};

}  // namespace dataplane
