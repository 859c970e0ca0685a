#include "control/api.h"

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "control/routes.h"
#include "control/socket_file.h"

namespace control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

/// So many clients beyond the limit are told so; more wait until somebody leaves.
constexpr std::size_t refusals_at_once = 16;

std::string line_of(const report::Json& document) {
  // replace: a log line or name in another encoding must not make an answer impossible.
  return document.dump(-1, ' ', false, report::Json::error_handler_t::replace) + '\n';
}

http::response<http::string_body> response_of(const Outcome& outcome, unsigned version,
                                              bool keep_alive) {
  http::response<http::string_body> response(static_cast<http::status>(outcome.status), version);
  response.set(http::field::server, "spillway/" SPILLWAY_VERSION);
  response.set(http::field::content_type, "application/json");
  response.keep_alive(keep_alive);
  response.body() = line_of(outcome.document);
  response.prepare_payload();
  return response;
}

/// What to tell a client whose request could not be read; nullopt: nothing, it is gone.
std::optional<Outcome> complaint(const Error& error, const ApiLimits& limits) {
  if (error == http::error::body_limit || error == http::error::buffer_overflow) {
    return refused(413, fmt::format("the request is larger than {} bytes", limits.body_bytes));
  }
  if (error == http::error::header_limit) {
    return refused(431, fmt::format("the header is larger than {} bytes", limits.request_bytes));
  }
  const bool syntax = error.category() == Error(http::error::bad_method).category();
  if (!syntax || error == http::error::end_of_stream || error == http::error::partial_message) {
    return std::nullopt;
  }
  return refused(400, fmt::format("this is not an HTTP request: {}", error.message()));
}

}  // namespace

/// Accepts clients and keeps count of them. Shared with pending operations, which may end after
/// ~Api.
class Api::Server : public std::enable_shared_from_this<Api::Server> {
 public:
  Server(asio::io_context& io, const std::filesystem::path& socket, Commands commands,
         ApiLimits limits);

  void accept();
  void stop();

 private:
  /// One connection: reads a request, waits for its answer, writes it, and again.
  class Client : public std::enable_shared_from_this<Client> {
   public:
    Client(std::shared_ptr<Server> server, Local::socket socket, bool welcome)
        : server_(std::move(server)),
          stream_(std::move(socket)),
          buffer_(server_->limits_.request_bytes),
          welcome_(welcome) {}

    void read();
    void close();

   private:
    void received(const Error& error);
    void write(const Outcome& outcome, unsigned version, bool keep_alive);
    void written(const Error& error, bool keep_alive);
    // An answer that goes on.
    void write_first(const Outcome& outcome, unsigned version);
    void await_end();
    void write_next(const Error& error);
    void write_lines(std::string lines);

    std::shared_ptr<Server> server_;
    beast::basic_stream<Local> stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    bool welcome_;
    // Of an answer that goes on.
    std::shared_ptr<Stream> stream_of_lines_;
    http::response<http::empty_body> head_;
    std::optional<http::response_serializer<http::empty_body>> serializer_;
    std::string lines_;
    char ignored_ = 0;
  };

  void accepted(const Error& error, Local::socket socket);
  void left(Client* client);
  [[nodiscard]] bool crowded() const {
    return clients_.size() >= limits_.clients + refusals_at_once;
  }

  SocketFile file_;
  Commands commands_;
  ApiLimits limits_;
  Local::acceptor acceptor_;
  asio::steady_timer retry_;
  std::map<Client*, std::weak_ptr<Client>> clients_;
  bool accepting_ = false;
  bool stopped_ = false;
};

Api::Server::Server(asio::io_context& io, const std::filesystem::path& socket, Commands commands,
                    ApiLimits limits)
    : file_(socket), commands_(std::move(commands)), limits_(limits), acceptor_(io), retry_(io) {
  Error error;
  acceptor_.open(Local(), error);
  if (!error) acceptor_.bind(Local::endpoint(file_.path().string()), error);
  if (!error) file_.bound();
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw std::runtime_error(fmt::format(
        "control socket {}: cannot listen: {}; start as another user, or choose another directory "
        "with --run-dir",
        file_.path().string(), error.message()));
  }
}

void Api::Server::accept() {
  if (accepting_ || stopped_ || crowded()) return;
  accepting_ = true;
  acceptor_.async_accept([self = shared_from_this()](const Error& error, Local::socket socket) {
    self->accepting_ = false;
    if (!self->stopped_) self->accepted(error, std::move(socket));
  });
}

void Api::Server::accepted(const Error& error, Local::socket socket) {
  if (error) {  // out of file descriptors or memory: others may give some back
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([self = shared_from_this()](const Error&) { self->accept(); });
    return;
  }
  const bool welcome = clients_.size() < limits_.clients;
  const auto client = std::make_shared<Client>(shared_from_this(), std::move(socket), welcome);
  clients_.emplace(client.get(), client);
  client->read();
  accept();
}

