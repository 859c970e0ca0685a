// FlowLedger: the life of connections. Enters and removes both directions together and keeps the
// counters of that life (inserted, expired, removed, alive, active per target and listener) true.
//
// A view on one worker's table and counters, made anew for every burst; the only writer of both
// pairs.
#pragma once

#include "dataplane/counters.h"
#include "dataplane/table/flow_table.h"
#include "dataplane/table/snapshot.h"

namespace dataplane {

/// What a new connection consists of.
struct FlowStart {
  FlowKey4 to_target;  // as the client sends
  FlowKey4 to_client;  // as the target sends
  TargetId target;
  const Listener* listener;
  Phase phase = Phase::Established;
  Tick now;
  MacAddress client_mac;  // zero: not known yet
  PortId client_port;
};

enum class FlowEnd : std::uint8_t { Expired, Removed };

class FlowLedger {
 public:
  FlowLedger(FlowTable& table, std::size_t entries_max, WorkerBlock& counters)
      : table_(table), entries_max_(entries_max), counters_(counters) {}

  [[nodiscard]] FlowTable& table() { return table_; }

  /// Enters both directions; false if the table is full. Neither key may be there yet.
  [[nodiscard]] bool start(const FlowStart& flow);

  /// Removes the connection that `either` is one direction of.
  void end(FlowIndex either, FlowEnd why);

 private:
  FlowTable& table_;
  std::size_t entries_max_;
  WorkerBlock& counters_;
};

/// The counters of a target or listener slot, set to zero first if they belong to an earlier
/// incarnation of the slot.
[[nodiscard]] TargetCounters& counters_of(WorkerBlock& counters, TargetId target);
[[nodiscard]] ListenerCounters& counters_of(WorkerBlock& counters, const Listener& listener);

}  // namespace dataplane
