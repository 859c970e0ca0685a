#include "tests/support/cpp/tls_target.h"

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace tests {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

void await_request(const std::shared_ptr<TlsVisit>& visit, std::function<void()> then) {
  asio::async_read_until(visit->stream, asio::dynamic_buffer(visit->request), "\r\n\r\n",
                         [visit, then = std::move(then)](error_code error, std::size_t) {
                           visit->ended = error;
                           if (!error) then();
                         });
}

void send_for_ever(const std::shared_ptr<TlsVisit>& visit, const std::string& chunk) {
  visit->send(chunk, [visit, chunk] { send_for_ever(visit, chunk); });
}

}  // namespace

void TlsVisit::send(std::string text, std::function<void()> then) {
  outgoing = std::move(text);
  asio::async_write(
      stream, asio::buffer(outgoing),
      [self = shared_from_this(), then = std::move(then)](error_code error, std::size_t bytes) {
        self->sent += bytes;
        if (error) self->ended = error;
        if (!error) then();
      });
}

void TlsVisit::read_to_end() {
  stream.async_read_some(asio::buffer(discarded),
                         [self = shared_from_this()](error_code error, std::size_t) {
                           self->ended = error;
                           if (!error) self->read_to_end();
                         });
}

TlsTarget::TlsTarget(asio::io_context& loop, std::shared_ptr<asio::ssl::context> context,
                     Behaviour behaviour)
    : context_(std::move(context)),
      behaviour_(std::move(behaviour)),
      acceptor_(std::make_shared<tcp::acceptor>(
          loop, tcp::endpoint{asio::ip::address_v4::loopback(), 0})),
      visits_(std::make_shared<std::vector<std::shared_ptr<TlsVisit>>>()) {
  accept();
}

TlsTarget::~TlsTarget() {
  error_code ignored;
  acceptor_->close(ignored);
}

void TlsTarget::accept() {
  acceptor_->async_accept([this, keep = acceptor_](error_code error, tcp::socket socket) {
    if (error || !keep->is_open()) return;  // closed, `this` may be gone
    const auto visit = std::make_shared<TlsVisit>(std::move(socket), *context_);
    visits_->push_back(visit);
    visit->stream.async_handshake(
        asio::ssl::stream_base::server,
        [visit, behaviour = behaviour_, context = context_](error_code failure) {
          visit->ended = failure;
          if (failure) return;
          SSL* const native = visit->stream.native_handle();
          const char* name = SSL_get_servername(native, TLSEXT_NAMETYPE_host_name);
          visit->server_name = name == nullptr ? "" : name;
          visit->version = SSL_get_version(native);
          visit->shaken = true;
          behaviour(visit);
        });
    accept();
  });
}

TlsTarget::Behaviour tls_answer(std::string text) {
  return [text = std::move(text)](const std::shared_ptr<TlsVisit>& visit) {
    await_request(visit, [visit, text] { visit->send(text, [visit] { visit->read_to_end(); }); });
  };
}

TlsTarget::Behaviour tls_flood(std::string text, std::string chunk) {
  return [text = std::move(text), chunk = std::move(chunk)](const auto& visit) {
    await_request(visit, [visit, text, chunk] {
      visit->send(text, [visit, chunk] { send_for_ever(visit, chunk); });
    });
  };
}

}  // namespace tests