void Api::Server::left(Client* client) {
  clients_.erase(client);
  accept();
}

void Api::Server::stop() {
  stopped_ = true;
  Error ignored;  // closing is all we can do
  acceptor_.close(ignored);
  retry_.cancel();
  const auto clients = std::exchange(clients_, {});
  for (const auto& [_, weak] : clients) {
    if (const auto client = weak.lock()) client->close();
  }
}

void Api::Server::Client::read() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_->limits_.request_bytes));
  parser_->body_limit(server_->limits_.body_bytes);
  stream_.expires_after(server_->limits_.idle);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const Error& error, std::size_t) { self->received(error); });
}

void Api::Server::Client::received(const Error& error) {
  if (error) {
    const auto outcome = complaint(error, server_->limits_);
    return outcome ? write(*outcome, 11, false) : close();
  }
  const auto request = parser_->release();
  if (!welcome_) {
    return write(refused(503, fmt::format("{} clients are connected already: try again later",
                                          server_->limits_.clients)),
                 request.version(), false);
  }
  stream_.expires_never();  // the command has its own time
  answer(
      {request.method_string().data(), request.method_string().size()},
      {request.target().data(), request.target().size()}, request.body(), server_->commands_,
      [self = shared_from_this(), version = request.version(), keep_alive = request.keep_alive()](
          const Outcome& outcome) { self->write(outcome, version, keep_alive); });
}

void Api::Server::Client::write(const Outcome& outcome, unsigned version, bool keep_alive) {
  if (outcome.stream != nullptr) return write_first(outcome, version);
  response_ = response_of(outcome, version, keep_alive);
  stream_.expires_after(server_->limits_.idle);
  http::async_write(stream_, response_,
                    [self = shared_from_this(), keep_alive](const Error& error, std::size_t) {
                      self->written(error, keep_alive);
                    });
}

void Api::Server::Client::written(const Error& error, bool keep_alive) {
  if (error || !keep_alive || server_->stopped_) return close();
  read();
}

/// The head and the document; lines follow, each piece of them a chunk.
void Api::Server::Client::write_first(const Outcome& outcome, unsigned version) {
  stream_of_lines_ = outcome.stream;
  lines_ = line_of(outcome.document);
  head_.result(outcome.status);
  head_.version(version);
  head_.set(http::field::server, "spillway/" SPILLWAY_VERSION);
  head_.set(http::field::content_type, "application/x-ndjson");
  head_.keep_alive(false);
  head_.chunked(true);
  serializer_.emplace(head_);
  await_end();
  stream_.expires_after(server_->limits_.idle);
  http::async_write_header(stream_, *serializer_,
                           [self = shared_from_this()](const Error& error, std::size_t) {
                             if (error) return self->close();
                             self->write_lines(std::move(self->lines_));
                           });
}

/// What the client still says does not matter; that it has ended does.
void Api::Server::Client::await_end() {
  stream_.socket().async_read_some(asio::buffer(&ignored_, 1),
                                   [self = shared_from_this()](const Error& error, std::size_t) {
                                     if (self->stream_of_lines_ == nullptr) return;  // closed
                                     if (!error) return self->await_end();
                                     // Half of it may be open: it gets the last lines. If not,
                                     // writing them will tell.
                                     if (error == asio::error::eof)
                                       return self->stream_of_lines_->end();
                                     self->close();
                                   });
}

void Api::Server::Client::write_next(const Error& error) {
  if (error || server_->stopped_) return close();
  if (stream_of_lines_ == nullptr) return;  // closed
  stream_.expires_never();                  // lines have their own time
  stream_of_lines_->next(
      [self = shared_from_this()](std::string lines) { self->write_lines(std::move(lines)); });
}

void Api::Server::Client::write_lines(std::string lines) {
  lines_ = std::move(lines);
  stream_.expires_after(server_->limits_.idle);
  if (lines_.empty()) {
    return asio::async_write(
        stream_, http::make_chunk_last(),
        [self = shared_from_this()](const Error&, std::size_t) { self->close(); });
  }
  asio::async_write(
      stream_, http::make_chunk(asio::buffer(lines_)),
      [self = shared_from_this()](const Error& error, std::size_t) { self->write_next(error); });
}

void Api::Server::Client::close() {
  stream_of_lines_.reset();
  Error ignored;  // it may be gone already
  stream_.socket().shutdown(Local::socket::shutdown_both, ignored);
  stream_.close();
  server_->left(this);
}

Api::Api(boost::asio::io_context& io, const std::filesystem::path& socket, Commands commands,
         ApiLimits limits)
    : server_(std::make_shared<Server>(io, socket, std::move(commands), limits)) {
  server_->accept();
}

Api::~Api() { server_->stop(); }

}  // namespace control
