// Explainer: what would become of a packet that a client might send now, and why.
//
// Asks the workers whether they have its flow. Then the packet goes through the product's own path
// with the newest snapshot, in a trial of its own (tools/explain) that knows this flow, how many
// connections limited targets have, and how many clients wait: nothing which runs is touched. Runs
// on the control thread; a trial takes less than a millisecond.
#pragma once

#include <functional>
#include <memory>

#include "control/commands.h"
#include "control/flow_inquiry.h"
#include "dataplane/table/snapshot.h"
#include "tools/explain/names.h"

namespace control {

class Explainer {
 public:
  /// What runs now.
  struct Running {
    std::shared_ptr<const dataplane::Snapshot> snapshot;
    explain::Names names;
    dataplane::Seed owner_seed;
  };

  Explainer(FlowInquiry& flows, report::SegmentView view, std::function<Running()> running);

  /// 400: no port has that name, or the addresses are of two families.
  void ask(const ExplainWanted& wanted, Done done);

 private:
  [[nodiscard]] Outcome answer(const ExplainWanted& wanted, const FlowInquiry::Found* found) const;

  FlowInquiry& flows_;
  report::SegmentView view_;
  std::function<Running()> running_;
};

}  // namespace control
