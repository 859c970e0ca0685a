#include "tests/support/cpp/probe_target.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace tests {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

tcp::endpoint loopback(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

void await_request(const std::shared_ptr<Visit>& visit, std::function<void()> then) {
  asio::async_read_until(visit->socket, asio::dynamic_buffer(visit->request), "\r\n\r\n",
                         [visit, then = std::move(then)](error_code error, std::size_t) {
                           visit->ended = error;
                           if (!error) then();
                         });
}

void send(const std::shared_ptr<Visit>& visit, std::string text, std::function<void()> then) {
  visit->outgoing = std::move(text);
  asio::async_write(visit->socket, asio::buffer(visit->outgoing),
                    [visit, then = std::move(then)](error_code error, std::size_t bytes) {
                      visit->sent += bytes;
                      if (error) visit->ended = error;
                      if (!error) then();
                    });
}

void send_for_ever(const std::shared_ptr<Visit>& visit, const std::string& chunk,
                   std::chrono::milliseconds pause) {
  send(visit, chunk, [visit, chunk, pause] {
    visit->timer.expires_after(pause);
    visit->timer.async_wait([visit, chunk, pause](error_code error) {
      if (!error) send_for_ever(visit, chunk, pause);
    });
  });
}

}  // namespace

void Visit::read_to_end() {
  socket.async_read_some(asio::buffer(discarded),
                         [self = shared_from_this()](error_code error, std::size_t) {
                           self->ended = error;
                           if (!error) self->read_to_end();
                         });
}

ProbeTarget::ProbeTarget(asio::io_context& loop, Behaviour behaviour)
    : loop_(loop),
      behaviour_(std::make_shared<Behaviour>(std::move(behaviour))),
      visits_(std::make_shared<std::vector<std::shared_ptr<Visit>>>()) {
  reopen();
}

void ProbeTarget::close() {
  error_code ignored;
  acceptor_->close(ignored);
}

void ProbeTarget::reopen() {
  acceptor_ = std::make_shared<tcp::acceptor>(loop_, loopback(port_));  // reuses the address
  port_ = acceptor_->local_endpoint().port();
  accept();
}

void ProbeTarget::accept() {
  acceptor_->async_accept([this, keep = acceptor_](error_code error, tcp::socket socket) {
    if (error || !keep->is_open()) return;  // closed, `this` may be gone
    const auto visit = std::make_shared<Visit>(std::move(socket), loop_);
    visits_->push_back(visit);
    (*behaviour_)(visit);
    accept();
  });
}

void stall(const std::shared_ptr<Visit>& visit) { visit->read_to_end(); }

void reset(const std::shared_ptr<Visit>& visit) {
  visit->socket.set_option(asio::socket_base::linger(true, 0));
  visit->socket.close();
}

void hang_up(const std::shared_ptr<Visit>& visit) {
  await_request(visit, [visit] { visit->socket.close(); });
}

ProbeTarget::Behaviour answer(std::string text) {
  return [text = std::move(text)](const std::shared_ptr<Visit>& visit) {
    await_request(visit, [visit, text] {
      send(visit, text, [visit] {
        error_code ignored;  // the visitor may have gone
        visit->socket.shutdown(tcp::socket::shutdown_send, ignored);
        visit->read_to_end();
      });
    });
  };
}

ProbeTarget::Behaviour answer_and_stay(std::string text) {
  return [text = std::move(text)](const std::shared_ptr<Visit>& visit) {
    await_request(visit, [visit, text] { send(visit, text, [visit] { visit->read_to_end(); }); });
  };
}

ProbeTarget::Behaviour flood(std::string text, std::string chunk) {
  return drip(std::move(text), std::move(chunk), std::chrono::milliseconds(0));
}

ProbeTarget::Behaviour drip(std::string text, std::string chunk, std::chrono::milliseconds pause) {
  return [text = std::move(text), chunk = std::move(chunk),
          pause](const std::shared_ptr<Visit>& visit) {
    await_request(visit, [visit, text, chunk, pause] {
      send(visit, text, [visit, chunk, pause] { send_for_ever(visit, chunk, pause); });
    });
  };
}

}  // namespace tests
