// OutboundRules: which health checks the security groups let out, as ELB has it: checks obey
// outbound rules, not inbound ones.
//
// A target is checked for all listeners that lead to its group at once, so a check may go out if
// the rules of any of these let it (or if none has security groups). Used by the daemon, on the
// control thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/facts.h"
#include "control/health/probe.h"
#include "dataplane/table/snapshot.h"

namespace control {

class OutboundRules {
 public:
  /// From now on these rules count; the facts are those that the snapshot was made of.
  void learn(const config::Facts& facts, std::shared_ptr<const dataplane::Snapshot> snapshot);

  /// Why this check may not go out; nullopt: it may.
  [[nodiscard]] std::optional<std::string> refusal(const Check& check) const;

  /// The same probes, but those that may not go out, which end at once like one that nobody
  /// answers. `this` outlives them.
  [[nodiscard]] ProbeFactory guard(const boost::asio::any_io_executor& executor,
                                   ProbeFactory probes) const;

 private:
  std::shared_ptr<const dataplane::Snapshot> snapshot_;
  std::map<std::string, dataplane::TargetGroupId> groups_;
};

}  // namespace control
