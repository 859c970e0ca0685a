#include "control/lifecycle/lifecycle.h"

#include <gtest/gtest.h>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using dataplane::ListenerId;
using dataplane::TargetId;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LifecycleTest : public LifecycleRig {};

TEST_F(LifecycleTest, GivesEveryoneAnId) {
  config::Config config = web({1, 2});
  add_group(config, "api", {3});
  apply(config);
  const config::Facts facts = lifecycle_.facts();
  ASSERT_EQ(facts.listeners.size(), 2u);
  ASSERT_EQ(facts.target_groups.size(), 2u);
  ASSERT_EQ(facts.targets.size(), 3u);
  EXPECT_NE(facts.listeners[0].id, facts.listeners[1].id);
  EXPECT_NE(facts.target_groups[0].id, facts.target_groups[1].id);
  EXPECT_NE(facts.targets[0].id, facts.targets[1].id);
  EXPECT_EQ(availability(1), "FailOpen");
}

TEST_F(LifecycleTest, WhatStaysKeepsItsIdAndHealthOverAReload) {
  reload(web({1, 2}));
  probes_find(passed);
  const TargetId id = fact(key(1))->id;
  const auto since = record(1).since_unix_milliseconds;
  config::Config next = web({3, 1});
  next.target_groups[0].targets[1].weight = 7;
  next.target_groups[0].targets[1].zone = "b";
  while (!probes_.running(whom(1))) advance(milliseconds(100));
  const std::size_t started = probes_.started;
  reload(next);
  EXPECT_EQ(fact(key(1))->id, id);
  EXPECT_EQ(fact(key(1))->weight, 7);
  EXPECT_EQ(record(1).zone.view(), "b");
  EXPECT_EQ(availability(1), "Serving");
  EXPECT_EQ(record(1).since_unix_milliseconds, since);
  EXPECT_EQ(availability(3), "FailOpen");
  EXPECT_TRUE(probes_.running(whom(1))) << "a running probe goes on";
  EXPECT_EQ(probes_.started, started);
}

TEST_F(LifecycleTest, OtherCheckSettingsKeepTheStateAndProbeSoon) {
  config::Config config = web({1});
  reload(config);
  probes_find(passed);
  config.target_groups[0].health_check.path = "/other";
  config.target_groups[0].health_check.interval = seconds(300);
  reload(config);
  EXPECT_EQ(state(1), "healthy");
  advance(seconds(1));
  ASSERT_TRUE(probes_.running(whom(1)));
  EXPECT_EQ(probes_.check(whom(1)).settings.path, "/other");
}

TEST_F(LifecycleTest, AListenersFormerAddressLingersWhileThatHasFlows) {
  config::Config config = web({1});
  const auto former = config.listeners[0].address;
  const auto next = *dataplane::parse_address("203.0.113.11");
  reload(config);
  listener_flows_[ListenerId{0}] = 3;
  config.listeners[0].address = next;
  reload(config);
  listener_flows_[ListenerId{1}] = 9;  // the new one is busy: that must not matter
  advance(seconds(1));
  EXPECT_EQ(lifecycle_.facts().lingering_addresses, std::vector{former});
  ASSERT_EQ(lifecycle_.facts().listeners.size(), 1u);
  EXPECT_EQ(lifecycle_.facts().listeners[0].id, ListenerId{1}) << "flows are counted apart";
  turn();
  const int changes = changes_;
  listener_flows_[ListenerId{0}] = 0;
  advance(seconds(1));
  turn();
  EXPECT_TRUE(lifecycle_.facts().lingering_addresses.empty());
  EXPECT_EQ(changes_, changes + 1) << "packets must hear of it";
}

TEST_F(LifecycleTest, AListenerThatMovesBackFindsItsFlows) {
  config::Config config = web({1});
  const auto first = config.listeners[0].address;
  reload(config);
  listener_flows_[ListenerId{0}] = 3;
  for (int i = 0; i < 3; ++i) {
    config.listeners[0].address = *dataplane::parse_address("203.0.113.11");
    reload(config);
    config.listeners[0].address = first;
    reload(config);
    EXPECT_EQ(lifecycle_.facts().listeners.at(0).id, ListenerId{0});
  }
}

TEST_F(LifecycleTest, TheCheckedPortIsTheGroupsOrTheTargets) {
  config::Config config = web({1});
  config.target_groups[0].health_check.port = 9999;
  reload(config);
  advance(seconds(1));
  EXPECT_TRUE(probes_.running({address(1), 9999}));
}

