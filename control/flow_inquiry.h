// FlowInquiry: asks all workers for their flows and puts the answers into one document.
//
// Runs on the control thread: it leaves a question in every worker's mailbox
// (dataplane/flow_query.h) and looks for the answers every few milliseconds. One question at a
// time, others wait their turn; the control socket's limit on clients bounds how many. A worker
// that does not answer is an error.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <vector>

#include "control/commands.h"
#include "dataplane/flow_query.h"
#include "tools/report/segment_view.h"

namespace control {

class FlowInquiry {
 public:
  static constexpr std::chrono::milliseconds look_again{5};
  static constexpr std::chrono::seconds patience{10};

  /// `workers`: their mailboxes, by WorkerId. `view` names listeners and targets.
  FlowInquiry(boost::asio::io_context& io, std::vector<dataplane::FlowQuery*> workers,
              report::SegmentView view, std::chrono::milliseconds timeout = patience);

  /// The document is {"instance", "flows": […], "truncated"}.
  void ask(const FlowsWanted& wanted, Done done);

 private:
  struct Question {
    FlowsWanted wanted;
    std::vector<dataplane::TargetId> targets;  // that match; empty: all do
    Done done;
  };

  void start();
  void look();
  void finish(Outcome outcome);
  [[nodiscard]] Outcome collect() const;
  [[nodiscard]] std::size_t limit_per_worker() const;

  boost::asio::steady_timer timer_;
  std::vector<dataplane::FlowQuery*> workers_;
  report::SegmentView view_;
  std::chrono::milliseconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
  std::deque<Question> questions_;  // the front one is being answered
};

}  // namespace control
