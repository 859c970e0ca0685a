#include "control/lifecycle/target_life.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace control {
namespace {

using config::Availability;
using dataplane::TargetReason;
using dataplane::TargetState;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Thresholds thresholds{3, 2};
constexpr Standing checked{true, true, thresholds};
constexpr Standing unchecked{true, false, thresholds};
constexpr Standing not_used{false, true, thresholds};

Moment at(milliseconds since) {
  return {std::chrono::steady_clock::time_point(seconds(500)) + since,
          std::chrono::system_clock::time_point(seconds(1'700'000'000)) + since};
}

config::DeregistrationDelay delay(int timeout, bool termination) {
  return {seconds(timeout), termination};
}

// "state reason availability"; the reason without its prefix.
std::string words(const TargetLife& life) {
  const Status& status = life.status();
  std::string reason(to_string(status.reason));
  reason = reason.empty() ? "-" : reason.substr(reason.find('.') + 1);
  const std::vector<std::string> availability = {"Serving", "FailOpen", "Draining", "Terminated"};
  return std::string(to_string(status.state)) + " " + reason + " " +
         availability.at(static_cast<std::size_t>(status.availability));
}

void observe(TargetLife& life, Finding finding, int times = 1) {
  for (int i = 0; i < times; ++i) life.observe({finding, "said so"}, at(seconds(1)));
}

TEST(TargetLife, StandsWhereTheConfigurationPutsIt) {
  EXPECT_EQ(words(TargetLife(checked, at({}))), "initial RegistrationInProgress FailOpen");
  EXPECT_EQ(words(TargetLife(unchecked, at({}))), "unavailable HealthCheckDisabled Serving");
  EXPECT_EQ(words(TargetLife(not_used, at({}))), "unused NotInUse Draining");
  EXPECT_EQ(words(TargetLife({false, false, thresholds}, at({}))), "unused NotInUse Draining");
  EXPECT_TRUE(TargetLife(checked, at({})).probes());
  EXPECT_FALSE(TargetLife(unchecked, at({})).probes());
  EXPECT_FALSE(TargetLife(not_used, at({})).probes());
}

TEST(TargetLife, ProbesDecideWhetherItServes) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  EXPECT_EQ(words(life), "healthy - Serving");
  EXPECT_EQ(life.status().detail, "said so, 1 of 1 passed");
  observe(life, Finding::Passed);
  EXPECT_EQ(life.status().detail, "said so");
  observe(life, Finding::TimedOut);
  EXPECT_EQ(words(life), "healthy - Serving");
  EXPECT_EQ(life.status().detail, "said so, 1 of 2 failed");
  observe(life, Finding::CodeMismatch);
  EXPECT_EQ(words(life), "unhealthy ResponseCodeMismatch FailOpen");
  observe(life, Finding::Failed);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  observe(life, Finding::Passed, 3);
  EXPECT_EQ(words(life), "healthy - Serving");
}

TEST(TargetLife, SinceIsOfTheStateNotOfTheReason) {
  TargetLife life(checked, at({}));
  EXPECT_EQ(life.status().since, at({}).wall);
  life.observe({Finding::Failed, ""}, at(seconds(1)));
  life.observe({Finding::Failed, ""}, at(seconds(2)));
  EXPECT_EQ(life.status().since, at(seconds(2)).wall);
  life.observe({Finding::TimedOut, ""}, at(seconds(3)));
  EXPECT_EQ(life.status().since, at(seconds(2)).wall);
}

TEST(TargetLife, ADrainEndsWhenItsDelayIsOver) {
  for (const bool termination : {false, true}) {
    TargetLife life(checked, at({}));
    observe(life, Finding::Passed);
    life.drain(TargetLife::Cause::Operator, delay(300, termination), at(seconds(10)));
    EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
    EXPECT_EQ(life.status().drain_ends, at(seconds(310)).wall);
    EXPECT_EQ(life.deadline(), at(seconds(310)).steady);
    EXPECT_FALSE(life.probes());
    life.tick(delay(300, termination), at(milliseconds(309'999)));
    EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
    life.tick(delay(300, termination), at(seconds(310)));
    EXPECT_EQ(words(life),
              termination ? "unused NotRegistered Terminated" : "unused NotRegistered Draining");
    EXPECT_EQ(life.status().drain_ends, std::nullopt);
    EXPECT_EQ(life.deadline(), std::nullopt);
    EXPECT_TRUE(life.drained());
    life.tick(delay(300, !termination), at(seconds(999)));
    EXPECT_EQ(words(life),
              termination ? "unused NotRegistered Terminated" : "unused NotRegistered Draining");
  }
}

TEST(TargetLife, ASecondDrainDoesNotProlongTheFirst) {
  TargetLife life(checked, at({}));
  life.drain(TargetLife::Cause::Operator, delay(100, false), at({}));
  life.drain(TargetLife::Cause::LeftConfiguration, delay(3600, false), at(seconds(50)));
  EXPECT_EQ(life.deadline(), at(seconds(100)).steady);
}

TEST(TargetLife, NoDelayEndsAtOnce) {
  TargetLife life(checked, at({}));
  life.drain(TargetLife::Cause::Operator, delay(0, false), at(seconds(1)));
  life.tick(delay(0, false), at(seconds(1)));
  EXPECT_EQ(words(life), "unused NotRegistered Draining");
}

TEST(TargetLife, UndrainedItStartsLikeANewOne) {
  for (const int after : {10, 400}) {  // while it drains, and when that is over
    TargetLife life(checked, at({}));
    observe(life, Finding::Passed);
    observe(life, Finding::Failed, 2);
    life.drain(TargetLife::Cause::Operator, delay(300, true), at({}));
    life.tick(delay(300, true), at(seconds(after)));
    observe(life, Finding::Passed);  // nobody asks any more
    life.undrain(TargetLife::Cause::Operator, at(seconds(after)));
    EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen");
    EXPECT_EQ(life.status().drain_ends, std::nullopt);
    EXPECT_TRUE(life.probes());
    observe(life, Finding::Passed);
    EXPECT_EQ(words(life), "healthy - Serving");
  }
}

TEST(TargetLife, UndrainingWhatIsNotDrainedChangesNothing) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  const Status before = life.status();
  life.undrain(TargetLife::Cause::Operator, at(seconds(5)));
  EXPECT_EQ(life.status(), before);
}

TEST(TargetLife, AReloadThatChangesNothingChangesNothing) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  observe(life, Finding::Failed);
  const Status before = life.status();
  life.stand(checked, at(seconds(9)));
  EXPECT_EQ(life.status(), before);
  observe(life, Finding::Failed);
  EXPECT_EQ(life.status().state, TargetState::Unhealthy) << "what was counted is still counted";
}

TEST(TargetLife, OtherThresholdsKeepTheState) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  life.stand({true, true, {3, 5}}, at(seconds(9)));
  EXPECT_EQ(words(life), "healthy - Serving");
  observe(life, Finding::Failed, 4);
  EXPECT_EQ(words(life), "healthy - Serving");
  observe(life, Finding::Failed);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
}

TEST(TargetLife, ChecksAndUseMayComeAndGo) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Failed, 2);
  life.stand(unchecked, at(seconds(1)));
  EXPECT_EQ(words(life), "unavailable HealthCheckDisabled Serving");
  life.stand(not_used, at(seconds(2)));
  EXPECT_EQ(words(life), "unused NotInUse Draining");
  life.stand(checked, at(seconds(3)));
  EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen");
}

TEST(TargetLife, TheConfigurationDoesNotEndADrain) {
  TargetLife life(unchecked, at({}));
  life.drain(TargetLife::Cause::Operator, delay(300, false), at({}));
  for (const Standing& standing : {checked, not_used, unchecked}) {
    life.stand(standing, at(seconds(1)));
    EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
    EXPECT_FALSE(life.probes());
  }
  life.undrain(TargetLife::Cause::Operator, at(seconds(2)));
  EXPECT_EQ(words(life), "unavailable HealthCheckDisabled Serving");
}

// --- unhealthy ---

Standing keeping(int interval) {
  return {true,
          true,
          thresholds,
          {.connection_termination = false, .draining_interval = seconds(interval)}};
}

TEST(TargetLife, UnhealthyItsFlowsAreResetByDefault) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  EXPECT_FALSE(life.status().resets_flows);
  observe(life, Finding::Failed, 2);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  EXPECT_TRUE(life.status().resets_flows);
  EXPECT_EQ(life.deadline(), std::nullopt);
  observe(life, Finding::Passed, 3);
  EXPECT_EQ(words(life), "healthy - Serving");
  EXPECT_FALSE(life.status().resets_flows);
}

