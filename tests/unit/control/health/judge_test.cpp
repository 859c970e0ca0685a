#include "control/health/judge.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace control {
namespace {

using dataplane::TargetReason;
using dataplane::TargetState;

// One finding a letter: p passed, m mismatch, t timeout, f failed, x could not be attempted.
Finding finding(char letter) {
  switch (letter) {
    case 'p': return Finding::Passed;
    case 'm': return Finding::CodeMismatch;
    case 't': return Finding::TimedOut;
    case 'f': return Finding::Failed;
    default: return Finding::NotAttempted;
  }
}

// i initial, h healthy, and for unhealthy its reason: M, T, F.
char letter(const Health& health) {
  if (health.state == TargetState::Initial) return 'i';
  if (health.state == TargetState::Healthy) return 'h';
  switch (health.reason) {
    case TargetReason::ResponseCodeMismatch: return 'M';
    case TargetReason::Timeout: return 'T';
    case TargetReason::FailedHealthChecks: return 'F';
    default: return '?';
  }
}

TEST(Judge, FollowsTheTable) {
  struct Case {
    const char* why;
    Thresholds thresholds;
    const char* findings;
    const char* health_after_each;
  };
  const std::vector<Case> cases = {
      {"the first pass of a new target counts at once", {5, 2}, "p", "h"},
      {"also after a failure, as long as it is initial", {5, 2}, "fp", "ih"},
      {"a new target needs the failures to be unhealthy", {5, 3}, "fff", "iiF"},
      {"a pass in between starts the count of failures again", {5, 2}, "pfpfpff", "hhhhhhF"},
      {"back only after the passes in a row", {3, 2}, "ffppppff", "iFFFhhhF"},
      {"a failure in between starts the count of passes again", {3, 2}, "ffppfppp", "iFFFFFFh"},
      {"thresholds of 1 act at once", {1, 1}, "pfpf", "hFhF"},
      {"the reason is that of the last failure", {5, 2}, "pftmf", "hhTMF"},
      {"the reason stays while passes are counted", {5, 2}, "ttpppf", "iTTTTF"},
      {"what was not attempted is neither", {2, 2}, "pxxxfxfxxpxp", "hhhhhhFFFFFh"},
      {"not attempted says nothing about a new target", {1, 1}, "xxxxp", "iiiih"},
  };
  for (const Case& one : cases) {
    Judge judge(one.thresholds);
    std::string health;
    for (const char* at = one.findings; *at != '\0'; ++at) {
      judge.observe(finding(*at));
      health += letter(judge.health());
    }
    EXPECT_EQ(health, one.health_after_each) << one.why;
  }
}

TEST(Judge, CountsOnlyTowardsAChange) {
  Judge judge({2, 3});
  EXPECT_EQ(judge.observe(Finding::Failed), "1 of 3 failed");
  EXPECT_EQ(judge.observe(Finding::Passed), "1 of 1 passed");
  EXPECT_EQ(judge.observe(Finding::Passed), "");
  EXPECT_EQ(judge.observe(Finding::Failed), "1 of 3 failed");
  EXPECT_EQ(judge.observe(Finding::NotAttempted), "");
  EXPECT_EQ(judge.observe(Finding::Failed), "2 of 3 failed");
  EXPECT_EQ(judge.observe(Finding::Failed), "3 of 3 failed");
  EXPECT_EQ(judge.observe(Finding::Failed), "");
  EXPECT_EQ(judge.observe(Finding::Passed), "1 of 2 passed");
  EXPECT_EQ(judge.observe(Finding::Passed), "2 of 2 passed");
}

TEST(Judge, OtherThresholdsKeepTheHealthAndCountAnew) {
  Judge judge({5, 3});
  judge.observe(Finding::Passed);
  judge.observe(Finding::Failed);
  judge.adopt({5, 2});
  EXPECT_EQ(judge.health().state, TargetState::Healthy);
  EXPECT_EQ(judge.observe(Finding::Failed), "1 of 2 failed");
  EXPECT_EQ(judge.observe(Finding::Failed), "2 of 2 failed");
  EXPECT_EQ(judge.health().state, TargetState::Unhealthy);
  judge.observe(Finding::Passed);
  judge.adopt({1, 2});
  EXPECT_EQ(judge.health().reason, TargetReason::FailedHealthChecks);
  judge.observe(Finding::Passed);
  EXPECT_EQ(judge.health().state, TargetState::Healthy);
}

// The obvious model: keeps the whole history and reads the rules off it, from the beginning, each
// time.
class PlainJudge {
 public:
  explicit PlainJudge(Thresholds thresholds) : thresholds_(thresholds) {}

  Health observe(Finding finding) {
    if (finding != Finding::NotAttempted) history_.push_back(finding);
    Health health;
    std::size_t since = 0;  // only what came after the last change counts towards the next
    for (std::size_t end = 1; end <= history_.size(); ++end) {
      const Health next = rule(health, since, end);
      if (next.state != health.state) since = end;
      health = next;
    }
    return health;
  }

 private:
  [[nodiscard]] Health rule(const Health& health, std::size_t since, std::size_t end) const {
    const bool passed = history_[end - 1] == Finding::Passed;
    std::size_t alike = 0;
    while (end - alike > since && (history_[end - 1 - alike] == Finding::Passed) == passed) ++alike;
    if (passed) {
      const bool enough = health.state == TargetState::Initial || alike >= thresholds_.healthy;
      if (health.state == TargetState::Healthy || !enough) return health;
      return {TargetState::Healthy, TargetReason::None};
    }
    const bool enough = health.state == TargetState::Unhealthy || alike >= thresholds_.unhealthy;
    if (!enough) return health;
    return {TargetState::Unhealthy, reason_of(history_[end - 1])};
  }

  Thresholds thresholds_;
  std::vector<Finding> history_;
};

TEST(Judge, AgreesWithThePlainModelOnRandomFindings) {
  std::mt19937 random(20240817);
  const auto below = [&random](std::uint32_t end) {
    return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
  };
  for (int round = 0; round < 500; ++round) {
    const Thresholds thresholds{1 + below(6), 1 + below(4)};
    Judge judge(thresholds);
    PlainJudge model(thresholds);
    const std::uint32_t passes_of_ten = below(11);  // from always failing to always passing
    for (int step = 0; step < 120; ++step) {
      const bool pass = below(10) < passes_of_ten;
      const Finding next = pass ? Finding::Passed : finding("mtfx"[below(4)]);
      judge.observe(next);
      ASSERT_EQ(judge.health(), model.observe(next))
          << "round " << round << " step " << step << " thresholds " << thresholds.healthy
          << " and " << thresholds.unhealthy;
    }
  }
}

}  // namespace
}  // namespace control
