// Attempt: one TCP connection with one deadline and one outcome; what tcp and http probes share.
//
// Kept alive by its pending operations. After finish() or abandon() it is over(): the socket is
// closed and handlers that still come in must leave it alone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "control/health/check.h"
#include "control/health/probe.h"
#include "control/health/probe_outcome.h"

namespace control {

class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(const boost::asio::any_io_executor& executor, Probe::Done done);

  /// Connects to the check's address and calls `connected`, or finishes; the deadline of the whole
  /// attempt starts here.
  void connect(const Check& check, std::function<void()> connected);
  /// From now on a missed deadline means `outcome`.
  void if_late(ProbeOutcome outcome) { if_late_ = std::move(outcome); }
  /// Brings the deadline closer: at most `longest` from now.
  void hurry(std::chrono::milliseconds longest);
  void finish(const ProbeOutcome& outcome);
  void abandon();

  [[nodiscard]] bool over() const { return !done_; }
  [[nodiscard]] boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  void await_deadline();
  void close();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  Probe::Done done_;  // empty: over
  ProbeOutcome if_late_;
};

/// What a failed connect says: about the target, or (NotAttempted) about ourselves.
[[nodiscard]] ProbeOutcome connect_failed(const boost::system::error_code& error);
/// "2 s", "0.25 s".
[[nodiscard]] std::string in_seconds(std::chrono::milliseconds time);

}  // namespace control
