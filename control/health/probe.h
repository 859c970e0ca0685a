// Probe: one attempt to find out whether a target serves; one outcome. The only interface of
// control/.
//
// A probe belongs to the prober, lives for one attempt, and touches only its own socket and timer,
// all on the control thread.
#pragma once

#include <functional>
#include <memory>

#include "control/health/check.h"
#include "control/health/probe_outcome.h"

namespace control {

class Probe {
 public:
  using Done = std::function<void(const ProbeOutcome&)>;

  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  /// Ends an attempt that is not over: its socket is closed, `done` will not be called.
  virtual ~Probe() = default;

  /// Begins the attempt; at most once. `done` is called once, later (never from within start), and
  /// may destroy the probe. The attempt takes no longer than the check's timeout.
  virtual void start(Done done) = 0;
};

using ProbeFactory = std::function<std::unique_ptr<Probe>(const Check&)>;

}  // namespace control
