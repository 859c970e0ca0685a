// FlowLoads: tells each worker how many flows the targets have on the others, for
// least_connections.
//
// Workers count their own flows and write nothing for this; every few milliseconds the control
// thread sums the counters and leaves each worker the rest. A worker's view of the others is that
// old at most, its view of itself is exact. Costs one read per worker and target of such groups.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <vector>

#include "dataplane/core.h"
#include "dataplane/table/snapshot.h"

namespace control {

class FlowLoads {
 public:
  static constexpr std::chrono::milliseconds interval{5};

  /// `newest`: the snapshot that counts now. The cores must outlive this. Nothing is done with one
  /// worker, or while no group has the algorithm.
  FlowLoads(boost::asio::io_context& io, std::vector<dataplane::Core*> cores,
            std::function<const dataplane::Snapshot&()> newest);
  FlowLoads(const FlowLoads&) = delete;
  FlowLoads& operator=(const FlowLoads&) = delete;

  /// What the timer does.
  void spread();

 private:
  void wait();

  std::vector<dataplane::Core*> cores_;
  std::function<const dataplane::Snapshot&()> newest_;
  boost::asio::steady_timer timer_;
};

}  // namespace control
