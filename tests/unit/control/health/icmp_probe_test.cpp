#include "control/health/icmp_probe.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class IcmpProbeTest : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] ProbeRun probe(const char* address, milliseconds timeout = milliseconds(5000)) {
    Check check = check_of(config::CheckProtocol::Icmp, 80);
    check.address = *dataplane::parse_address(address);
    check.settings.timeout = timeout;
    return run(loop_, make_icmp_probe(loop_.get_executor(), check));
  }

  asio::io_context loop_;
};

// Neither root nor in ping_group_range: then our own lack is all that can be seen.
bool not_allowed(const ProbeOutcome& outcome) {
  return outcome.finding == Finding::NotAttempted &&
         outcome.sentence.rfind("not checked: ", 0) == 0;
}

TEST_P(IcmpProbeTest, PassesIfTheReplyComes) {
  for (int i = 0; i < 3; ++i) {
    const ProbeRun result = probe(GetParam());
    if (not_allowed(result.outcome)) GTEST_SKIP() << result.outcome.sentence;
    EXPECT_EQ(result.outcome.finding, Finding::Passed) << result.outcome.sentence;
    EXPECT_EQ(result.outcome.sentence, "echo reply");
    EXPECT_LT(result.took, milliseconds(4000));
  }
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, IcmpProbeTest, testing::Values("127.0.0.1", "::1"));

TEST_F(IcmpProbeTest, DestroyedItReportsNothing) {
  Check check = check_of(config::CheckProtocol::Icmp, 80);
  auto gone = make_icmp_probe(loop_.get_executor(), check);
  gone->start([](const ProbeOutcome&) { FAIL() << "it is gone"; });
  gone.reset();
  static_cast<void>(probe("127.0.0.1"));  // a later one: what the first left has run before it
  loop_.poll();
}

}  // namespace
}  // namespace control
