#include "control/health/tcp_probe.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <vector>

#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using tests::ProbeTarget;
using tests::run_until;

class TcpProbeTest : public testing::Test {
 protected:
  [[nodiscard]] ProbeRun probe(std::uint16_t port, milliseconds timeout = milliseconds(5000)) {
    Check check = check_of(config::CheckProtocol::Tcp, port);
    check.settings.timeout = timeout;
    return run(loop_, make_tcp_probe(connects_, check));
  }

  asio::io_context loop_;
  std::shared_ptr<Connects> connects_ = std::make_shared<Connects>(loop_.get_executor());
};

TEST_F(TcpProbeTest, PassesWhereSomebodyListensAndClosesByReset) {
  ProbeTarget target(loop_, tests::stall);
  const ProbeRun result = probe(target.port());
  EXPECT_EQ(result.outcome.finding, Finding::Passed);
  EXPECT_EQ(result.outcome.sentence, "connected");
  ASSERT_TRUE(run_until(loop_, [&] { return target.visits().size() == 1; }));
  ASSERT_TRUE(run_until(loop_, [&] { return bool{target.visits()[0]->ended}; }));
  EXPECT_EQ(target.visits()[0]->ended, asio::error::connection_reset);
}

TEST_F(TcpProbeTest, FailsWhereNobodyListens) {
  ProbeTarget target(loop_, tests::stall);
  target.close();
  const ProbeRun result = probe(target.port());
  EXPECT_EQ(result.outcome.finding, Finding::Failed);
  EXPECT_EQ(result.outcome.sentence, "connection refused");
}

// A listener whose queue is full drops SYNs: the only way to an unanswered connect on one machine.
TEST_F(TcpProbeTest, TimesOutWhereNobodyAnswers) {
  tcp::acceptor deaf(loop_, tcp::v4());
  deaf.bind({asio::ip::address_v4::loopback(), 0});
  deaf.listen(0);
  std::vector<tcp::socket> queued;
  for (int i = 0; i < 4; ++i) {
    tcp::socket& socket = queued.emplace_back(loop_, tcp::v4());
    socket.native_non_blocking(true);
    const auto deaf_endpoint = deaf.local_endpoint();
    ASSERT_EQ(connect(socket.native_handle(), deaf_endpoint.data(),
                      static_cast<socklen_t>(deaf_endpoint.size())),
              -1);
    ASSERT_EQ(errno, EINPROGRESS);
  }
  const ProbeRun result = probe(deaf.local_endpoint().port(), milliseconds(200));
  EXPECT_EQ(result.outcome.finding, Finding::TimedOut);
  EXPECT_EQ(result.outcome.sentence, "connect timed out after 0.2 s");
  EXPECT_GE(result.took, milliseconds(200));
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(TcpProbeTest, WithoutDescriptorsItSaysThatItIsOurFault) {
  ProbeTarget target(loop_, tests::stall);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const ProbeRun result = probe(target.port());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(result.outcome.finding, Finding::NotAttempted);
  EXPECT_EQ(result.outcome.sentence, "not checked: Too many open files");
}

TEST_F(TcpProbeTest, DestroyedItReportsNothing) {
  ProbeTarget target(loop_, tests::stall);
  bool reported = false;
  auto first = make_tcp_probe(connects_, check_of(config::CheckProtocol::Tcp, 1));
  first->start([&](const ProbeOutcome&) { reported = true; });
  first.reset();
  // A later one on the same loop: what the first left behind has run before it.
  EXPECT_EQ(probe(target.port()).outcome.finding, Finding::Passed);
  loop_.poll();
  EXPECT_FALSE(reported);
}

TEST_F(TcpProbeTest, MayBeDestroyedByItsOwnOutcome) {
  ProbeTarget target(loop_, tests::stall);
  auto probe = make_tcp_probe(connects_, check_of(config::CheckProtocol::Tcp, target.port()));
  bool reported = false;
  probe->start([&](const ProbeOutcome&) {
    probe.reset();
    reported = true;
  });
  EXPECT_TRUE(run_until(loop_, [&] { return reported; }));
}

TEST_F(TcpProbeTest, MayOutliveOrPrecedeItsLoop) {
  auto own_loop = std::make_unique<asio::io_context>();
  auto probe = make_tcp_probe(std::make_shared<Connects>(own_loop->get_executor()),
                              check_of(config::CheckProtocol::Tcp, 1));
  probe->start([](const ProbeOutcome&) { FAIL() << "the loop never ran"; });
  probe.reset();
  own_loop.reset();
}

}  // namespace
}  // namespace control
