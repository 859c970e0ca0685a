// DatagramAttempt: one connected datagram socket with one deadline and one outcome; what udp and
// icmp probes share.
//
// The kernel hands it only what the target sent, and tells what ICMP says of the target as an
// error. Kept alive by its pending operations. After finish() or abandon() it is over().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "control/health/check.h"
#include "control/health/probe.h"
#include "control/health/probe_outcome.h"

namespace control {

class DatagramAttempt : public std::enable_shared_from_this<DatagramAttempt> {
 public:
  /// Looks at a datagram of the target, and finishes the attempt if it says enough.
  using Arrived = std::function<void(std::string_view)>;
  /// More than these are not looked at, whatever comes: a target may not keep us busy.
  static constexpr int datagrams_max = 64;
  static constexpr std::size_t datagram_size_max = 2048;  // what is longer is cut

  DatagramAttempt(const boost::asio::any_io_executor& executor, Probe::Done done);

  /// Takes over a socket (-1: errno says why there is none), connects it to the check's target and
  /// sends. Each datagram of the target goes to `arrived` until the attempt is over; the deadline
  /// means `if_late`.
  void begin(int socket, const Check& check, std::string_view datagram, ProbeOutcome if_late,
             Arrived arrived);
  void finish(const ProbeOutcome& outcome);
  void abandon();

  [[nodiscard]] bool over() const { return !done_; }

 private:
  void await_datagram();
  void take_datagrams();
  void finish_later(const ProbeOutcome& outcome);
  void close();

  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer deadline_;
  Probe::Done done_;  // empty: over
  Arrived arrived_;
  int datagrams_ = 0;
};

/// What an error of a datagram socket says: about the target, or (NotAttempted) about ourselves.
[[nodiscard]] ProbeOutcome datagram_failed(int error);

}  // namespace control
