#include "control/health/connects.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "control/health/attempt.h"

namespace control {
namespace {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;

int new_epoll() {
  const int descriptor = epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make an epoll set");
  }
  return descriptor;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

template <class Address>
SocketAddress stored(const Address& address) {
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = sizeof address;
  return result;
}

SocketAddress socket_address(const dataplane::IpAddress& address, std::uint16_t port) {
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(address.v4().bits.value());
    return stored(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.v6().bytes.data(), sizeof v6.sin6_addr);
  return stored(v6);
}

/// What a connect has come to, by what epoll says of it. Who resets or closes after the handshake
/// has accepted, whether or not we have seen that before: ECONNREFUSED is a reset during it.
ProbeOutcome outcome_of(int descriptor, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) == 0) return {Finding::Passed, "connected"};
  int reason = 0;
  socklen_t size = sizeof reason;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) reason = errno;
  const bool accepted = reason == 0 || reason == ECONNRESET || reason == EPIPE;
  if (accepted) return {Finding::Passed, "connected"};
  return connect_failed({reason, boost::system::system_category()});
}

}  // namespace

Connects::Connects(const boost::asio::any_io_executor& executor)
    : epoll_(executor, new_epoll()), timer_(executor) {}

Connects::~Connects() {
  for (const auto& [number, connect] : running_) {
    if (connect.descriptor >= 0) ::close(connect.descriptor);
  }
}

/// The descriptor of a connect that is on its way; else the negative errno.
int Connects::open(const dataplane::IpAddress& address, std::uint16_t port, Number number) {
  const SocketAddress to = socket_address(address, port);
  const int descriptor =
      ::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  const linger reset{1, 0};  // if it is refused the close is a clean one, no harm
  static_cast<void>(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
  epoll_event wanted{};
  wanted.events = EPOLLOUT;
  wanted.data.u64 = number;
  const auto* place = reinterpret_cast<const sockaddr*>(&to.storage);
  const bool on_its_way = ::connect(descriptor, place, to.size) == 0 || errno == EINPROGRESS;
  if (on_its_way && epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &wanted) == 0) {
    return descriptor;
  }
  const int reason = errno;
  ::close(descriptor);
  return -reason;
}

Connects::Number Connects::start(const dataplane::IpAddress& address, std::uint16_t port,
                                 std::chrono::milliseconds timeout, Probe::Done done) {
  const Number number = next_++;
  const int descriptor = open(address, port, number);
  const Time deadline = Clock::now() + timeout;
  running_.emplace(number, Connect{descriptor, deadline, timeout, std::move(done)});
  deadlines_.emplace(deadline, number);
  if (descriptor < 0) {
    finish_later(number, -descriptor);
  } else {
    wait_for_outcomes();
  }
  wait_for_deadline();
  return number;
}

void Connects::drop(Number number) {
  const auto found = running_.find(number);
  if (found == running_.end()) return;
  if (found->second.descriptor >= 0) ::close(found->second.descriptor);  // leaves the set by that
  deadlines_.erase({found->second.deadline, number});
  running_.erase(found);
}

void Connects::finish(Number number, const ProbeOutcome& outcome) {
  const auto found = running_.find(number);
  if (found == running_.end()) return;
  const Probe::Done done = std::move(found->second.done);
  drop(number);
  done(outcome);
}

void Connects::finish_later(Number number, int reason) {
  boost::asio::post(epoll_.get_executor(), [weak = weak_from_this(), number, reason] {
    const auto self = weak.lock();
    if (self) self->finish(number, connect_failed({reason, boost::system::system_category()}));
  });
}

void Connects::wait_for_outcomes() {
  if (std::exchange(waiting_, true)) return;
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [weak = weak_from_this()](const error_code& error) {
                      const auto self = weak.lock();
                      if (error || self == nullptr) return;
                      self->waiting_ = false;
                      self->take_outcomes();
                    });
}

void Connects::take_outcomes() {
  // What is left when it is full makes the set readable again at once.
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.native_handle(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto found = running_.find(event.data.u64);
    if (found == running_.end()) continue;  // dropped by who was told of another one
    finish(event.data.u64, outcome_of(found->second.descriptor, event.events));
  }
  if (!running_.empty()) wait_for_outcomes();
}

/// One timer for all: it is set anew only for a deadline before the one that it waits for, so most
/// connects, which are over long before theirs, do not touch it.
void Connects::wait_for_deadline() {
  if (deadlines_.empty() || timer_due_ <= deadlines_.begin()->first) return;
  timer_due_ = deadlines_.begin()->first;
  timer_.expires_at(timer_due_);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->timer_due_ = Time::max();
    self->take_deadlines();
  });
}

void Connects::take_deadlines() {
  const Time now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Number number = deadlines_.begin()->second;
    const auto timeout = running_.at(number).timeout;
    finish(number,
           {Finding::TimedOut, fmt::format("connect timed out after {}", in_seconds(timeout))});
  }
  wait_for_deadline();
}

}  // namespace control
