#include "control/health/attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace control {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

asio::ip::tcp::endpoint endpoint_of(const Check& check) {
  if (check.address.is_v4()) {
    return {asio::ip::address_v4(check.address.v4().bits.value()), check.port};
  }
  return {asio::ip::address_v6(check.address.v6().bytes), check.port};
}

}  // namespace

Attempt::Attempt(const asio::any_io_executor& executor, Probe::Done done)
    : socket_(executor), deadline_(executor), done_(std::move(done)) {}

void Attempt::connect(const Check& check, std::function<void()> connected) {
  const std::chrono::milliseconds timeout = check.settings.timeout;
  if_late_ = {Finding::TimedOut, fmt::format("connect timed out after {}", in_seconds(timeout))};
  deadline_.expires_after(timeout);
  await_deadline();

  error_code error;
  const asio::ip::tcp::endpoint endpoint = endpoint_of(check);
  socket_.open(endpoint.protocol(), error);
  if (error) {  // not from within start()
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), error] { self->finish(connect_failed(error)); });
    return;
  }
  socket_.async_connect(
      endpoint, [self = shared_from_this(), connected = std::move(connected)](error_code failure) {
        if (self->over()) return;
        if (failure) return self->finish(connect_failed(failure));
        connected();
      });
}

void Attempt::hurry(std::chrono::milliseconds longest) {
  const auto soon = asio::steady_timer::clock_type::now() + longest;
  if (soon >= deadline_.expiry()) return;
  deadline_.expires_at(soon);  // cancels the wait
  await_deadline();
}

void Attempt::await_deadline() {
  deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->over()) return;
    self->finish(self->if_late_);
  });
}

void Attempt::finish(const ProbeOutcome& outcome) {
  if (over()) return;
  close();
  const Probe::Done done = std::exchange(done_, nullptr);
  done(outcome);
}

void Attempt::abandon() {
  done_ = nullptr;
  close();
}

void Attempt::close() {
  deadline_.cancel();
  error_code ignored;  // closing what never opened is no error of anyone
  socket_.close(ignored);
}

ProbeOutcome connect_failed(const error_code& error) {
  if (error == asio::error::connection_refused) return {Finding::Failed, "connection refused"};
  if (error == asio::error::connection_reset) return {Finding::Failed, "connection reset"};
  if (error == asio::error::host_unreachable) return {Finding::Failed, "host unreachable"};
  if (error == asio::error::network_unreachable) return {Finding::Failed, "network unreachable"};
  if (error == asio::error::timed_out) return {Finding::TimedOut, "connect timed out"};
  const bool ours = error == boost::system::errc::too_many_files_open ||
                    error == boost::system::errc::too_many_files_open_in_system ||
                    error == boost::system::errc::no_buffer_space ||
                    error == boost::system::errc::not_enough_memory ||
                    error == boost::system::errc::address_not_available ||
                    error == boost::system::errc::resource_unavailable_try_again;
  if (ours) return {Finding::NotAttempted, fmt::format("not checked: {}", error.message())};
  return {Finding::Failed, fmt::format("connect failed: {}", error.message())};
}

std::string in_seconds(std::chrono::milliseconds time) {
  return fmt::format("{} s", static_cast<double>(time.count()) / 1000.0);
}

}  // namespace control
