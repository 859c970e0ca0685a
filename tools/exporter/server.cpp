#include "tools/exporter/server.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace exporter {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;
using Request = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

Response response_of(Answer answer, bool head, unsigned version, bool keep_alive) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::server, "spillway-exporter/" SPILLWAY_VERSION);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Content-Security-Policy", answer.content_security_policy.empty()
                                              ? "default-src 'none'; frame-ancestors 'none'"
                                              : answer.content_security_policy);
  if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(keep_alive);
  response.content_length(answer.body.size());
  if (!head) response.body() = std::move(answer.body);
  return response;
}

}  // namespace

std::variant<Place, std::string> parse_place(std::string_view text) {
  const auto refused = [&] {
    return fmt::format(
        "\"{}\" is no place to listen: ADDRESS:PORT is allowed, as 127.0.0.1:9177 or [::1]:9177; "
        "0.0.0.0 is every IPv4 address, port 0 one that is free",
        text);
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused();
  std::string_view address = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool brackets = address.starts_with('[') && address.ends_with(']');
  if (brackets) address = address.substr(1, address.size() - 2);
  Place place{.address = std::string(address), .port = 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return refused();
  }
  Error wrong;
  const auto parsed = asio::ip::make_address(place.address, wrong);
  if (wrong || parsed.is_v6() != brackets) return refused();
  return place;
}

/// Accepts clients and keeps count of them. Shared with pending operations, which may end after
/// ~Server.
class Server::Door : public std::enable_shared_from_this<Door> {
 public:
  Door(asio::io_context& io, const Place& place, Site& site, ServerLimits limits);

  void accept();
  void stop();
  [[nodiscard]] Tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  /// One connection: reads a request, writes its answer, and again.
  class Client : public std::enable_shared_from_this<Client> {
   public:
    Client(std::shared_ptr<Door> door, Tcp::socket socket)
        : door_(std::move(door)),
          stream_(std::move(socket)),
          buffer_(door_->limits_.header_bytes) {}

    void read();
    void close();

   private:
    void received(const Error& error);
    void write(Response response);
    void written(const Error& error);

    std::shared_ptr<Door> door_;
    beast::basic_stream<Tcp> stream_;
    beast::flat_buffer buffer_;
    std::optional<Request> parser_;
    Response response_;
  };

  void accepted(const Error& error, Tcp::socket socket);
  void left(Client* client);

  Site* site_;
  ServerLimits limits_;
  Tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::map<Client*, std::weak_ptr<Client>> clients_;
  bool accepting_ = false;
  bool stopped_ = false;
};

Server::Door::Door(asio::io_context& io, const Place& place, Site& site, ServerLimits limits)
    : site_(&site), limits_(limits), acceptor_(io), retry_(io) {
  const Tcp::endpoint wanted(asio::ip::make_address(place.address), place.port);
  Error error;
  acceptor_.open(wanted.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(wanted, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("cannot listen on {} port {}: {}; choose another place with --listen",
                    place.address, place.port, error.message()));
  }
}

void Server::Door::accept() {
  if (accepting_ || stopped_ || clients_.size() >= limits_.clients) return;
  accepting_ = true;
  acceptor_.async_accept([self = shared_from_this()](const Error& error, Tcp::socket socket) {
    self->accepting_ = false;
    if (!self->stopped_) self->accepted(error, std::move(socket));
  });
}

void Server::Door::accepted(const Error& error, Tcp::socket socket) {
  if (error) {  // out of file descriptors or memory: others may give some back
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([self = shared_from_this()](const Error&) { self->accept(); });
    return;
  }
  const auto client = std::make_shared<Client>(shared_from_this(), std::move(socket));
  clients_.emplace(client.get(), client);
  client->read();
  accept();
}

void Server::Door::left(Client* client) {
  clients_.erase(client);
  accept();
}

void Server::Door::stop() {
  stopped_ = true;
  Error ignored;  // closing is all we can do
  acceptor_.close(ignored);
  retry_.cancel();
  const auto clients = std::exchange(clients_, {});
  for (const auto& [_, weak] : clients) {
    if (const auto client = weak.lock()) client->close();
  }
}

void Server::Door::Client::read() {
  parser_.emplace();
  parser_->header_limit(door_->limits_.header_bytes);
  parser_->body_limit(0);
  stream_.expires_after(door_->limits_.idle);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const Error& error, std::size_t) { self->received(error); });
}

void Server::Door::Client::received(const Error& error) {
  const auto refuse = [&](unsigned status, std::string why) {
    write(response_of({.status = status,
                       .content_type = "text/plain; charset=utf-8",
                       .body = std::move(why) + '\n',
                       .content_security_policy = {}},
                      false, 11, false));
  };
  // A request with a body is one that wants to change something.
  if (error == http::error::body_limit || error == http::error::unexpected_body) {
    return refuse(413, "this is read-only: a request has no body");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(431,
                  fmt::format("the header is larger than {} bytes", door_->limits_.header_bytes));
  }
  const bool syntax = error.category() == Error(http::error::bad_method).category();
  if (error && syntax && error != http::error::end_of_stream &&
      error != http::error::partial_message) {
    return refuse(400, fmt::format("this is not an HTTP request: {}", error.message()));
  }
  if (error) return close();
  const auto& request = parser_->get();
  const bool head = request.method() == http::verb::head;
  write(response_of(
      door_->site_->answer({request.method_string().data(), request.method_string().size()},
                           {request.target().data(), request.target().size()}),
      head, request.version(), request.keep_alive()));
}

void Server::Door::Client::write(Response response) {
  response_ = std::move(response);
  stream_.expires_after(door_->limits_.idle);
  const auto done = [self = shared_from_this()](const Error& error, std::size_t) {
    self->written(error);
  };
  http::async_write(stream_, response_, done);
}

void Server::Door::Client::written(const Error& error) {
  if (error || !response_.keep_alive() || door_->stopped_) return close();
  read();
}

void Server::Door::Client::close() {
  Error ignored;  // it may be gone already
  stream_.socket().shutdown(Tcp::socket::shutdown_both, ignored);
  stream_.close();
  door_->left(this);
}

Server::Server(asio::io_context& io, const Place& place, Site& site, ServerLimits limits)
    : door_(std::make_shared<Door>(io, place, site, limits)) {
  door_->accept();
}

Server::~Server() { door_->stop(); }

std::string Server::endpoint() const {
  const auto at = door_->endpoint();
  const std::string address = at.address().to_string();
  return at.address().is_v6() ? fmt::format("[{}]:{}", address, at.port())
                              : fmt::format("{}:{}", address, at.port());
}

}  // namespace exporter
