// Captures: copies of packets as they come and as they leave, for one client at a time.
//
// Runs on the control thread. Leaves the request in every worker's mailbox (dataplane/capture.h)
// and passes on what their rings have, every few milliseconds, at most as fast as the client takes
// it: what does not fit into the rings meanwhile is lost and counted. The workers are told to stop
// as soon as the client has enough, or is gone.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "control/capture_wanted.h"
#include "control/commands.h"
#include "dataplane/capture.h"
#include "tools/report/segment_view.h"

namespace control {

class Captures {
 public:
  static constexpr std::chrono::milliseconds look_again{2};
  static constexpr std::chrono::milliseconds tell_again{500};  // how many there are so far
  static constexpr std::chrono::seconds patience{2};

  /// `workers`: their mailboxes, by WorkerId. `view` names listeners, targets and ports; `now` is
  /// the workers' clock.
  Captures(boost::asio::io_context& io, std::vector<dataplane::Capture*> workers,
           report::SegmentView view, std::function<dataplane::Instant()> now,
           std::chrono::milliseconds timeout = patience);
  /// Workers are told to stop; an answer that goes on has no more lines.
  ~Captures();
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;

  /// The document is {"instance", "version", "workers", "ports": […], "snap_length"}; a line each
  /// follows
  ///   {"packet": {"number", "unix_nanoseconds", "worker", "verdict", "listener", "target_group",
  ///     "target", "lost_before", "handed_off", "waited", "before": {"port", "length", "bytes"},
  ///     "after"}}
  ///   {"progress": {"matched", "written", "lost"}}   now and then
  ///   {"end": {"reason", "matched", "written", "lost"}}   the last
  /// Bytes are in hex; what is not known is null. 409: a capture is under way; 404: no such
  /// listener, target group or target; 500: a worker does not answer.
  void ask(const CaptureWanted& wanted, Done done);

 private:
  class Recording;
  boost::asio::io_context& io_;
  std::vector<dataplane::Capture*> workers_;
  report::SegmentView view_;
  std::function<dataplane::Instant()> now_;
  std::chrono::milliseconds timeout_;
  std::weak_ptr<Recording> under_way_;
};

}  // namespace control
