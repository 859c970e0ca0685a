#include "control/health/prober.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "control/health/network_probes.h"
#include "tests/unit/control/health/fake_probes.h"
#include "tests/unit/control/health/probe_run.h"

namespace control {
namespace {

namespace asio = boost::asio;
using dataplane::TargetId;
using std::chrono::milliseconds;
using std::chrono::seconds;

TargetId target(std::size_t number) { return {static_cast<std::uint16_t>(number), 0}; }

/// A prober with fake probes and a clock that only the test moves.
class ProberTest : public testing::Test {
 protected:
  static Check check(std::uint16_t port, milliseconds interval = seconds(5)) {
    Check result = check_of(config::CheckProtocol::Tcp, port);
    result.settings.interval = interval;
    return result;
  }
  static FakeProbes::Whom whom(std::uint16_t port) { return {check(port).address, port}; }
  void advance(Schedule::Interval by) {
    now_ += by;
    prober_->tick();
  }
  /// Moves the clock to when the target's next probe starts, in steps of 10 ms.
  Schedule::Time advance_to_probe(std::uint16_t port) {
    for (int i = 0; i < 1000 && !probes_.running(whom(port)); ++i) advance(milliseconds(10));
    EXPECT_TRUE(probes_.running(whom(port)));
    return now_;
  }

