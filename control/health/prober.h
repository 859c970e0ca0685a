// Prober: probes every target it watches at its own steady pace and reports each outcome.
//
// One timer for all targets, one probe at a time per target: a probe that is still running when the
// next is due lets that one pass by. What falls due within a few milliseconds starts together, or a
// thousand targets would wake the thread a thousand times a second. Runs on the control thread
// only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>

#include "control/health/check.h"
#include "control/health/probe.h"
#include "control/health/schedule.h"
#include "dataplane/table/ids.h"

namespace control {

class Prober {
 public:
  /// Probes start this far apart at least, or together; nobody's pace changes by it.
  static constexpr std::chrono::milliseconds tick_interval{20};

  using Now = std::function<Schedule::Time()>;
  using Report = std::function<void(dataplane::TargetId, const ProbeOutcome&)>;

  struct Parts {
    Now now;
    ProbeFactory make_probe;
    std::function<void(dataplane::TargetId)> begun = {};  // a new watch's first probe; may be empty
    Report report;  // may call watch() and forget(), for the same target too
  };

  Prober(const boost::asio::any_io_executor& executor, Parts parts);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  /// Probes the target from now on, soon for the first time. If it was watched already, a running
  /// probe is dropped and the new check starts over.
  void watch(dataplane::TargetId target, const Check& check);
  /// Nothing is reported about the target any more; a running probe is cut off.
  void forget(dataplane::TargetId target);

  /// Starts what is due. Its own timer calls it; tests with their own clock do too.
  void tick();

  [[nodiscard]] std::size_t watched() const { return watched_.size(); }
  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  struct Watched {
    Check check;
    std::unique_ptr<Probe> probe;  // null: none is running
    bool begun = false;
  };

  void start(dataplane::TargetId target, Watched& watched);
  void stop(Watched& watched);
  void arm();

  Parts parts_;
  Schedule schedule_;
  Schedule::Time ticked_;  // the last time
  std::map<dataplane::TargetId, Watched> watched_;
  std::size_t running_ = 0;
  boost::asio::steady_timer timer_;
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);  // for handlers that come late
};

}  // namespace control
