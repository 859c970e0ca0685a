#include "control/health/attempt.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <vector>

namespace control {
namespace {

boost::system::error_code system_error(int number) {
  return {number, boost::system::system_category()};
}

TEST(Attempt, TellsTheTargetsFaultFromOurs) {
  struct Case {
    int error;
    Finding finding;
    std::string_view sentence;
  };
  const std::vector<Case> cases = {
      {ECONNREFUSED, Finding::Failed, "connection refused"},
      {ECONNRESET, Finding::Failed, "connection reset"},
      {EHOSTUNREACH, Finding::Failed, "host unreachable"},
      {ENETUNREACH, Finding::Failed, "network unreachable"},
      {ETIMEDOUT, Finding::TimedOut, "connect timed out"},
      {EACCES, Finding::Failed, "connect failed: Permission denied"},
      {EMFILE, Finding::NotAttempted, "not checked: Too many open files"},
      {ENFILE, Finding::NotAttempted, "not checked: Too many open files in system"},
      {ENOBUFS, Finding::NotAttempted, "not checked: No buffer space available"},
      {ENOMEM, Finding::NotAttempted, "not checked: Cannot allocate memory"},
      {EADDRNOTAVAIL, Finding::NotAttempted, "not checked: Cannot assign requested address"},
  };
  for (const Case& one : cases) {
    const ProbeOutcome outcome = connect_failed(system_error(one.error));
    EXPECT_EQ(outcome.finding, one.finding) << one.sentence;
    EXPECT_EQ(outcome.sentence, one.sentence);
  }
}

TEST(Attempt, SaysSecondsShortly) {
  using std::chrono::milliseconds;
  EXPECT_EQ(in_seconds(milliseconds(2000)), "2 s");
  EXPECT_EQ(in_seconds(milliseconds(250)), "0.25 s");
  EXPECT_EQ(in_seconds(milliseconds(120'000)), "120 s");
}

}  // namespace
}  // namespace control
