#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ProbeOutcome reports(std::optional<std::uint8_t> percent) {
  return {Finding::Passed, "HTTP 200", ReportedWeight{percent}};
}

class LifecycleWeights : public LifecycleRig {
 protected:
  static config::Config slow(const std::vector<int>& hosts, int duration = 60) {
    config::Config config = web(hosts);
    config.target_groups[0].slow_start = seconds(duration);
    config.target_groups[0].algorithm = dataplane::Algorithm::WeightedRoundRobin;
    return config;
  }
  int percent(int host) { return fact(key(host))->percent; }
  int weight(int host) { return fact(key(host))->weight; }
  std::uint16_t before(const TargetKey& name, std::uint16_t weight) {
    const auto result = lifecycle_.set_weight(name, weight);
    const auto* refusal = std::get_if<Refusal>(&result);
    EXPECT_EQ(refusal, nullptr);
    return refusal == nullptr ? std::get<std::uint16_t>(result) : std::uint16_t{0};
  }
  /// Time passes second by second, and the loop has its turn; how often facts were told.
  int pass(int duration) {
    const int told = changes_;
    for (int second = 0; second < duration; ++second) {
      advance(seconds(1));
      for (const auto& one : probes_.all()) probes_.finish(one, passed);
      turn();
    }
    return changes_ - told;
  }
  /// One healthy target, and then another that turns healthy.
  void one_after_another(const config::Config& config) {
    config::Config first = config;
    first.target_groups[0].targets.resize(1);
    reload(first);
    probe_finds(1, passed);
    turn();
    reload(config);
    probe_finds(2, passed);
    turn();
  }
};

TEST_F(LifecycleWeights, SlowStartRaisesTheLimitWithTheWeight) {
  config::Config config = slow({1, 2}, 50);
  config.target_groups[0].targets[0].max_connections = 1000;
  config.target_groups[0].targets[1].max_connections = 200;
  one_after_another(config);
  EXPECT_EQ(fact(key(1))->max_connections, 1000u);
  EXPECT_EQ(fact(key(2))->max_connections, 200u * static_cast<unsigned>(percent(2)) / 100);
  EXPECT_LT(fact(key(2))->max_connections, 20u);
  EXPECT_GE(fact(key(2))->max_connections, 1u);
  pass(25);
  EXPECT_NEAR(fact(key(2))->max_connections, 100, 8);
  pass(26);
  EXPECT_EQ(fact(key(2))->max_connections, 200u);
  config.target_groups[0].targets[1].max_connections = 0;
  reload(config);
  EXPECT_EQ(fact(key(2))->max_connections, 0u) << "lifted";
}

// --- the operator's ---

TEST_F(LifecycleWeights, AreSetByTheOperatorAndHoldOverReloads) {
  config::Config config = web({1, 2});
  config.target_groups[0].targets[0].weight = 100;
  reload(config);
  const int told = changes_;
  EXPECT_EQ(before(key(1), 50), 100);
  turn();
  EXPECT_EQ(changes_, told + 1);
  EXPECT_EQ(weight(1), 50);
  EXPECT_EQ(record(1).weight, 50);
  EXPECT_EQ(record(1).configured_weight, 100);
  EXPECT_TRUE(record(1).weight_is_set);
  EXPECT_FALSE(record(2).weight_is_set);
  EXPECT_NE(log().find("web 10.0.0.1:80 weight 100 -> 50, set by the operator; the file has 100"),
            std::string::npos);
  reload(config);
  EXPECT_EQ(weight(1), 50) << "the file says what it said";
  config.target_groups[0].targets[0].weight = 70;
  reload(config);
  EXPECT_EQ(weight(1), 70);
  EXPECT_FALSE(record(1).weight_is_set);
  EXPECT_NE(log().find("weight 50 -> 70: the file has another one"), std::string::npos);
}

TEST_F(LifecycleWeights, OfZeroTakesATargetOutOfTheGroup) {
  one_after_another(web({1, 2}));
  EXPECT_EQ(before(key(1), 0), 1);
  turn();
  EXPECT_FALSE(record(1).takes_new_flows);
  EXPECT_TRUE(record(2).takes_new_flows);
  EXPECT_EQ(before(key(1), 1), 0);
  turn();
  EXPECT_TRUE(record(1).takes_new_flows);
}