TEST_F(LifecycleTest, LogsOneLineForEachChange) {
  config::Config config = web({1});
  reload(config);
  EXPECT_EQ(log(),
            "info listener web added: takes flows at 203.0.113.10:8000\n"
            "info target web 10.0.0.1:80 added: initial (Elb.RegistrationInProgress)\n");
  probe_finds(1, passed);
  EXPECT_EQ(log(), "info target web 10.0.0.1:80 initial -> healthy: HTTP 200, 1 of 1 passed\n");
  probe_finds(1, passed);
  probe_finds(1, refused);
  EXPECT_EQ(log(), "");
  probe_finds(1, refused);
  EXPECT_EQ(log(),
            "warning target web 10.0.0.1:80 healthy -> unhealthy (Target.FailedHealthChecks): "
            "connection refused, 2 of 2 failed\n");
  probe_finds(1, {Finding::TimedOut, "no response within 6 s"});
  EXPECT_EQ(log(),
            "warning target group web fails open: 0 of 1 targets healthy, fewer than 1: all of "
            "them get new flows\n"
            "warning target web 10.0.0.1:80 unhealthy -> unhealthy (Target.Timeout): "
            "no response within 6 s\n");
  reload(web({}));
  EXPECT_EQ(log(),
            "info target web 10.0.0.1:80 unhealthy -> draining (Target.DeregistrationInProgress): "
            "left the configuration when it was unhealthy: its flows are reset with their next "
            "packet\n"
            "info target group web fails open no more: it has no targets\n");
  advance(seconds(1));
  EXPECT_EQ(log(),
            "info target web 10.0.0.1:80 gone: it left the configuration and has no flows\n");
}

TEST_F(LifecycleTest, AProbeThatCouldNotBeMadeIsSaidOnceAndChangesNothing) {
  reload(web({1}));
  probe_finds(1, passed);
  log();
  for (int i = 0; i < 5; ++i) probe_finds(1, {Finding::NotAttempted, "not checked: no file"});
  EXPECT_EQ(log(), "warning target web 10.0.0.1:80 stays healthy: not checked: no file\n");
  EXPECT_EQ(record(1).detail.view(), "not checked: no file");
  EXPECT_EQ(availability(1), "Serving");
}

TEST_F(LifecycleTest, TargetsWithoutAListenerAreUnusedAndNotProbed) {
  config::Config config = web({1});
  const config::Config used = config;
  config.listeners.clear();
  reload(config);
  advance(seconds(60));
  EXPECT_EQ(probes_.started, 0u);
  EXPECT_EQ(state(1), "unused Target.NotInUse");
  EXPECT_EQ(availability(1), "Draining");
  EXPECT_FALSE(record(1).takes_new_flows);
  reload(used);
  EXPECT_EQ(state(1), "initial Elb.RegistrationInProgress");
  probe_finds(1, passed);
  EXPECT_EQ(availability(1), "Serving");
  reload(config);
  EXPECT_EQ(state(1), "unused Target.NotInUse");
  EXPECT_EQ(probes_.running(), 0u);
}

TEST_F(LifecycleTest, WithoutHealthChecksEveryTargetServes) {
  config::Config config = web({1});
  config.target_groups[0].health_check.enabled = false;
  reload(config);
  advance(seconds(60));
  EXPECT_EQ(probes_.started, 0u);
  EXPECT_EQ(state(1), "unavailable Target.HealthCheckDisabled");
  EXPECT_EQ(availability(1), "Serving");
  config.target_groups[0].health_check.enabled = true;
  reload(config);
  EXPECT_EQ(state(1), "initial Elb.RegistrationInProgress");
  probe_finds(1, refused);
  config.target_groups[0].health_check.enabled = false;
  reload(config);
  EXPECT_EQ(state(1), "unavailable Target.HealthCheckDisabled");
}

TEST_F(LifecycleTest, RecordsSayWhoTakesNewFlows) {
  config::Config config = web({1, 2, 3});
  config.target_groups[0].targets[2].weight = 0;
  reload(config);
  EXPECT_TRUE(record(1).takes_new_flows) << "nobody is healthy: the group fails open";
  EXPECT_TRUE(record(2).takes_new_flows);
  EXPECT_FALSE(record(3).takes_new_flows);
  probe_finds(3, passed);
  EXPECT_TRUE(record(1).takes_new_flows) << "a healthy target without weight serves nobody";
  probe_finds(1, passed);
  EXPECT_TRUE(record(1).takes_new_flows);
  EXPECT_FALSE(record(2).takes_new_flows);
}

