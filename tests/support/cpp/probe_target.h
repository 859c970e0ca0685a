// ProbeTarget: a real listener on 127.0.0.1, in the test's own event loop, that behaves as the test
// says: serves, stalls, floods, resets. For tests of health checks.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// Runs the loop until `reached()`; false if that takes longer than ten seconds.
template <class Reached>
bool run_until(boost::asio::io_context& loop, Reached reached) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  loop.restart();
  while (!reached()) {
    if (loop.run_one_until(deadline) == 0) return reached();
  }
  return true;
}

/// One accepted connection.
struct Visit : std::enable_shared_from_this<Visit> {
  Visit(boost::asio::ip::tcp::socket accepted, boost::asio::io_context& loop)
      : socket(std::move(accepted)), timer(loop) {}

  boost::asio::ip::tcp::socket socket;
  boost::asio::steady_timer timer;
  std::string request;              // with its headers
  std::size_t sent = 0;             // bytes that its kernel took
  boost::system::error_code ended;  // how it ended: eof, connection_reset; none: not yet
  std::string outgoing;             // kept while it is being sent

  std::array<char, 4096> discarded{};

  /// Reads on until the visitor ends it.
  void read_to_end();
};

class ProbeTarget {
 public:
  using Behaviour = std::function<void(const std::shared_ptr<Visit>&)>;

  ProbeTarget(boost::asio::io_context& loop, Behaviour behaviour);
  ProbeTarget(const ProbeTarget&) = delete;
  ProbeTarget& operator=(const ProbeTarget&) = delete;
  ~ProbeTarget() { close(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Visit>>& visits() const { return *visits_; }
  void behave(Behaviour behaviour) { *behaviour_ = std::move(behaviour); }
  /// Refuses from now on; keeps the port number to itself.
  void close();
  /// Serves again on the same port.
  void reopen();

 private:
  void accept();

  boost::asio::io_context& loop_;
  std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
  std::shared_ptr<Behaviour> behaviour_;
  std::shared_ptr<std::vector<std::shared_ptr<Visit>>> visits_;
  std::uint16_t port_ = 0;
};

// --- behaviours ---

/// Accepts and says nothing.
void stall(const std::shared_ptr<Visit>& visit);
/// Closes with RST, before reading anything.
void reset(const std::shared_ptr<Visit>& visit);
/// Reads the request, then closes.
void hang_up(const std::shared_ptr<Visit>& visit);
/// Reads the request, answers with `text`, closes its side and waits for the visitor's end.
[[nodiscard]] ProbeTarget::Behaviour answer(std::string text);
/// As answer(), but never closes.
[[nodiscard]] ProbeTarget::Behaviour answer_and_stay(std::string text);
/// As answer(), then `chunk` again and again, as fast as it is taken.
[[nodiscard]] ProbeTarget::Behaviour flood(std::string text, std::string chunk);
/// As flood, but one chunk every `pause`.
[[nodiscard]] ProbeTarget::Behaviour drip(std::string text, std::string chunk,
                                          std::chrono::milliseconds pause);

}  // namespace tests
