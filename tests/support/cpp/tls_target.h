// TlsTarget: a real TLS listener on 127.0.0.1, in the test's own event loop, that behaves as the
// test says once hands are shaken. For what goes wrong before, see ProbeTarget.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tests {

/// One accepted connection.
struct TlsVisit : std::enable_shared_from_this<TlsVisit> {
  TlsVisit(boost::asio::ip::tcp::socket accepted, boost::asio::ssl::context& context)
      : stream(std::move(accepted), context) {}

  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream;
  bool shaken = false;
  std::string server_name;  // SNI
  std::string version;      // "TLSv1.3"
  std::string request;      // with its headers
  std::size_t sent = 0;
  boost::system::error_code ended;
  std::string outgoing;
  std::array<char, 4096> discarded{};

  /// Sends `text`, then calls `then`; an error ends it.
  void send(std::string text, std::function<void()> then);
  /// Reads on until the visitor ends it.
  void read_to_end();
};

class TlsTarget {
 public:
  using Behaviour = std::function<void(const std::shared_ptr<TlsVisit>&)>;

  TlsTarget(boost::asio::io_context& loop, std::shared_ptr<boost::asio::ssl::context> context,
            Behaviour behaviour);
  TlsTarget(const TlsTarget&) = delete;
  TlsTarget& operator=(const TlsTarget&) = delete;
  ~TlsTarget();

  [[nodiscard]] std::uint16_t port() const { return acceptor_->local_endpoint().port(); }
  [[nodiscard]] const std::vector<std::shared_ptr<TlsVisit>>& visits() const { return *visits_; }

 private:
  void accept();

  std::shared_ptr<boost::asio::ssl::context> context_;
  Behaviour behaviour_;
  std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
  std::shared_ptr<std::vector<std::shared_ptr<TlsVisit>>> visits_;
};

/// Reads the request, answers with `text`, and waits for the visitor's end.
[[nodiscard]] TlsTarget::Behaviour tls_answer(std::string text);
/// As tls_answer(), then `chunk` again and again, as fast as it is taken.
[[nodiscard]] TlsTarget::Behaviour tls_flood(std::string text, std::string chunk);

}  // namespace tests