TEST_F(LifecycleWeights, AreRefusedForWhatIsNotThere) {
  reload(web({1}));
  const auto refusal = [&](const TargetKey& name) {
    const auto result = lifecycle_.set_weight(name, 1);
    return std::holds_alternative<Refusal>(result) ? std::get<Refusal>(result) : Refusal{};
  };
  EXPECT_EQ(refusal(key(9)).kind, Refusal::Kind::NotFound);
  EXPECT_EQ(refusal(key(1, "api")).kind, Refusal::Kind::NotFound);
  flows_[lifecycle_.facts().targets[0].id] = 1;
  reload(web({2}));
  EXPECT_EQ(refusal(key(1)).kind, Refusal::Kind::Conflict);
}

TEST_F(LifecycleWeights, NoteThatRoundRobinDoesNotGoByThem) {
  config::Config config = web({1});
  reload(config);
  EXPECT_NE(lifecycle_.weight_note(key(1)).find("weighted_round_robin goes by them"),
            std::string::npos);
  config.target_groups[0].algorithm = dataplane::Algorithm::Maglev;
  reload(config);
  EXPECT_EQ(lifecycle_.weight_note(key(1)), "");
}

// --- slow start ---

TEST_F(LifecycleWeights, OfATargetThatTurnsHealthyGrow) {
  one_after_another(slow({1, 2}));
  EXPECT_EQ(percent(1), 100) << "the first has nobody to leave its share to";
  EXPECT_EQ(percent(2), 1);
  EXPECT_EQ(weight(2), 1);
  EXPECT_EQ(record(2).slow_start_percent, 1);
  EXPECT_NE(log().find("web 10.0.0.2:80 starts slowly, for 60 s"), std::string::npos);
  int last = 1;
  for (int second = 1; second < 60; ++second) {
    EXPECT_LE(pass(1), 1) << "a generation a second";
    EXPECT_GE(percent(2), last);
    EXPECT_NEAR(percent(2), second * 100 / 60, 4) << second;
    last = percent(2);
  }
  pass(2);
  EXPECT_EQ(percent(2), 100);
  EXPECT_EQ(record(2).slow_start_percent, 0);
  EXPECT_EQ(pass(60), 0) << "then nothing is told any more";
}

// ELB: targets that come all at once, or to an empty group, get their share at once.
TEST_F(LifecycleWeights, DoNotGrowWhereNoWarmTargetIs) {
  reload(slow({1, 2}));
  probe_finds(1, passed);
  probe_finds(2, passed);
  turn();
  EXPECT_EQ(percent(2), 100) << "they came together, whoever was healthy first";
  EXPECT_EQ(before(key(1), 0), 1);
  EXPECT_EQ(before(key(2), 0), 1);
  reload(slow({1, 2, 3}));
  probe_finds(3, passed);
  turn();
  EXPECT_EQ(percent(3), 100) << "those of weight 0 warm nobody";
  reload(slow({1, 2, 3, 4}));
  probe_finds(4, passed);
  turn();
  EXPECT_EQ(percent(4), 1);
}

TEST_F(LifecycleWeights, GrowAnewAfterATargetWasUnhealthy) {
  one_after_another(slow({1, 2}));
  pass(30);
  const int half = percent(2);
  EXPECT_GT(half, 30);
  probe_finds(2, refused);
  probe_finds(2, refused);
  turn();
  EXPECT_EQ(record(2).slow_start_percent, 0) << "not while it is unhealthy";
  for (int i = 0; i < 3; ++i) probe_finds(2, passed);
  turn();
  EXPECT_EQ(state(2), "healthy");
  EXPECT_EQ(percent(2), 1);
}

TEST_F(LifecycleWeights, GrowAfterAnUndrainButNotAfterAReload) {
  one_after_another(slow({1, 2}, 30));
  pass(32);
  EXPECT_EQ(percent(2), 100);
  reload(slow({1, 2}, 900));
  pass(3);
  EXPECT_EQ(percent(2), 100) << "ELB: what is healthy already does not start slowly";
  EXPECT_EQ(lifecycle_.drain(key(2)), std::nullopt);
  EXPECT_EQ(lifecycle_.undrain(key(2)), std::nullopt);
  probe_finds(2, passed);
  turn();
  EXPECT_EQ(percent(2), 1);
}

