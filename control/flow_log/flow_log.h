// FlowLog: writes a line for each flow that workers say has ended.
//
//   workers' rings ─▶ this thread: lines ─▶ LineSink ─▶ file or socket
//   control thread ─▶ configure(), learn() ─▶ ┘   └─▶ record() ─▶ shared memory
//
// It has a thread of its own, the one exception in control/: what a file or 100,000 lines a second
// take must not keep health checks waiting. Nothing in it is touched by two threads but what
// `lock_` guards. Without a flow log the thread sleeps. Bounded by the workers' rings and the
// sink's buffer; what does not fit is counted, by the worker or by the sink.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "control/flow_log/line_sink.h"
#include "control/flow_log/names.h"
#include "dataplane/flow_log.h"
#include "dataplane/segment.h"

namespace control {

class FlowLog {
 public:
  /// The workers' time, asked from the flow log's thread.
  using Clock = std::function<dataplane::Instant()>;
  /// At stop, a destination that takes nothing is waited for so long.
  static constexpr std::chrono::milliseconds last_words{2'000};

  /// `workers`: by WorkerId; they outlive this.
  FlowLog(std::string instance, std::vector<dataplane::FlowLog*> workers, Clock clock);
  ~FlowLog();
  FlowLog(const FlowLog&) = delete;
  FlowLog& operator=(const FlowLog&) = delete;

  // --- the control thread ---
  /// From now on. What has ended before still goes to the destination before, as far as that takes
  /// it within last_words.
  void configure(const config::FlowLog& wanted);
  /// Of what there is now: whenever that changes.
  void learn(const Records& records);
  [[nodiscard]] dataplane::FlowLogRecord record() const;
  /// After the workers have stopped: everything is written, or counted as lost.
  void stop();

 private:
  struct Wanted {
    config::FlowLog config;
    bool changed = false;
    bool stop = false;
  };

  // --- its own thread ---
  void run();
  [[nodiscard]] Wanted take_wanted();
  void apply(const config::FlowLog& wanted);
  void finish_sink();
  /// Returns how many flows there were.
  std::size_t drain(LineSink::Time now);
  void tell_of_trouble();
  void publish_counts();
  void wait(bool idle);

  const std::string instance_;
  const std::vector<dataplane::FlowLog*> workers_;
  const Clock clock_;

  mutable std::mutex lock_;
  std::condition_variable wake_;
  Wanted wanted_;                                                           // by lock_
  std::shared_ptr<const FlowNames> names_ = std::make_shared<FlowNames>();  // by lock_
  std::uint64_t rounds_ = 0;           // by lock_: how often all rings were found empty
  dataplane::FlowLogRecord record_{};  // by lock_

  // The thread's own.
  config::FlowLog config_;
  std::unique_ptr<LineSink> sink_;  // null: off
  LineSink::Time closes_{};         // off, but for flows of workers that do not know it yet
  LineCounts counts_;               // of sinks that are no more
  std::string problem_;             // that the log told of
  std::uint64_t problem_since_ = 0;
  std::uint64_t lost_before_ = 0;  // lines, when it began

  std::thread thread_;  // last: it uses all of this
};

}  // namespace control
