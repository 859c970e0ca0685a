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

// --- what clients meet ---

// One second a letter: a an answered handshake, A one among failed ones, 1…9 so many failed, .
// none; p and f are findings of active checks. After each: s suspected, C condemned there and then.
std::string suspicions(const char* seconds, bool condemns) {
  Judge judge({2, 2});
  judge.observe(Finding::Passed);
  std::string result;
  for (const char* at = seconds; *at != '\0'; ++at) {
    if (*at == 'p' || *at == 'f') {
      judge.observe(finding(*at));
    } else if (*at == 'a' || *at == 'A') {
      judge.observe(Handshakes{1, *at == 'A' ? 50u : 0u});
    } else {
      judge.observe(Handshakes{0, *at == '.' ? 0u : static_cast<std::uint64_t>(*at - '0')});
    }
    const bool suspected = judge.suspicion().grave();
    if (suspected && condemns) judge.condemn(Finding::TimedOut);
    result += suspected ? (condemns ? 'C' : 's') : letter(judge.health());
  }
  return result;
}

TEST(Judge, SuspectsWhoLetsHandshakesFail) {
  struct Case {
    const char* why;
    const char* seconds;
    const char* after_each;
  };
  const std::vector<Case> cases = {
      {"three failures in two seconds are enough", "12", "hs"},
      {"in one second nothing is: it may have been one moment", "9.", "hh"},
      {"two failures are too few", "11", "hh"},
      {"one answer outweighs all", "1A1A1a9", "hhhhhhh"},
      {"and the count begins anew after it", "2a12", "hhhs"},
      {"it lasts until there is an answer", "12..a.", "hssshh"},
      {"a quiet time ends it", "2..........1", "hhhhhhhhhhhh"},
      {"a shorter one does not", "2.........1", "hhhhhhhhhhs"},
      {"an active check that passes does not answer clients", "1p2", "hhs"},
      {"who is unhealthy already is not suspected", "ff99", "hFFF"},
      {"nor is one that comes back by what was before", "12ffpp1", "hssFFhh"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(suspicions(one.seconds, false), one.after_each) << one.why;
  }
}

TEST(Judge, CondemnsAtOnceAndOnlyPassesBringBack) {
  EXPECT_EQ(suspicions("12...a.ppa12", true), "hCFFFFFFhhhC");
}

TEST(Judge, CondemnsNobodyWhoIsNotSuspected) {
  Judge judge({5, 2});
  judge.observe(Finding::Passed);
  judge.condemn(Finding::Failed);
  EXPECT_EQ(judge.health().state, TargetState::Healthy);
  judge.observe(Handshakes{0, 9});
  judge.observe(Handshakes{0, 9});
  judge.clear();
  judge.condemn(Finding::Failed);
  EXPECT_EQ(judge.health().state, TargetState::Healthy);
}

TEST(Judge, ANewTargetIsSuspectedLikeAnother) {
  Judge judge({5, 2});
  judge.observe(Handshakes{0, 2});
  judge.observe(Handshakes{0, 2});
  ASSERT_TRUE(judge.suspicion().grave());
  judge.condemn(Finding::Failed);
  EXPECT_EQ(letter(judge.health()), 'F');
}

// The whole history of seconds, read from its end each time.
bool plainly_suspected(const std::vector<Handshakes>& history) {
  std::uint64_t failures = 0;
  std::size_t seconds = 0, quiet = 0;
  for (auto at = history.rbegin(); at != history.rend() && at->answered == 0; ++at) {
    quiet = at->failed == 0 ? quiet + 1 : 0;
    if (quiet >= Suspicion::quiet_max) break;
    failures += at->failed;
    seconds += at->failed == 0 ? 0 : 1;
  }
  return failures >= 3 && seconds >= 2;
}

TEST(Judge, AgreesWithThePlainModelOnRandomHandshakes) {
  std::mt19937 random(20261123);
  const auto below = [&random](std::uint32_t end) {
    return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
  };
  int suspected = 0;
  for (int round = 0; round < 300; ++round) {
    Judge judge({2, 2});
    judge.observe(Finding::Passed);
    std::vector<Handshakes> history;
    const std::uint32_t busy = 1 + below(20), dead = below(11);
    for (int second = 0; second < 200; ++second) {
      Handshakes next;
      if (below(busy) == 0) {
        const bool fails = below(10) < dead;
        next = {fails ? 0u : below(3), fails ? below(4) : below(2)};
      }
      history.push_back(next);
      judge.observe(next);
      const bool expected = plainly_suspected(history);
      ASSERT_EQ(judge.suspicion().grave(), expected) << "round " << round << " second " << second;
      suspected += expected ? 1 : 0;
      if (!expected || below(3) != 0) continue;
      if (below(2) == 0) {
        judge.clear();
      } else {
        judge.condemn(Finding::Failed);
        ASSERT_EQ(letter(judge.health()), 'F');
        judge.observe(Finding::Passed);
        judge.observe(Finding::Passed);
      }
      ASSERT_EQ(letter(judge.health()), 'h');
      history.clear();
    }
  }
  EXPECT_GT(suspected, 100);
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
