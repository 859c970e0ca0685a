// FlowNames: what the flow log calls the listeners and targets that flows hold the ids of.
//
// Immutable: control makes new ones from the lifecycle's records whenever those change, the flow
// log's thread reads them. Records are released when no flow is left on them, but flows that have
// ended may still wait in a worker's ring: so those that are gone are kept, with their incarnation,
// until the rings have been empty since.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "control/lifecycle/lifecycle.h"
#include "dataplane/segment.h"
#include "dataplane/table/ids.h"
#include "dataplane/table/target_state.h"

namespace control {

class FlowNames {
 public:
  // Names have letters, digits and hyphens only (config/check): as they are, they are JSON.
  struct Target {
    dataplane::TargetId id = dataplane::no_target;
    dataplane::TargetState state{};  // as far as control knows
    dataplane::Text<33> target_group;
    dataplane::Text<33> zone;  // "": none
  };
  struct Listener {
    dataplane::ListenerId id = dataplane::no_listener;
    std::uint16_t incarnation = 0;
    dataplane::Text<33> name;
  };

  /// Of nothing.
  FlowNames() = default;
  /// Those of the records, and those that `before` had and that are gone now, unless they were gone
  /// two rounds ago. `round`: how often all rings have been found empty so far.
  FlowNames(const Records& records, const FlowNames& before, std::uint64_t round);

  /// Null: not known.
  [[nodiscard]] const Target* find(dataplane::TargetId id) const;
  [[nodiscard]] const Listener* find(dataplane::ListenerId id, std::uint16_t incarnation) const;
  [[nodiscard]] std::size_t gone() const { return gone_targets_.size() + gone_listeners_.size(); }

 private:
  template <class Named>
  struct Gone {
    Named named;
    std::uint64_t round;  // when it was found to be gone
  };

  std::vector<Target> targets_;      // by slot
  std::vector<Listener> listeners_;  // by slot
  std::vector<Gone<Target>> gone_targets_;
  std::vector<Gone<Listener>> gone_listeners_;
};

}  // namespace control
