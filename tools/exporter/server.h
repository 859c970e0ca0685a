// Server: HTTP/1.1 over TCP for a Site. One thread, never waits for a slow client.
//
// Bounds: 64 clients (more wait to be accepted), 16 KiB of headers and no body, 30 s for a request
// or an answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "tools/exporter/site.h"

namespace boost::asio {
class io_context;
}

namespace exporter {

/// Where to listen.
struct Place {
  std::string address;  // as it was given, without brackets
  std::uint16_t port = 0;
};
/// "127.0.0.1:9177", "[::1]:9177"; port 0: one that is free. Else a sentence that says what is
/// allowed.
[[nodiscard]] std::variant<Place, std::string> parse_place(std::string_view text);

struct ServerLimits {
  std::size_t clients = 64;
  std::uint32_t header_bytes = 16 * 1024;
  std::chrono::milliseconds idle{30'000};
};

class Server {
 public:
  /// Listens at once. Throws std::runtime_error with a sentence. The site must outlive it.
  Server(boost::asio::io_context& io, const Place& place, Site& site, ServerLimits limits = {});
  /// Ends all clients.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "127.0.0.1:9177": with the port that it has.
  [[nodiscard]] std::string endpoint() const;

 private:
  class Door;
  std::shared_ptr<Door> door_;
};

}  // namespace exporter
