// Api: the instance's control socket. HTTP/1.1 with JSON over a Unix socket, for spillwayctl and
// for `curl --unix-socket /run/spillway/NAME.sock http://spillway/v1/status`.
//
// Runs on the control thread and never blocks it. Bounds: 64 clients (a few more get a 503 at
// once), 64 KiB of headers and 20 MiB of body a request (a configuration of 8 MiB, as JSON), 30 s
// without a word. An answer that goes on (capture) comes in chunks of lines, as fast as its client
// takes them, until that shuts down its side, closes, or has taken nothing for 30 s. Who may write
// to the socket (mode 0660) may command.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "control/commands.h"

namespace boost::asio {
class io_context;
}

namespace control {

struct ApiLimits {
  std::size_t clients = 64;
  std::size_t request_bytes = 64 * 1024;  // its headers, and what is read ahead
  std::size_t body_bytes = 20 * 1024 * 1024;
  std::chrono::milliseconds idle{30'000};
};

class Api {
 public:
  /// Makes the socket's directory if need be and listens. Throws std::runtime_error with a
  /// sentence: another daemon answers there, no permission, a path that is too long. A dead
  /// daemon's socket file is replaced.
  Api(boost::asio::io_context& io, const std::filesystem::path& socket, Commands commands,
      ApiLimits limits = {});
  /// Ends all clients and removes the socket file.
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

 private:
  class Server;
  std::shared_ptr<Server> server_;
};

}  // namespace control
