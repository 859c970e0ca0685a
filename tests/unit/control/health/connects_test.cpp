#include "control/health/connects.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <vector>

#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using tests::ProbeTarget;
using tests::run_until;

const dataplane::IpAddress loopback = *dataplane::parse_address("127.0.0.1");

std::size_t descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class ConnectsTest : public testing::Test {
 protected:
  /// A port where SYNs are dropped: its queue is full.
  [[nodiscard]] std::uint16_t deaf_port() {
    deaf_.bind({asio::ip::address_v4::loopback(), 0});
    deaf_.listen(0);
    const auto place = deaf_.local_endpoint();
    for (int i = 0; i < 4; ++i) {
      tcp::socket& socket = queued_.emplace_back(loop_, tcp::v4());
      socket.native_non_blocking(true);
      EXPECT_EQ(
          ::connect(socket.native_handle(), place.data(), static_cast<socklen_t>(place.size())),
          -1);
    }
    return place.port();
  }
  Connects::Number start(std::uint16_t port, milliseconds timeout = milliseconds(5'000)) {
    const std::size_t index = outcomes_.size();
    outcomes_.emplace_back();
    return connects_->start(loopback, port, timeout, [this, index](const ProbeOutcome& found) {
      EXPECT_EQ(outcomes_[index], "") << "a second outcome";
      outcomes_[index] = found.sentence;
      ++over_;
    });
  }

  asio::io_context loop_;
  tcp::acceptor deaf_{loop_, tcp::v4()};
  std::vector<tcp::socket> queued_;
  std::shared_ptr<Connects> connects_ = std::make_shared<Connects>(loop_.get_executor());
  std::vector<std::string> outcomes_;
  std::size_t over_ = 0;
};

TEST_F(ConnectsTest, ManyAtOnceEachWithItsOwnOutcome) {
  ProbeTarget good(loop_, tests::stall);
  ProbeTarget bad(loop_, tests::stall);
  bad.close();
  const std::size_t before = descriptors();
  for (int i = 0; i < 150; ++i) {
    start(good.port());
    start(bad.port());
  }
  EXPECT_EQ(connects_->running(), 300u);
  ASSERT_TRUE(run_until(loop_, [&] { return over_ == 300; }));
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    EXPECT_EQ(outcomes_[i], i % 2 == 0 ? "connected" : "connection refused");
  }
  EXPECT_EQ(connects_->running(), 0u);
  ASSERT_TRUE(run_until(loop_, [&] { return good.visits().size() == 150; }));
  ASSERT_TRUE(run_until(loop_, [&] {
    for (const auto& visit : good.visits()) {
      if (!visit->ended) return false;
    }
    return true;
  }));
  EXPECT_LE(descriptors(), before + 150) << "only the target's own ends may be open";
}

TEST_F(ConnectsTest, EachHasItsOwnDeadline) {
  const std::uint16_t port = deaf_port();
  start(port, milliseconds(300));
  start(port, milliseconds(100));  // nearer than the one that the timer was set for
  start(port, milliseconds(5'000));
  ASSERT_TRUE(run_until(loop_, [&] { return over_ == 1; }));
  EXPECT_EQ(outcomes_[1], "connect timed out after 0.1 s");
  ASSERT_TRUE(run_until(loop_, [&] { return over_ == 2; }));
  EXPECT_EQ(outcomes_[0], "connect timed out after 0.3 s");
  EXPECT_EQ(outcomes_[2], "");
  EXPECT_EQ(connects_->running(), 1u);
}

TEST_F(ConnectsTest, WhatIsDroppedIsClosedAndReportsNothing) {
  const std::uint16_t port = deaf_port();
  const std::size_t before = descriptors();
  const auto number = start(port, milliseconds(50));
  const auto other = start(port, milliseconds(100));
  EXPECT_EQ(descriptors(), before + 2);
  connects_->drop(number);
  connects_->drop(number);
  EXPECT_EQ(descriptors(), before + 1);
  ASSERT_TRUE(run_until(loop_, [&] { return over_ == 1; }));
  EXPECT_EQ(outcomes_[0], "");
  connects_->drop(other);
  EXPECT_EQ(descriptors(), before);
}

TEST_F(ConnectsTest, OneThatIsToldMayDropOthersAndStartNewOnes) {
  ProbeTarget good(loop_, tests::stall);
  std::vector<Connects::Number> numbers;
  std::size_t told = 0;
  for (int i = 0; i < 10; ++i) {
    numbers.push_back(
        connects_->start(loopback, good.port(), milliseconds(5'000), [&](const ProbeOutcome&) {
          if (++told == 1) start(good.port());
          for (const auto number : numbers) connects_->drop(number);
        }));
  }
  ASSERT_TRUE(run_until(loop_, [&] { return over_ == 1; }));
  EXPECT_EQ(told, 1u);
  EXPECT_EQ(connects_->running(), 0u);
}

TEST_F(ConnectsTest, SpeaksIpv6) {
  tcp::acceptor listening(loop_, {asio::ip::address_v6::loopback(), 0});
  std::string found;
  static_cast<void>(connects_->start(*dataplane::parse_address("::1"),
                                     listening.local_endpoint().port(), milliseconds(5'000),
                                     [&](const ProbeOutcome& one) { found = one.sentence; }));
  ASSERT_TRUE(run_until(loop_, [&] { return !found.empty(); }));
  EXPECT_EQ(found, "connected");
}

}  // namespace
}  // namespace control