TEST_F(LifecycleTest, RecordsHoldWhatTheToolsShow) {
  config::Config config = web({1});
  config.listeners[0].idle_timeout = seconds(77);
  config.listeners[0].protocol = dataplane::Protocol::Udp;
  config.target_groups[0].targets[0].zone = "a";
  config.target_groups[0].targets[0].weight = 5;
  reload(config);
  const Records records = lifecycle_.records();
  ASSERT_EQ(records.listeners.size(), 1u);
  const dataplane::ListenerRecord& listener = records.listeners[0].record;
  EXPECT_EQ(records.listeners[0].id, ListenerId{0});
  EXPECT_TRUE(listener.used);
  EXPECT_EQ(listener.name.view(), "web");
  EXPECT_EQ(listener.address.view(), "203.0.113.10");
  EXPECT_EQ(listener.port, 8000);
  EXPECT_EQ(listener.protocol, 17);
  EXPECT_EQ(listener.port_last, 8000);
  EXPECT_EQ(listener.group_count, 1);
  EXPECT_EQ(listener.groups[0].name.view(), "web");
  EXPECT_EQ(listener.idle_seconds, 77u);
  const dataplane::TargetRecord target = record(1);
  EXPECT_EQ(target.id, fact(key(1))->id);
  EXPECT_EQ(target.port, 80);
  EXPECT_EQ(target.weight, 5);
  EXPECT_EQ(target.target_group.view(), "web");
  EXPECT_EQ(target.zone.view(), "a");
  EXPECT_EQ(target.since_unix_milliseconds, 1'700'000'000'000u);
  EXPECT_EQ(target.drain_ends_unix_milliseconds, 0u);
  EXPECT_EQ(target.detail.view(), "its first check has begun");
}

// --- reloads ---

TEST_F(LifecycleTest, ATargetThatLeftGoesWithItsLastFlow) {
  reload(web({1, 2}));
  const TargetId id = fact(key(1))->id;
  flows_[id] = 2;
  reload(web({2}));
  EXPECT_EQ(availability(1), "Draining");
  EXPECT_EQ(state(1), "draining Target.DeregistrationInProgress");
  EXPECT_EQ(record(1).drain_ends_unix_milliseconds, 1'700'000'300'000u);
  advance(seconds(299));
  EXPECT_EQ(state(1), "draining Target.DeregistrationInProgress");
  advance(seconds(1));
  EXPECT_EQ(state(1), "unused Target.NotRegistered");
  EXPECT_EQ(availability(1), "Draining") << "flows that are not idle go on";
  flows_[id] = 0;
  advance(seconds(1));
  EXPECT_EQ(state(1), "gone");
  EXPECT_EQ(availability(1), "gone");
  EXPECT_EQ(availability(2), "FailOpen");
}