TEST_F(LifecycleWeights, OfManyTargetsAreToldOnceASecond) {
  std::vector<int> hosts;
  for (int host = 1; host <= 40; ++host) hosts.push_back(host);
  reload(slow({1}, 30));
  probe_finds(1, passed);
  reload(slow(hosts, 30));
  for (int host = 2; host <= 40; ++host) {
    advance(milliseconds(23));
    probe_finds(host, passed);
  }
  turn();
  for (int second = 0; second < 40; ++second) {
    const int told = changes_;
    for (int part = 0; part < 20; ++part) {
      advance(milliseconds(50));
      turn();
    }
    EXPECT_LE(changes_ - told, 2) << "at most one in any second";
  }
  for (int host = 1; host <= 40; ++host) EXPECT_EQ(percent(host), 100) << host;
}

// --- the target's own word ---

TEST_F(LifecycleWeights, AreReducedByWhatTargetsReport) {
  one_after_another(web({1, 2}));
  pass(2);
  probe_finds(1, reports(40));
  pass(2);
  EXPECT_EQ(percent(1), 40);
  EXPECT_TRUE(record(1).reports_weight);
  EXPECT_EQ(record(1).reported_percent, 40);
  EXPECT_FALSE(record(2).reports_weight);
  probe_finds(1, passed);
  pass(2);
  EXPECT_EQ(percent(1), 40) << "a response whose value is ignored changes nothing";
  probe_finds(1, reports(std::nullopt));
  pass(2);
  EXPECT_EQ(percent(1), 100);
  EXPECT_FALSE(record(1).reports_weight);
}

TEST_F(LifecycleWeights, WhatATargetReportedIsForgottenWhenItIsNotAskedAnyMore) {
  config::Config asking = web({1, 2});
  asking.target_groups[0].health_check.weight_header = "X-Weight";
  one_after_another(asking);
  pass(2);
  probe_finds(1, reports(0));
  pass(2);
  ASSERT_EQ(percent(1), 0);
  reload(asking);
  EXPECT_EQ(percent(1), 0) << "it is asked still";
  reload(web({1, 2}));
  EXPECT_EQ(percent(1), 100);
  EXPECT_FALSE(record(1).reports_weight);
}

TEST_F(LifecycleWeights, OfATargetThatAsksForNothingAreNoneUnlessAllDo) {
  one_after_another(web({1, 2}));
  pass(2);
  probe_finds(1, reports(0));
  pass(2);
  EXPECT_EQ(percent(1), 0);
  EXPECT_FALSE(record(1).takes_new_flows);
  probe_finds(2, reports(0));
  pass(2);
  EXPECT_EQ(percent(1), 100) << "nobody is heeded where all would be refused";
  EXPECT_EQ(percent(2), 100);
  probe_finds(2, reports(30));
  pass(2);
  EXPECT_EQ(percent(1), 0);
  EXPECT_EQ(percent(2), 30);
}

// The other one dies: who asked for nothing has to take it all, at once.
TEST_F(LifecycleWeights, AskingForNothingEndsWithTheLastOther) {
  one_after_another(web({1, 2}));
  pass(2);
  probe_finds(1, reports(0));
  pass(2);
  probe_finds(2, refused);
  probe_finds(2, refused);
  turn();
  EXPECT_EQ(state(2), "unhealthy Target.FailedHealthChecks");
  EXPECT_EQ(percent(1), 100);
  EXPECT_TRUE(record(1).takes_new_flows);
}

TEST_F(LifecycleWeights, ThatFlutterAreToldOnceASecond) {
  one_after_another(web({1, 2}));
  pass(2);
  int reported = 0;
  const int told = changes_;
  const auto began = now_.steady;
  while (now_.steady - began < seconds(100)) {
    advance(milliseconds(100));
    for (const auto& one : probes_.all()) {
      probes_.finish(one, reports(static_cast<std::uint8_t>(++reported % 97 + 1)));
    }
    turn();
  }
  EXPECT_GE(reported, 18);
  EXPECT_LE(changes_ - told, 101);
  EXPECT_GE(changes_ - told, 5);
}

}  // namespace
}  // namespace control
