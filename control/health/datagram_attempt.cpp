#include "control/health/datagram_attempt.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/health/attempt.h"

namespace control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

int connect_to(int socket, const Check& check) {
  if (check.address.is_v4()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(check.port);
    to.sin_addr.s_addr = htonl(check.address.v4().bits.value());
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(check.port);
  std::memcpy(&to.sin6_addr, check.address.v6().bytes.data(), sizeof to.sin6_addr);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

}  // namespace

DatagramAttempt::DatagramAttempt(const asio::any_io_executor& executor, Probe::Done done)
    : socket_(executor), deadline_(executor), done_(std::move(done)) {}

void DatagramAttempt::begin(int socket, const Check& check, std::string_view datagram,
                            ProbeOutcome if_late, Arrived arrived) {
  if (socket < 0) {
    return finish_later(
        {Finding::NotAttempted, fmt::format("not checked: {}", std::strerror(errno))});
  }
  socket_.assign(socket);
  arrived_ = std::move(arrived);
  deadline_.expires_after(check.settings.timeout);
  deadline_.async_wait([self = shared_from_this(), if_late = std::move(if_late)](error_code error) {
    if (!error && !self->over()) self->finish(if_late);
  });
  if (connect_to(socket, check) != 0 ||
      ::send(socket, datagram.data(), datagram.size(), MSG_DONTWAIT) < 0) {
    return finish_later(datagram_failed(errno));
  }
  await_datagram();
}

void DatagramAttempt::await_datagram() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](error_code error) {
                       if (error || self->over()) return;
                       self->take_datagrams();
                     });
}

void DatagramAttempt::take_datagrams() {
  std::array<char, datagram_size_max> bytes;
  const ssize_t size = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && errno != EAGAIN && errno != EINTR) return finish(datagram_failed(errno));
  const auto self = shared_from_this();  // `arrived_` may let go of the last other one
  if (size >= 0 && ++datagrams_ <= datagrams_max) {
    arrived_({bytes.data(), static_cast<std::size_t>(size)});
  }
  // One a turn, so that other probes have theirs; beyond the bound the deadline decides.
  if (!over() && datagrams_ < datagrams_max) await_datagram();
}

void DatagramAttempt::finish(const ProbeOutcome& outcome) {
  if (over()) return;
  close();
  const Probe::Done done = std::exchange(done_, nullptr);
  done(outcome);
}

void DatagramAttempt::finish_later(const ProbeOutcome& outcome) {
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), outcome] { self->finish(outcome); });
}

void DatagramAttempt::abandon() {
  done_ = nullptr;
  close();
}

void DatagramAttempt::close() {
  deadline_.cancel();
  error_code ignored;  // closing what never opened is no error of anyone
  socket_.close(ignored);
}

ProbeOutcome datagram_failed(int error) {
  if (error == ECONNREFUSED) return {Finding::Failed, "port unreachable (ICMP)"};
  return connect_failed({error, boost::system::system_category()});
}

}  // namespace control