TEST_F(LifecycleTest, TerminationResetsWhatIsLeftAfterTheDelay) {
  config::Config config = web({1});
  config.target_groups[0].deregistration_delay = {seconds(5), true};
  reload(config);
  flows_[fact(key(1))->id] = 1;
  config.target_groups[0].targets.clear();
  reload(config);
  advance(milliseconds(4'999));
  EXPECT_EQ(availability(1), "Draining");
  advance(milliseconds(1));
  EXPECT_EQ(availability(1), "Terminated");
  EXPECT_EQ(state(1), "unused Target.NotRegistered");
  flows_.clear();
  advance(seconds(1));
  EXPECT_EQ(availability(1), "gone");
}

TEST_F(LifecycleTest, ATargetStaysUntilItsLeavingWasToldThoughItHasNoFlows) {
  reload(web({1, 2}));
  apply(web({2}));
  advance(seconds(10));
  EXPECT_EQ(state(1), "draining Target.DeregistrationInProgress");
  turn();
  advance(seconds(1));
  EXPECT_EQ(state(1), "gone");
}

TEST_F(LifecycleTest, ATargetThatComesBackInTimeKeepsItsIdAndFlows) {
  reload(web({1, 2}));
  probes_find(passed);
  const TargetId id = fact(key(1))->id;
  flows_[id] = 1;
  for (const int wait : {1, 1000}) {  // while it drains, and after
    reload(web({2}));
    EXPECT_EQ(availability(1), "Draining");
    advance(seconds(wait));
    reload(web({1, 2}));
    EXPECT_EQ(fact(key(1))->id, id);
    EXPECT_EQ(state(1), "initial Elb.RegistrationInProgress");
    probe_finds(1, passed);
    EXPECT_EQ(availability(1), "Serving");
  }
}

TEST_F(LifecycleTest, ATargetThatComesBackLateIsANewOne) {
  reload(web({1}));
  const TargetId before = fact(key(1))->id;
  reload(web({}));
  advance(seconds(1));
  reload(web({1}));
  EXPECT_NE(fact(key(1))->id, before);
}

TEST_F(LifecycleTest, AGroupStaysKnownUntilItsTargetsAreGone) {
  config::Config config = web({1});
  config.target_groups[0].deregistration_delay = {seconds(7), true};
  reload(config);
  flows_[fact(key(1))->id] = 1;
  const auto group = facts_.target_groups.at(0).id;
  reload({});
  EXPECT_EQ(availability(1), "Draining");
  ASSERT_EQ(facts_.target_groups.size(), 1u);
  EXPECT_EQ(facts_.target_groups[0].id, group);
  EXPECT_TRUE(facts_.listeners.empty());
  advance(seconds(7));
  EXPECT_EQ(availability(1), "Terminated") << "by the settings it had";
  flows_.clear();
  advance(seconds(1));
  EXPECT_TRUE(lifecycle_.facts().target_groups.empty());
  EXPECT_TRUE(lifecycle_.facts().targets.empty());
}

TEST_F(LifecycleTest, AListenerKeepsItsIdByNameAndItsRecordWhileItHasFlows) {
  config::Config config = web({1});
  add_group(config, "api", {2});
  reload(config);
  const ListenerId id = lifecycle_.facts().listeners.at(1).id;
  EXPECT_EQ(lifecycle_.facts().listeners.at(1).name, "web");
  config.listeners[0].port = 4443;
  config.listeners[0].target_group = "api";
  reload(config);
  EXPECT_EQ(lifecycle_.facts().listeners.at(1).id, id);
  EXPECT_EQ(state(1), "unused Target.NotInUse");
  listener_flows_[id] = 1;
  config.listeners.erase(config.listeners.begin());
  reload(config);
  EXPECT_EQ(lifecycle_.facts().listeners.size(), 1u);
  advance(seconds(100));
  EXPECT_EQ(lifecycle_.records().listeners.size(), 2u);
  listener_flows_[id] = 0;
  advance(seconds(1));
  EXPECT_EQ(lifecycle_.records().listeners.size(), 1u);
}

TEST_F(LifecycleTest, AReloadThatDoesNotFitChangesNothing) {
  config::Config config = web({});
  for (std::size_t i = 0; i < dataplane::targets_max; ++i) {
    config::Target target;
    target.address = address(1);
    target.port = static_cast<std::uint16_t>(1 + i);
    config.target_groups[0].targets.push_back(target);
  }
  reload(config);
  log();
  for (const auto& one : lifecycle_.facts().targets) flows_[one.id] = 1;
  config::Config next = config;
  for (auto& target : next.target_groups[0].targets) target.port += 1;
  next.listeners.clear();
  EXPECT_EQ(lifecycle_.apply(next),
            "too many targets: 1 new, but only 0 of 8192 places are free, and 0 that left the "
            "configuration still have flows; reload again when these have ended");
  EXPECT_EQ(lifecycle_.facts().listeners.size(), 1u);
  EXPECT_EQ(lifecycle_.facts().targets.size(), dataplane::targets_max);
  EXPECT_EQ(log(), "");
  config.target_groups[0].targets.pop_back();
  reload(config);
  EXPECT_NE(lifecycle_.apply(next), std::nullopt) << "the one that left has a flow";
  flows_.clear();
  next.target_groups[0].targets = config.target_groups[0].targets;
  next.target_groups[0].targets.front().port = 9'999;
  EXPECT_EQ(lifecycle_.apply(next), std::nullopt);
}

// --- the operator ---

TEST_F(LifecycleTest, ADrainedTargetStaysUntilItIsUndrained) {
  reload(web({1, 2}));
  probes_find(passed);
  const TargetId id = fact(key(1))->id;
  log();
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  EXPECT_EQ(log(),
            "info target web 10.0.0.1:80 healthy -> draining (Target.DeregistrationInProgress): "
            "drained by the operator, its flows have 300 s to end\n");
  EXPECT_EQ(availability(1), "Draining");
  EXPECT_EQ(availability(2), "Serving");
  reload(web({1, 2}));
  EXPECT_EQ(state(1), "draining Target.DeregistrationInProgress") << "a reload does not undrain";
  advance(seconds(300));
  EXPECT_EQ(state(1), "unused Target.NotRegistered");
  advance(seconds(300));
  EXPECT_EQ(state(1), "unused Target.NotRegistered") << "it is in the configuration: it stays";
  EXPECT_FALSE(lifecycle_.undrain(key(1)).has_value());
  EXPECT_EQ(state(1), "initial Elb.RegistrationInProgress");
  EXPECT_EQ(fact(key(1))->id, id);
  probe_finds(1, passed);
  EXPECT_EQ(availability(1), "Serving");
}

TEST_F(LifecycleTest, DrainingStopsProbes) {
  reload(web({1}));
  advance(seconds(1));
  ASSERT_TRUE(probes_.running(whom(1)));
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  EXPECT_EQ(probes_.running(), 0u);
  const std::size_t started = probes_.started;
  advance(seconds(60));
  EXPECT_EQ(probes_.started, started);
}

TEST_F(LifecycleTest, ADrainWithoutDelayIsOverAtOnce) {
  config::Config config = web({1});
  config.target_groups[0].deregistration_delay = {seconds(0), true};
  reload(config);
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  EXPECT_EQ(availability(1), "Terminated");
}

TEST_F(LifecycleTest, ADrainedTargetThatLeavesGoesAndIsForgotten) {
  reload(web({1, 2}));
  flows_[fact(key(1))->id] = 1;
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  advance(seconds(100));
  reload(web({2}));
  EXPECT_EQ(record(1).drain_ends_unix_milliseconds, 1'700'000'300'000u) << "it is not prolonged";
  reload(web({1, 2}));
  EXPECT_EQ(state(1), "initial Elb.RegistrationInProgress") << "coming back ends the drain";
}

TEST_F(LifecycleTest, RefusalsSayWhy) {
  reload(web({1, 2}));
  flows_[fact(key(2))->id] = 1;
  reload(web({1}));
  struct Case {
    std::optional<Refusal> refusal;
    Refusal::Kind kind;
    std::string_view sentence;
  };
  const auto not_found = Refusal::Kind::NotFound;
  const auto conflict = Refusal::Kind::Conflict;
  std::vector<Case> cases = {
      {lifecycle_.drain(key(1, "api")), not_found, "there is no target group api"},
      {lifecycle_.undrain(key(9)), not_found, "target group web has no target 10.0.0.9:80"},
      {lifecycle_.undrain(key(1)), conflict,
       "target web 10.0.0.1:80 is not drained: it is initial (Elb.InitialHealthChecking)"},
      {lifecycle_.drain(key(2)), conflict,
       "target web 10.0.0.2:80 has left the configuration and is draining already"},
      {lifecycle_.undrain(key(2)), conflict,
       "target web 10.0.0.2:80 has left the configuration; to keep it, write it there again and "
       "reload"},
  };
  EXPECT_FALSE(lifecycle_.drain(key(1)).has_value());
  cases.push_back({lifecycle_.drain(key(1)), conflict,
                   "target web 10.0.0.1:80 is drained already: it is draining "
                   "(Target.DeregistrationInProgress)"});
  for (const Case& one : cases) {
    ASSERT_TRUE(one.refusal.has_value()) << one.sentence;
    EXPECT_EQ(one.refusal->sentence, one.sentence);
    EXPECT_EQ(one.refusal->kind, one.kind) << one.sentence;
  }
}

// --- what is announced ---

TEST_F(LifecycleTest, TargetsKeepTheirGroupsProtocolWhenTheyHaveLeft) {
  config::Config config = web({1, 2});
  config.target_groups[0].protocol = dataplane::Protocol::Udp;
  config.listeners[0].protocol = dataplane::Protocol::Udp;
  reload(config);
  EXPECT_EQ(record(1).protocol, 17);
  flows_[fact(key(2))->id] = 1;
  config.target_groups[0].targets.pop_back();
  reload(config);
  EXPECT_TRUE(record(2).used);
  EXPECT_EQ(record(2).protocol, 17) << "its bytes are UDP's to the last";
}

}  // namespace
}  // namespace control
