// Connects: any number of TCP connects at once, each with a deadline and one outcome; what tcp
// probes are made of. Whatever connects is closed at once, by RST: nothing was said on it, and a
// clean close would leave a TIME_WAIT entry per probe.
//
// Has an epoll set of its own, which the loop waits for as one descriptor, and one timer for all
// deadlines: a check costs five system calls, where a socket and a timer of Asio's for each cost
// eleven. Shared by all tcp probes; control thread only; bounded by the descriptors of the process.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "control/health/probe.h"
#include "dataplane/packet/address.h"

namespace control {

class Connects : public std::enable_shared_from_this<Connects> {
 public:
  using Number = std::uint64_t;

  /// Throws std::system_error if the kernel gives no epoll set.
  explicit Connects(const boost::asio::any_io_executor& executor);
  ~Connects();
  Connects(const Connects&) = delete;
  Connects& operator=(const Connects&) = delete;

  /// Calls `done` once, never out of start(), unless drop() comes before. Passed: "connected".
  [[nodiscard]] Number start(const dataplane::IpAddress& address, std::uint16_t port,
                             std::chrono::milliseconds timeout, Probe::Done done);
  /// Closes it and forgets it; one that is over already is no error.
  void drop(Number number);

  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Connect {
    int descriptor = -1;
    Time deadline;
    std::chrono::milliseconds timeout;
    Probe::Done done;
  };

  [[nodiscard]] int open(const dataplane::IpAddress& address, std::uint16_t port, Number number);
  void finish(Number number, const ProbeOutcome& outcome);
  void finish_later(Number number, int reason);
  void wait_for_outcomes();
  void take_outcomes();
  void wait_for_deadline();
  void take_deadlines();

  boost::asio::posix::stream_descriptor epoll_;
  boost::asio::steady_timer timer_;
  Number next_ = 1;
  std::unordered_map<Number, Connect> running_;
  std::set<std::pair<Time, Number>> deadlines_;
  bool waiting_ = false;          // for outcomes
  Time timer_due_ = Time::max();  // max: it is not set
};

}  // namespace control
