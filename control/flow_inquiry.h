// FlowInquiry: asks the workers for their flows and puts the answers into one document.
//
// Runs on the control thread: it leaves a question in a worker's mailbox (dataplane/flow_query.h),
// looks for the answer every millisecond, asks on where that was full, and goes to the next worker.
// One list at a time, others wait their turn; the control socket's limit on clients bounds how
// many. A worker that does not answer is an error. Memory: the list's limit and one flow more; a
// list in order keeps no more than that of all the flows that it sees.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "control/commands.h"
#include "dataplane/flow_query.h"
#include "tools/report/segment_view.h"

namespace control {

class FlowInquiry {
 public:
  static constexpr std::chrono::milliseconds look_again{1};
  static constexpr std::chrono::seconds patience{10};  // for a page of one worker's

  /// A flow, and the worker that has it.
  struct Found {
    dataplane::FlowRecord flow;
    dataplane::WorkerId worker;
  };

  /// `workers`: their mailboxes, by WorkerId. `view` names listeners and targets.
  FlowInquiry(boost::asio::io_context& io, std::vector<dataplane::FlowQuery*> workers,
              report::SegmentView view, std::chrono::milliseconds timeout = patience);

  /// The document is {"instance", "flows": […], "truncated", "next"}. "truncated": there are more;
  /// "next": what `from` has to be to get them, null with an order or where there are none.
  void ask(const FlowsWanted& wanted, Done done);

  /// The flow of either direction that a packet with that key belongs to: `found` is null if no
  /// worker has it. Or what went wrong.
  void find(const dataplane::FlowKey<dataplane::IpAddress>& packet,
            std::function<void(const Outcome* wrong, const Found* found)> done);

 private:
  struct Question {
    FlowsWanted wanted;
    std::function<void(const Outcome* wrong, std::vector<Found> found, bool more)> done;
    FlowCursor at;                                        // what is asked next
    std::vector<Found> found;                             // a heap, with an order
    bool more = false;                                    // than are wanted, with an order
    std::chrono::steady_clock::time_point deadline = {};  // of this page
  };

  void put(Question question);
  void ask_worker();
  void look();
  void take(const dataplane::FlowQuery& answer);
  void finish(const Outcome* wrong);
  [[nodiscard]] report::Json document(const std::vector<Found>& found, const FlowsWanted& wanted,
                                      bool more) const;

  boost::asio::steady_timer timer_;
  std::vector<dataplane::FlowQuery*> workers_;
  report::SegmentView view_;
  std::chrono::milliseconds timeout_;
  std::deque<Question> questions_;  // the front one is being answered
};

}  // namespace control