  asio::io_context loop_;
  Schedule::Time now_{seconds(50'000)};
  FakeProbes probes_;
  std::vector<std::pair<TargetId, std::string>> reports_;
  std::vector<TargetId> begun_;
  std::function<void(TargetId)> on_report_ = [](TargetId) {};
  std::unique_ptr<Prober> prober_ = std::make_unique<Prober>(
      loop_.get_executor(), Prober::Parts{.now = [this] { return now_; },
                                          .make_probe = probes_.factory(),
                                          .begun = [this](TargetId id) { begun_.push_back(id); },
                                          .report =
                                              [this](TargetId id, const ProbeOutcome& outcome) {
                                                reports_.emplace_back(id, outcome.sentence);
                                                on_report_(id);
                                              }});
};

TEST_F(ProberTest, ReportsEachOutcomeOfEachTarget) {
  prober_->watch(target(1), check(1001));
  prober_->watch(target(2), check(1002));
  advance(seconds(1));
  EXPECT_EQ(prober_->running(), 2u);
  probes_.finish(whom(1002), {Finding::Passed, "two"});
  probes_.finish(whom(1001), {Finding::Failed, "one"});
  const std::vector<std::pair<TargetId, std::string>> expected = {{target(2), "two"},
                                                                  {target(1), "one"}};
  EXPECT_EQ(reports_, expected);
  EXPECT_EQ(prober_->running(), 0u);
  EXPECT_EQ(prober_->watched(), 2u);
}

TEST_F(ProberTest, SaysOnceThatTheFirstProbeOfAWatchHasBegun) {
  prober_->watch(target(1), check(1001));
  EXPECT_TRUE(begun_.empty());
  for (int i = 0; i < 3; ++i) {
    advance_to_probe(1001);
    EXPECT_EQ(begun_, std::vector<TargetId>{target(1)});
    probes_.finish(whom(1001), {Finding::Passed, ""});
  }
  prober_->watch(target(1), check(1002));
  advance_to_probe(1002);
  EXPECT_EQ(begun_.size(), 2u);
}

TEST_F(ProberTest, ASlowAnswerDoesNotShiftTheNextProbe) {
  prober_->watch(target(1), check(1001));
  advance_to_probe(1001);
  probes_.finish(whom(1001), {Finding::Passed, ""});
  const auto second = advance_to_probe(1001);
  advance(milliseconds(4'800));
  probes_.finish(whom(1001), {Finding::Passed, ""});
  EXPECT_EQ(advance_to_probe(1001) - second, seconds(5));
  probes_.finish(whom(1001), {Finding::Passed, ""});
  EXPECT_EQ(advance_to_probe(1001) - second, seconds(10));
}

TEST_F(ProberTest, NeverTwoProbesOfOneTarget) {
  prober_->watch(target(1), check(1001));
  advance_to_probe(1001);
  probes_.finish(whom(1001), {Finding::Passed, ""});
  const auto second = advance_to_probe(1001);
  const std::size_t started = probes_.started;
  for (int i = 0; i < 120; ++i) advance(milliseconds(100));  // two more become due
  EXPECT_EQ(probes_.started, started);
  probes_.finish(whom(1001), {Finding::TimedOut, ""});
  EXPECT_EQ(advance_to_probe(1001) - second, seconds(15)) << "at its own place again";
  EXPECT_EQ(probes_.overlaps, 0u);
}

TEST_F(ProberTest, ForgettingCutsOffARunningProbe) {
  prober_->watch(target(1), check(1001));
  advance(seconds(1));
  ASSERT_TRUE(probes_.running(whom(1001)));
  prober_->forget(target(1));
  prober_->forget(target(1));
  EXPECT_EQ(probes_.running(), 0u);
  EXPECT_EQ(prober_->running(), 0u);
  EXPECT_EQ(prober_->watched(), 0u);
  advance(seconds(60));
  EXPECT_EQ(probes_.started, 1u);
}

TEST_F(ProberTest, AnotherCheckStartsOver) {
  prober_->watch(target(1), check(1001, seconds(300)));
  advance(seconds(1));
  prober_->watch(target(1), check(2002, milliseconds(500)));
  EXPECT_FALSE(probes_.running(whom(1001)));
  advance(milliseconds(500));
  ASSERT_TRUE(probes_.running(whom(2002)));
  probes_.finish(whom(2002), {Finding::Passed, "new"});
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(prober_->watched(), 1u);
}

TEST_F(ProberTest, AReportMayForgetOrWatchTheSameTarget) {
  prober_->watch(target(1), check(1001));
  prober_->watch(target(2), check(1002));
  on_report_ = [this](TargetId id) {
    if (id == target(1)) prober_->forget(id);
    if (id == target(2)) prober_->watch(id, check(1003));
  };
  advance(seconds(1));
  probes_.finish(whom(1001), {});
  probes_.finish(whom(1002), {});
  EXPECT_EQ(prober_->watched(), 1u);
  advance(seconds(1));
  EXPECT_TRUE(probes_.running(whom(1003)));
}

TEST_F(ProberTest, DestroyedItCutsOffItsProbesAndItsTimer) {
  prober_->watch(target(1), check(1001));
  advance(seconds(1));
  prober_.reset();
  EXPECT_EQ(probes_.running(), 0u);
  loop_.poll();
  EXPECT_TRUE(loop_.stopped()) << "nothing is left to wait for";
}

TEST_F(ProberTest, AThousandTargetsForAnHour) {
  constexpr std::size_t count = 1000;
  for (std::size_t i = 0; i < count; ++i) {
    prober_->watch(target(i), check(static_cast<std::uint16_t>(1000 + i), seconds(30)));
  }
  std::size_t most_in_a_tenth = 0;
  for (int tenth = 0; tenth < 36'000; ++tenth) {
    const std::size_t before = probes_.started;
    advance(milliseconds(100));
    if (tenth >= 310) most_in_a_tenth = std::max(most_in_a_tenth, probes_.started - before);
    for (const auto& one : probes_.all()) probes_.finish(one, {Finding::Passed, ""});
  }
  EXPECT_NEAR(static_cast<double>(probes_.started), 1000 * 121, 1000);
  EXPECT_LE(most_in_a_tenth, 7u) << "3.3 would be perfectly even";
  EXPECT_EQ(probes_.overlaps, 0u);
}

// --- with the machine's clock and network ---

struct Figures {
  std::size_t passed = 0;
  std::size_t failed = 0;
};

TEST(ProberOnTheNetwork, SeesATargetGoAndComeBack) {
  asio::io_context loop;
  tests::ProbeTarget server(loop, tests::answer("HTTP/1.1 200 OK\r\n\r\n"));
  std::optional<Finding> last;
  Prober prober(loop.get_executor(),
                {.now = std::chrono::steady_clock::now,
                 .make_probe = network_probes(loop.get_executor()),
                 .report = [&](TargetId, const ProbeOutcome& outcome) { last = outcome.finding; }});
  Check check = check_of(config::CheckProtocol::Http, server.port());
  check.settings.interval = milliseconds(50);
  prober.watch(target(1), check);
  EXPECT_TRUE(tests::run_until(loop, [&] { return last == Finding::Passed; }));
  server.close();
  EXPECT_TRUE(tests::run_until(loop, [&] { return last == Finding::Failed; }));
  server.reopen();
  EXPECT_TRUE(tests::run_until(loop, [&] { return last == Finding::Passed; }));
  server.behave(tests::answer("HTTP/1.1 500 No\r\n\r\n"));
  EXPECT_TRUE(tests::run_until(loop, [&] { return last == Finding::CodeMismatch; }));
}

TEST(ProberOnTheNetwork, WhatFallsDueTogetherStartsTogether) {
  using Clock = std::chrono::steady_clock;
  asio::io_context loop;
  FakeProbes probes;
  std::size_t asked = 0;  // for the time: twice a tick
  Prober prober(loop.get_executor(), {.now =
                                          [&] {
                                            ++asked;
                                            return Clock::now();
                                          },
                                      .make_probe = probes.factory(),
                                      .report = [](TargetId, const ProbeOutcome&) {}});
  for (std::size_t i = 0; i < 1000; ++i) {
    prober.watch(target(i), check_of(config::CheckProtocol::Tcp, static_cast<std::uint16_t>(i)));
  }
  asked = 0;
  const auto start = Clock::now();
  EXPECT_TRUE(tests::run_until(loop, [&] { return probes.started == 1000; }));
  const auto ticks_at_most = (Clock::now() - start) / Prober::tick_interval + 2;
  EXPECT_LE(asked, 2 * static_cast<std::size_t>(ticks_at_most));
}

TEST(ProberOnTheNetwork, AThousandTargetsThreeTimesEach) {
  asio::io_context loop;
  tests::ProbeTarget server(loop, tests::reset);
  std::map<TargetId, Figures> figures;
  std::size_t three_times = 0;
  Prober prober(loop.get_executor(),
                {.now = std::chrono::steady_clock::now,
                 .make_probe = network_probes(loop.get_executor()),
                 .report = [&](TargetId id, const ProbeOutcome& outcome) {
                   Figures& one = figures[id];
                   ++(outcome.finding == Finding::Passed ? one.passed : one.failed);
                   if (one.passed + one.failed == 3) ++three_times;
                 }});
  Check check = check_of(config::CheckProtocol::Tcp, server.port());
  check.settings.interval = seconds(1);
  for (std::size_t i = 0; i < 1000; ++i) prober.watch(target(i), check);
  EXPECT_TRUE(tests::run_until(loop, [&] { return three_times == 1000; }));
  for (const auto& [id, one] : figures) EXPECT_EQ(one.failed, 0u) << id.slot;
}

}  // namespace
}  // namespace control
