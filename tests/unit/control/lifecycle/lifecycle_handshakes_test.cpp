#include <gtest/gtest.h>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using std::chrono::seconds;

/// Active checks go to port 81 and clients to port 80, so that who is asked, and why, can be told.
class LifecycleHandshakes : public LifecycleRig {
 protected:
  static config::Config checked_elsewhere() {
    config::Config config = web({1, 2});
    config.target_groups[0].health_check.port = 81;
    config.target_groups[0].health_check.healthy_threshold = 2;
    return config;
  }
  void start(const config::Config& config) {
    reload(config);
    probe_all(passed);
    ASSERT_EQ(availability(1), "Serving");
  }
  void probe_all(const ProbeOutcome& outcome) {
    for (int i = 0; i < 100 && probes_.running() < 2; ++i) advance(std::chrono::milliseconds(200));
    for (const auto& one : probes_.all()) probes_.finish(one, outcome);
    turn();
  }
  void second(std::uint64_t answered, std::uint64_t failed) {
    Handshakes& sum = handshakes_[fact(key(1))->id];
    sum.answered += answered;
    sum.failed += failed;
    lifecycle_.look_at_handshakes();
  }
  [[nodiscard]] bool asked() const { return probes_.running(whom(1)); }
};

TEST_F(LifecycleHandshakes, AreConfirmedByAConnectToWhereClientsConnect) {
  start(checked_elsewhere());
  lifecycle_.look_at_handshakes();
  second(0, 2);
  EXPECT_FALSE(asked());
  second(0, 1);
  ASSERT_TRUE(asked());
  const Check& check = probes_.check(whom(1));
  EXPECT_EQ(check.settings.protocol, config::CheckProtocol::Tcp);
  EXPECT_LE(check.settings.timeout, seconds(1));
  second(0, 5);
  EXPECT_EQ(probes_.overlaps, 0u) << "one question at a time";
  log();
  probes_.finish(whom(1), refused);
  turn();
  EXPECT_EQ(state(1), "unhealthy Target.FailedHealthChecks");
  EXPECT_EQ(availability(1), "FailOpen");
  EXPECT_TRUE(fact(key(1))->resets_flows);
  EXPECT_EQ(state(2), "healthy");
  const std::string line = log();
  EXPECT_NE(line.find("healthy -> unhealthy (Target.FailedHealthChecks): passive check: 8 "
                      "handshakes of clients failed and none was answered; asked at once: "
                      "connection refused"),
            std::string::npos)
      << line;
  second(0, 100);
  EXPECT_FALSE(asked()) << "it is known to be unhealthy";
  probe_all(passed);
  EXPECT_EQ(state(1), "unhealthy Target.FailedHealthChecks");
  probe_all(passed);
  EXPECT_EQ(state(1), "healthy");
}

TEST_F(LifecycleHandshakes, OfATargetThatKeepsPortsAreConfirmedAtItsChecksPort) {
  config::Config config = checked_elsewhere();
  for (config::Target& target : config.target_groups[0].targets) target.port = 0;  // "same"
  reload(config);
  for (int i = 0; i < 100 && probes_.running() < 2; ++i) advance(std::chrono::milliseconds(200));
  for (const auto& one : probes_.all()) probes_.finish(one, passed);
  turn();
  const TargetKey name{"web", address(1), 0};
  ASSERT_NE(fact(name), nullptr);
  const auto second = [&](std::uint64_t failed) {
    handshakes_[fact(name)->id].failed += failed;
    lifecycle_.look_at_handshakes();
  };
  lifecycle_.look_at_handshakes();
  second(9);
  second(9);
  ASSERT_EQ(probes_.running(), 1u);
  EXPECT_EQ(probes_.all()[0], (FakeProbes::Whom{address(1), 81})) << "not port 0";
}

TEST_F(LifecycleHandshakes, ThatATargetsAnswerContradictsChangeNothing) {
  start(checked_elsewhere());
  lifecycle_.look_at_handshakes();
  second(0, 9);
  second(0, 9);
  ASSERT_TRUE(asked());
  log();
  probes_.finish(whom(1), passed);
  turn();
  EXPECT_EQ(state(1), "healthy");
  EXPECT_EQ(log(), "");
}

TEST_F(LifecycleHandshakes, FromBeforeTheFirstLookDoNotCount) {
  start(checked_elsewhere());
  handshakes_[fact(key(1))->id].failed = 1'000;
  lifecycle_.look_at_handshakes();
  second(0, 1);
  second(0, 0);
  EXPECT_FALSE(asked());
}

TEST_F(LifecycleHandshakes, DoNotMatterWhereTheGroupSaysSo) {
  config::Config config = checked_elsewhere();
  config.target_groups[0].passive_health_check = false;
  start(config);
  lifecycle_.look_at_handshakes();
  for (int i = 0; i < 5; ++i) second(0, 9);
  EXPECT_FALSE(asked());
  config.target_groups[0].passive_health_check = true;
  reload(config);
  second(0, 9);
  second(0, 9);
  EXPECT_FALSE(asked()) << "only the second look can tell what is new";
  second(0, 9);
  EXPECT_TRUE(asked());
}

TEST_F(LifecycleHandshakes, OfADrainedTargetAreNotItsHealth) {
  start(checked_elsewhere());
  lifecycle_.look_at_handshakes();
  second(0, 9);
  second(0, 9);
  ASSERT_TRUE(asked());
  ASSERT_EQ(lifecycle_.drain(key(1)), std::nullopt);
  second(0, 9);
  EXPECT_FALSE(asked());
  EXPECT_EQ(state(1), "draining Target.DeregistrationInProgress");
}

TEST_F(LifecycleHandshakes, EveryChangeIsAnEvent) {
  start(checked_elsewhere());
  events_.published(dataplane::Generation{1});
  ASSERT_EQ(lifecycle_.drain(key(1)), std::nullopt);
  ASSERT_EQ(lifecycle_.undrain(key(1)), std::nullopt);
  reload(web({2}));
  const report::Json events =
      events_.document(EventsWanted{.target_group = "web", .address = address(1)})["events"];
  std::string told;
  for (const report::Json& event : events) {
    told += event["kind"].get<std::string>() + ": " + event["from"].get<std::string>() + " > " +
            event["to"].get<std::string>() + '\n';
  }
  EXPECT_EQ(told,
            "target:  > initial\n"
            "target: initial > initial\n"  // Elb.InitialHealthChecking
            "target: initial > healthy\n"
            "operator:  > drain\n"
            "target: healthy > draining\n"
            "operator:  > undrain\n"
            "target: draining > initial\n"
            "target: initial > draining\n");
  EXPECT_EQ(events[1]["target"], "10.0.0.1:80");
  EXPECT_EQ(events[4]["reason"], "Target.DeregistrationInProgress");
  EXPECT_EQ(events[4]["sentence"], "drained by the operator, its flows have 300 s to end");
  advance(seconds(1));
  turn();
  advance(seconds(1));
  const report::Json last = events_.document(EventsWanted{.count = 1})["events"][0];
  EXPECT_EQ(last["to"], "");
  EXPECT_EQ(last["sentence"], "gone: it left the configuration and has no flows");
}

}  // namespace
}  // namespace control
