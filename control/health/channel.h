// Channel: the connection of one attempt, plain or under TLS: what http and grpc probes talk over.
//
// An AsyncStream as Asio and Beast have them. Kept alive by whoever talks over it; whatever goes
// wrong until it is open ends the attempt.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/health/attempt.h"
#include "control/health/check.h"
#include "control/health/tls_contexts.h"

namespace control {

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using executor_type = boost::asio::any_io_executor;

  struct Tls {
    TlsContexts::Context context;
    std::string protocol;  // by ALPN: "h2", "http/1.1"
    bool must_agree;       // without the protocol the attempt fails
  };

  Channel(std::shared_ptr<Attempt> attempt, const Check& check, std::optional<Tls> tls);

  /// Connects, shakes hands, and calls `opened`; or finishes the attempt.
  void open(std::function<void()> opened);

  [[nodiscard]] Attempt& attempt() { return *attempt_; }
  [[nodiscard]] executor_type get_executor() { return attempt_->socket().get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (stream_) return stream_->async_read_some(buffers, std::forward<Token>(token));
    return attempt_->socket().async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (stream_) return stream_->async_write_some(buffers, std::forward<Token>(token));
    return attempt_->socket().async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  void prepare();
  void shake_hands(std::function<void()> opened);
  [[nodiscard]] ProbeOutcome handshake_failed(const boost::system::error_code& error);
  [[nodiscard]] bool agreed();

  std::shared_ptr<Attempt> attempt_;
  Check check_;
  std::optional<Tls> tls_;
  std::optional<boost::asio::ssl::stream<Socket&>> stream_;
};

/// The name that is asked for by SNI and that a verified certificate must be for: what is
/// configured, else the Host header's without its port; "" if that is not there either. May be an
/// IP address.
[[nodiscard]] std::string server_name(const config::HealthCheck& settings);

/// The end of a connection in whatever way TLS or TCP says so, with nothing more to read.
[[nodiscard]] bool is_end(const boost::system::error_code& error);

}  // namespace control
