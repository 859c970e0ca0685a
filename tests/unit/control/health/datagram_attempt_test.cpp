#include "control/health/datagram_attempt.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/cpp/udp_target.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

TEST(DatagramAttempt, TellsTheTargetsFaultFromOurs) {
  struct Case {
    int error;
    Finding finding;
    std::string_view sentence;
  };
  for (const Case& one :
       {Case{ECONNREFUSED, Finding::Failed, "port unreachable (ICMP)"},
        Case{EHOSTUNREACH, Finding::Failed, "host unreachable"},
        Case{ENETUNREACH, Finding::Failed, "network unreachable"},
        Case{ENOBUFS, Finding::NotAttempted, "not checked: No buffer space available"}}) {
    EXPECT_EQ(datagram_failed(one.error).finding, one.finding);
    EXPECT_EQ(datagram_failed(one.error).sentence, one.sentence);
  }
}

TEST(DatagramAttempt, WithoutASocketItSaysThatItIsOurFault) {
  asio::io_context loop;
  std::optional<ProbeOutcome> outcome;
  const auto attempt = std::make_shared<DatagramAttempt>(
      loop.get_executor(), [&](const ProbeOutcome& found) { outcome = found; });
  errno = EPERM;
  attempt->begin(-1, check_of(config::CheckProtocol::Udp, 1), "x", {}, [](std::string_view) {});
  EXPECT_FALSE(outcome.has_value()) << "not from within begin()";
  EXPECT_TRUE(tests::run_until(loop, [&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->finding, Finding::NotAttempted);
  EXPECT_EQ(outcome->sentence, "not checked: Operation not permitted");
}

TEST(DatagramAttempt, LooksAtSoManyDatagramsAndNoMore) {
  asio::io_context loop;
  tests::UdpTarget target(
      loop, [](const std::string&) { return std::vector<std::string>(200, "noise"); });
  Check check = check_of(config::CheckProtocol::Udp, target.port());
  check.settings.timeout = milliseconds(500);
  std::optional<ProbeOutcome> outcome;
  int seen = 0;
  const auto attempt = std::make_shared<DatagramAttempt>(
      loop.get_executor(), [&](const ProbeOutcome& found) { outcome = found; });
  attempt->begin(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), check, "x",
                 {Finding::TimedOut, "late"}, [&](std::string_view) { ++seen; });
  EXPECT_TRUE(tests::run_until(loop, [&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->sentence, "late");
  EXPECT_EQ(seen, DatagramAttempt::datagrams_max);
}

}  // namespace
}  // namespace control