TEST(TargetLife, WithoutTerminationItKeepsThem) {
  TargetLife life(keeping(0), at({}));
  observe(life, Finding::Passed);
  observe(life, Finding::Failed, 2);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  EXPECT_FALSE(life.status().resets_flows);
}

TEST(TargetLife, WithAnIntervalItDrainsFirst) {
  TargetLife life(keeping(60), at({}));
  observe(life, Finding::Passed);
  observe(life, Finding::TimedOut, 2);  // at 1 s
  EXPECT_EQ(words(life), "unhealthy.draining Timeout FailOpen");
  EXPECT_EQ(life.status().drain_ends, at(seconds(61)).wall);
  EXPECT_EQ(life.status().since, at(seconds(1)).wall);
  EXPECT_EQ(life.deadline(), at(seconds(61)).steady);
  EXPECT_FALSE(life.status().resets_flows);
  EXPECT_TRUE(life.probes());
  observe(life, Finding::Failed);
  EXPECT_EQ(words(life), "unhealthy.draining FailedHealthChecks FailOpen");
  life.tick(delay(1, true), at(milliseconds(60'999)));
  EXPECT_EQ(words(life), "unhealthy.draining FailedHealthChecks FailOpen");
  life.tick(delay(1, true), at(seconds(61)));
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  EXPECT_EQ(life.status().detail, "draining_interval of 60 s is over; said so");
  EXPECT_EQ(life.status().since, at(seconds(61)).wall);
  EXPECT_EQ(life.status().drain_ends, std::nullopt);
  EXPECT_EQ(life.deadline(), std::nullopt);
  EXPECT_FALSE(life.status().resets_flows);
}

TEST(TargetLife, WhileItDrainsUnhealthyItMayReturnOrLeave) {
  TargetLife life(keeping(60), at({}));
  observe(life, Finding::Passed);
  observe(life, Finding::Failed, 2);
  observe(life, Finding::Passed, 3);
  EXPECT_EQ(words(life), "healthy - Serving");
  EXPECT_EQ(life.status().drain_ends, std::nullopt);
  observe(life, Finding::Failed, 2);
  EXPECT_EQ(words(life), "unhealthy.draining FailedHealthChecks FailOpen");
  life.drain(TargetLife::Cause::LeftConfiguration, delay(300, true), at(seconds(2)));
  EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
  EXPECT_EQ(life.deadline(), at(seconds(302)).steady);
  life.undrain(TargetLife::Cause::LeftConfiguration, at(seconds(3)));
  EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen");
}

TEST(TargetLife, OneThatNeverServedHasNothingToDrain) {
  TargetLife life(keeping(60), at({}));
  observe(life, Finding::Failed, 2);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
}

TEST(TargetLife, UdpFlowsMoveOnceItIsUnhealthy) {
  Standing udp = keeping(0);
  udp.udp = true;
  TargetLife at_once(udp, at({}));
  observe(at_once, Finding::Passed);
  observe(at_once, Finding::Failed, 2);
  EXPECT_TRUE(at_once.status().resets_flows);
  udp.unhealthy.draining_interval = seconds(10);
  TargetLife later(udp, at({}));
  observe(later, Finding::Passed);
  observe(later, Finding::Failed, 2);
  EXPECT_EQ(later.status().state, TargetState::UnhealthyDraining);
  EXPECT_FALSE(later.status().resets_flows);
  later.tick(delay(1, true), at(seconds(11)));
  EXPECT_EQ(later.status().state, TargetState::Unhealthy);
  EXPECT_TRUE(later.status().resets_flows);
}

TEST(TargetLife, OfBothProtocolsOnlyUdpsFlowsMove) {
  Standing both = keeping(0);
  both.has_udp = true;
  TargetLife life(both, at({}));
  observe(life, Finding::Passed);
  EXPECT_FALSE(life.status().moves_udp);
  observe(life, Finding::Failed, 2);
  EXPECT_TRUE(life.status().moves_udp);
  EXPECT_FALSE(life.status().resets_flows);
  life.drain(TargetLife::Cause::Operator, delay(10, false), at(seconds(5)));
  EXPECT_TRUE(life.status().moves_udp) << "they had lost it already";
  life.undrain(TargetLife::Cause::Operator, at(seconds(6)));
  EXPECT_FALSE(life.status().moves_udp);
}

TEST(TargetLife, UdpFlowsMoveWhenItIsGoneWhateverTheOthersMay) {
  Standing both = keeping(0);
  both.has_udp = true;
  TargetLife life(both, at({}));
  observe(life, Finding::Passed);
  life.drain(TargetLife::Cause::Operator, delay(10, false), at(seconds(5)));
  EXPECT_FALSE(life.status().moves_udp) << "its delay runs";
  life.tick(delay(10, false), at(seconds(15)));
  EXPECT_EQ(words(life), "unused NotRegistered Draining");
  EXPECT_TRUE(life.status().moves_udp);
  EXPECT_FALSE(life.status().resets_flows);
}

TEST(TargetLife, TheRuleForUnhealthyFlowsMayChangeMeanwhile) {
  TargetLife life(keeping(60), at({}));
  observe(life, Finding::Passed);
  observe(life, Finding::Failed, 2);
  life.stand(keeping(100), at(seconds(5)));
  EXPECT_EQ(life.status().drain_ends, at(seconds(101)).wall);
  life.stand(keeping(3), at(seconds(5)));
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  EXPECT_FALSE(life.status().resets_flows);
  life.stand(checked, at(seconds(6)));
  EXPECT_TRUE(life.status().resets_flows);
}

// --- passive checks ---

constexpr Standing passive{true, true, thresholds, {}, false, true};
const ProbeOutcome silent{Finding::TimedOut, "no answer within 1 s"};

TEST(TargetLife, WhoLetsHandshakesFailIsAskedAndThenUnhealthy) {
  TargetLife life(passive, at({}));
  observe(life, Finding::Passed);
  life.observe(Handshakes{0, 2});
  EXPECT_FALSE(life.suspected());
  life.observe(Handshakes{0, 2});
  EXPECT_TRUE(life.suspected());
  EXPECT_EQ(words(life), "healthy - Serving");
  life.confirm(silent, at(seconds(3)));
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  EXPECT_EQ(
      life.status().detail,
      "passive check: 4 handshakes of clients failed and none was answered; asked at once: no "
      "answer within 1 s");
  EXPECT_FALSE(life.suspected());
  observe(life, Finding::Passed, 2);
  EXPECT_EQ(words(life), "unhealthy FailedHealthChecks FailOpen");
  observe(life, Finding::Passed);
  EXPECT_EQ(words(life), "healthy - Serving");
}

TEST(TargetLife, WhoAnswersWhenAskedWasSuspectedForNothing) {
  for (const Finding finding : {Finding::Passed, Finding::NotAttempted}) {
    TargetLife life(passive, at({}));
    observe(life, Finding::Passed);
    const Status before = life.status();
    life.observe(Handshakes{0, 9});
    life.observe(Handshakes{0, 9});
    life.confirm({finding, "connected"}, at(seconds(3)));
    EXPECT_EQ(life.status(), before);
    EXPECT_FALSE(life.suspected());
    life.observe(Handshakes{0, 9});
    EXPECT_FALSE(life.suspected()) << "it takes as much again";
  }
}

TEST(TargetLife, AClientThatGotThroughMeanwhileClearsIt) {
  TargetLife life(passive, at({}));
  observe(life, Finding::Passed);
  life.observe(Handshakes{0, 9});
  life.observe(Handshakes{0, 9});
  life.observe(Handshakes{1, 0});
  life.confirm(silent, at(seconds(3)));
  EXPECT_EQ(words(life), "healthy - Serving");
}

TEST(TargetLife, HandshakesCountOnlyWhereTheyShould) {
  for (const Standing& standing : {checked, unchecked, not_used}) {
    TargetLife life(standing, at({}));
    EXPECT_FALSE(life.watches_handshakes());
    for (int i = 0; i < 5; ++i) life.observe(Handshakes{0, 9});
    EXPECT_FALSE(life.suspected());
  }
  TargetLife life(passive, at({}));
  EXPECT_TRUE(life.watches_handshakes());
  life.observe(Handshakes{0, 9});
  life.observe(Handshakes{0, 9});
  life.stand(checked, at(seconds(1)));
  EXPECT_FALSE(life.suspected());
  life.stand(passive, at(seconds(2)));
  EXPECT_FALSE(life.suspected());
  life.drain(TargetLife::Cause::Operator, delay(300, true), at(seconds(3)));
  EXPECT_FALSE(life.watches_handshakes());
}

TEST(TargetLife, IsBeingRegisteredUntilItsFirstCheckBegins) {
  TargetLife life(checked, at({}));
  EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen");
  life.begin_checking(at(seconds(1)));
  EXPECT_EQ(words(life), "initial InitialHealthChecking FailOpen");
  EXPECT_EQ(life.status().since, at({}).wall) << "the state is the same";
  observe(life, Finding::Failed);
  EXPECT_EQ(words(life), "initial InitialHealthChecking FailOpen") << "1 of 2";
  observe(life, Finding::Passed);
  const Status before = life.status();
  life.begin_checking(at(seconds(2)));
  EXPECT_EQ(life.status(), before);
  life.drain(TargetLife::Cause::Operator, delay(300, true), at(seconds(3)));
  life.begin_checking(at(seconds(4)));
  EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
  life.undrain(TargetLife::Cause::Operator, at(seconds(5)));
  EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen");
}

TEST(TargetLife, AtAnAddressOfOurOwnNobodyIsReached) {
  TargetLife life(checked, at({}));
  observe(life, Finding::Passed);
  life.set_unusable("10.0.0.1 is ours", at(seconds(1)));
  EXPECT_EQ(words(life), "unused IpUnusable Draining");
  EXPECT_EQ(life.status().detail, "10.0.0.1 is ours");
  EXPECT_FALSE(life.probes());
  life.stand(unchecked, at(seconds(2)));
  EXPECT_EQ(words(life), "unused IpUnusable Draining") << "whatever the configuration says";
  EXPECT_EQ(life.status().detail, "10.0.0.1 is ours");
  life.drain(TargetLife::Cause::Operator, delay(300, true), at(seconds(3)));
  EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
  life.undrain(TargetLife::Cause::Operator, at(seconds(4)));
  EXPECT_EQ(words(life), "unused IpUnusable Draining");
  life.stand(checked, at(seconds(5)));
  life.set_unusable("", at(seconds(6)));
  EXPECT_EQ(words(life), "initial RegistrationInProgress FailOpen") << "its health is out of date";
  EXPECT_EQ(life.status().detail, "its address can be used again, not checked yet");
}

TEST(TargetLife, ADrainThatBeganBeforeARestartHasWhatIsLeft) {
  for (const auto& [began, left] : {std::pair{100, 200}, {299, 1}, {300, 0}, {9'000, 0}}) {
    TargetLife life(checked, at({}));
    life.drain(TargetLife::Cause::Operator, delay(300, true), at({}), at({}).wall - seconds(began));
    EXPECT_EQ(life.deadline(), at(seconds(left)).steady);
    EXPECT_EQ(life.status().drain_ends, at(seconds(left)).wall);
    life.tick(delay(300, true), at(seconds(left)));
    EXPECT_EQ(words(life), "unused NotRegistered Terminated");
  }
  TargetLife life(checked, at({}));  // by a clock that was set back
  life.drain(TargetLife::Cause::Operator, delay(300, true), at({}), at(seconds(5)).wall);
  EXPECT_EQ(life.deadline(), at(seconds(300)).steady);
}

TEST(TargetLife, FlowsThatAnUnhealthyTargetHasLostDoNotComeBackByADrain) {
  for (const bool udp : {false, true}) {
    Standing standing = checked;
    standing.udp = udp;
    standing.unhealthy.connection_termination = !udp;
    TargetLife life(standing, at({}));
    observe(life, Finding::Passed);
    observe(life, Finding::Failed, 2);
    ASSERT_TRUE(life.status().resets_flows);
    life.drain(TargetLife::Cause::LeftConfiguration, delay(300, false), at(seconds(1)));
    EXPECT_EQ(words(life), "draining DeregistrationInProgress Draining");
    EXPECT_TRUE(life.status().resets_flows) << "nobody is there to drain";
    EXPECT_EQ(life.status().detail,
              udp ? "left the configuration when it was unhealthy: its flows move with their next "
                    "packet"
                  : "left the configuration when it was unhealthy: its flows are reset with their "
                    "next packet");
    life.tick(delay(300, false), at(seconds(400)));
    EXPECT_TRUE(life.status().resets_flows);
    life.undrain(TargetLife::Cause::LeftConfiguration, at(seconds(401)));
    EXPECT_FALSE(life.status().resets_flows);
  }
}

TEST(TargetLife, FlowsOfAHealthyTargetAreDrainedUdpToo) {
  Standing standing = checked;
  standing.udp = true;
  TargetLife life(standing, at({}));
  observe(life, Finding::Passed);
  life.drain(TargetLife::Cause::Operator, delay(300, true), at({}));
  EXPECT_FALSE(life.status().resets_flows);
}

TEST(TargetLife, SaysWhyInASentence) {
  TargetLife life(checked, at({}));
  EXPECT_EQ(life.status().detail, "new, not checked yet");
  life.drain(TargetLife::Cause::LeftConfiguration, delay(300, true), at({}));
  EXPECT_EQ(life.status().detail, "left the configuration, its flows have 300 s to end");
  life.tick(delay(300, true), at(seconds(300)));
  EXPECT_EQ(life.status().detail, "deregistration delay is over, flows that are left are reset");
  life.undrain(TargetLife::Cause::LeftConfiguration, at(seconds(301)));
  EXPECT_EQ(life.status().detail, "back in the configuration, not checked yet");
  life.stand(not_used, at(seconds(302)));
  EXPECT_EQ(life.status().detail, "configuration changed, no listener uses its target group");
}

}  // namespace
}  // namespace control
