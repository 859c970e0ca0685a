#include "control/health/udp_probe.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/cpp/udp_target.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using tests::UdpTarget;
using Answers = std::vector<std::string>;

class UdpProbeTest : public testing::Test {
 protected:
  [[nodiscard]] ProbeRun probe(std::uint16_t port, const std::string& expect,
                               milliseconds timeout = milliseconds(5000),
                               const char* address = "127.0.0.1") {
    Check check = check_of(config::CheckProtocol::Udp, port);
    check.address = *dataplane::parse_address(address);
    check.settings.send = std::string("ping\0!", 6);
    check.settings.expect = expect;
    check.settings.timeout = timeout;
    return run(loop_, make_udp_probe(loop_.get_executor(), check));
  }

  asio::io_context loop_;
};

TEST_F(UdpProbeTest, PassesIfTheAnswerContainsWhatIsExpected) {
  UdpTarget target(loop_, [](const std::string&) { return Answers{"well, pong"}; });
  EXPECT_EQ(probe(target.port(), "pong").outcome.sentence, "answer of 10 bytes");
  EXPECT_EQ(target.received(), Answers{std::string("ping\0!", 6)});
  const ProbeOutcome other = probe(target.port(), "pang").outcome;
  EXPECT_EQ(other.finding, Finding::CodeMismatch);
  EXPECT_EQ(other.sentence, "answer of 10 bytes without what is expected");
}

TEST_F(UdpProbeTest, WorksOverIpv6) {
  UdpTarget target(
      loop_, [](const std::string&) { return Answers{"pong"}; }, "::1");
  EXPECT_EQ(probe(target.port(), "pong", milliseconds(5000), "::1").outcome.finding,
            Finding::Passed);
}

TEST_F(UdpProbeTest, FailsIfThePortIsUnreachable) {
  UdpTarget target(loop_, [](const std::string&) { return Answers{}; });
  const std::uint16_t port = target.port();
  target.close();
  for (const char* expect : {"pong", ""}) {
    const ProbeRun result = probe(port, expect);
    EXPECT_EQ(result.outcome.finding, Finding::Failed);
    EXPECT_EQ(result.outcome.sentence, "port unreachable (ICMP)");
    EXPECT_LT(result.took, milliseconds(4000));
  }
}

TEST_F(UdpProbeTest, SilenceIsGoodOnlyIfNothingIsExpected) {
  UdpTarget target(loop_, [](const std::string&) { return Answers{}; });
  const ProbeOutcome expected = probe(target.port(), "pong", milliseconds(250)).outcome;
  EXPECT_EQ(expected.finding, Finding::TimedOut);
  EXPECT_EQ(expected.sentence, "no answer within 0.25 s");
  const ProbeOutcome silent = probe(target.port(), "", milliseconds(250)).outcome;
  EXPECT_EQ(silent.finding, Finding::Passed);
  EXPECT_EQ(silent.sentence, "no answer and no error in 0.25 s");
}

TEST_F(UdpProbeTest, AnyAnswerIsGoodIfNothingIsExpected) {
  UdpTarget target(loop_, [](const std::string&) { return Answers{""}; });
  const ProbeRun result = probe(target.port(), "");
  EXPECT_EQ(result.outcome.sentence, "answer of 0 bytes");
  EXPECT_LT(result.took, milliseconds(4000));
}

TEST_F(UdpProbeTest, LongAnswersAreCut) {
  UdpTarget target(loop_,
                   [](const std::string&) { return Answers{std::string(60'000, 'x') + "pong"}; });
  EXPECT_EQ(probe(target.port(), "pong").outcome.sentence,
            "answer of 2048 bytes without what is expected");
}

TEST_F(UdpProbeTest, DestroyedItReportsNothing) {
  UdpTarget target(loop_, [](const std::string&) { return Answers{"pong"}; });
  Check check = check_of(config::CheckProtocol::Udp, target.port());
  auto probe = make_udp_probe(loop_.get_executor(), check);
  probe->start([](const ProbeOutcome&) { FAIL() << "it is gone"; });
  probe.reset();
  ASSERT_TRUE(tests::run_until(loop_, [&] { return !target.received().empty(); }));
  loop_.poll();
}

}  // namespace
}  // namespace control
