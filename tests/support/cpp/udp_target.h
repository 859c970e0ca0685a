// UdpTarget: a real UDP socket on a loopback address, in the test's own event loop, that answers
// each datagram as the test says. For tests of health checks.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tests {

class UdpTarget {
 public:
  using Answers = std::function<std::vector<std::string>(const std::string&)>;

  UdpTarget(boost::asio::io_context& loop, Answers answers,
            const std::string& address = "127.0.0.1")
      : socket_(loop, {boost::asio::ip::make_address(address), 0}), answers_(std::move(answers)) {
    receive();
  }

  [[nodiscard]] std::uint16_t port() const { return socket_.local_endpoint().port(); }
  [[nodiscard]] const std::vector<std::string>& received() const { return received_; }
  /// Its port is unreachable from now on.
  void close() { socket_.close(); }

 private:
  void receive() {
    socket_.async_receive_from(boost::asio::buffer(bytes_), from_,
                               [this](boost::system::error_code error, std::size_t size) {
                                 if (error) return;  // closed, `this` may be gone
                                 received_.emplace_back(bytes_.data(), size);
                                 for (const std::string& answer : answers_(received_.back())) {
                                   boost::system::error_code ignored;  // who asked may have gone
                                   socket_.send_to(boost::asio::buffer(answer), from_, 0, ignored);
                                 }
                                 receive();
                               });
  }

  boost::asio::ip::udp::socket socket_;
  Answers answers_;
  std::array<char, 4096> bytes_{};
  boost::asio::ip::udp::endpoint from_;
  std::vector<std::string> received_;
};

}  // namespace tests
