// What takes time about new flows: standby groups, zonal affinity, zonal shifts; by a clock that
// only the test moves, and standby groups against a plain model.
#include "control/lifecycle/traffic.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/control/lifecycle/lifecycle_rig.h"

namespace control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// --- Traffic against a plain model ---

/// Groups "web" of three and "spare" of two, whose targets' health is a letter each: i, h, u.
class TrafficModel {
 public:
  explicit TrafficModel(int recovery) : recovery_(recovery) {
    config::Config config;
    config.target_groups.resize(2);
    config.target_groups[0].name = "web";
    config.target_groups[1].name = "spare";
    config.target_groups[0].routing.failover = {"spare", {2, 0}, {2, 60}, seconds(recovery)};
    traffic_.apply(config);
  }
  void set(const std::string& web, const std::string& spare, int time) {
    std::vector<Member> members;
    for (const char c : spare) members.push_back(member("spare", c));
    for (const char c : web) members.push_back(member("web", c));
    const Moment now{steady_clock::time_point(seconds(time)), {}};
    const bool before = on();
    const bool differ = traffic_.judge(members, now);
    EXPECT_EQ(differ, on() != before);
    model(web, spare, time);
  }
  [[nodiscard]] bool on() const {
    config::Facts facts;
    facts.target_groups.push_back({"web", dataplane::TargetGroupId{0}});
    traffic_.add_to(facts);
    return !facts.target_groups[0].standby.empty();
  }
  [[nodiscard]] bool expected() const { return on_; }
  /// When a lifecycle would come back, in seconds; -1: when something changes.
  [[nodiscard]] int due() const {
    const auto deadline = traffic_.deadline();
    if (!deadline) return -1;
    return static_cast<int>(deadline->time_since_epoch() / seconds(1));
  }

 private:
  static Member member(const char* group, char state) {
    using config::Availability;
    return {group,
            {state == 'h' ? Availability::Serving : Availability::FailOpen, 1, {}},
            state == 'i'};
  }
  static int count(const std::string& states, const std::string& of) {
    return static_cast<int>(std::count_if(states.begin(), states.end(),
                                          [&](char c) { return of.find(c) != std::string::npos; }));
  }
  void model(const std::string& web, const std::string& spare, int time) {
    const bool usable = count(spare, "h") >= 1;
    const bool well = count(web, "h") >= 2;  // of three, that is 66 %
    if (!well) well_since_ = -1;
    if (well && well_since_ < 0) well_since_ = time;
    if (on_ && (!usable || (well && time - well_since_ >= recovery_))) {
      on_ = false;
    } else if (!on_ && usable && count(web, "hi") < 2) {
      on_ = true;
    }
  }

  int recovery_;
  Traffic traffic_;
  bool on_ = false;
  int well_since_ = -1;
};

TEST(TrafficModel, AgreesOverRandomSequences) {
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);
  std::mt19937 random(20260103);
  const auto below = [&](int end) {
    return std::uniform_int_distribution<int>(0, end - 1)(random);
  };
  const auto states = [&](int size) {
    std::string text;
    for (int i = 0; i < size; ++i) text += "ihhhuu"[below(6)];
    return text;
  };
  int changes = 0;
  for (int round = 0; round < 200; ++round) {
    TrafficModel both(below(30));
    std::string web = states(3), spare = states(2);
    for (int step = 0, time = 0; step < 100; ++step) {
      const bool before = both.expected();
      both.set(web, spare, time);
      changes += both.expected() != before ? 1 : 0;
      ASSERT_EQ(both.on(), both.expected()) << "round " << round << " step " << step;
      const int next = time + 1 + below(10);
      if (both.due() >= 0 && both.due() <= next) {
        time = both.due();  // as the lifecycle's timer does
        continue;
      }
      time = next;
      if (below(2) == 0) web = states(3);
      if (below(4) == 0) spare = states(2);
    }
  }
  EXPECT_GT(changes, 500);
  spdlog::set_level(level);
}

// --- with the lifecycle around it ---

class TrafficTest : public LifecycleRig {
 protected:
  /// "web" of hosts 1 and 2, its standby of host 3.
  static config::Config with_standby() {
    config::Config config = web({1, 2});
    add_group(config, "standby", {3});
    config.listeners.pop_back();  // the standby is in use all the same
    config::Failover failover;
    failover.target_group = "standby";
    failover.recovery_healthy_targets = {.count = 2, .percentage = 0};
    failover.recovery_time = seconds(60);
    config.target_groups[0].routing.failover = failover;
    config.target_groups[0].health_check.healthy_threshold = 1;
    config.target_groups[1].health_check.healthy_threshold = 1;
    return config;
  }
  /// Host 1 is in zone a, 2 in b, …
  static config::Config zoned(const std::vector<int>& hosts) {
    config::Config config = web(hosts);
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      config.target_groups[0].targets[i].zone = std::string(1, static_cast<char>('a' + i));
    }
    config.zoning = {"a", true};
    config.target_groups[0].health_check.healthy_threshold = 1;
    return config;
  }
  std::optional<Refusal> shift(const std::string& zone, seconds expires,
                               const std::string& comment) {
    return lifecycle_.shift({zone, comment, now_.wall, now_.wall + expires});
  }
  /// "zone b shifted", "target_group web fail_open"; all but targets' and listeners'.
  std::vector<std::string> events() {
    std::vector<std::string> result;
    const report::Json document = events_.document({.count = 4'096});
    for (const report::Json& one : document["events"]) {
      const auto text = [&](const char* key) { return one[key].get<std::string>(); };
      if (text("kind") == "target" || text("kind") == "listener") continue;
      result.push_back(text("kind") + ' ' + text("target_group") + text("zone") + ' ' + text("to"));
    }
    return result;
  }
  void fails(int host) {
    probe_finds(host, refused);
    probe_finds(host, refused);
    turn();
  }
  void recovers(int host) {
    probe_finds(host, passed);
    turn();
  }
  std::string standby() {
    for (const auto& group : lifecycle_.facts().target_groups) {
      if (group.name == "web") return group.standby;
    }
    return "no group";
  }
  dataplane::TargetGroupRecord group(const std::string& name = "web") {
    for (const auto& one : lifecycle_.records().target_groups) {
      if (one.record.name.view() == name) return one.record;
    }
    return {};
  }
};

TEST_F(TrafficTest, AStandbyIsProbedThoughNoListenerNamesIt) {
  reload(with_standby());
  recovers(3);
  EXPECT_EQ(state(3), "healthy");
}

TEST_F(TrafficTest, NobodyLeavesForAStandbyBeforeTheFirstChecks) {
  reload(with_standby());
  recovers(3);
  EXPECT_EQ(standby(), "") << "hosts 1 and 2 are not checked yet";
  fails(1);
  EXPECT_EQ(standby(), "") << "host 2 may be healthy";
  fails(2);
  EXPECT_EQ(standby(), "standby");
}

TEST_F(TrafficTest, FlowsComeBackAfterTheRecoveryTime) {
  reload(with_standby());
  for (const int host : {1, 2, 3}) recovers(host);
  fails(1);
  EXPECT_EQ(standby(), "") << "one of two is enough";
  log();
  changes_ = 0;
  fails(2);
  EXPECT_EQ(standby(), "standby");
  EXPECT_GE(changes_, 1) << "packets must hear of it";
  EXPECT_TRUE(group().on_standby);
  EXPECT_EQ(group().standby.view(), "standby");
  EXPECT_NE(log().find("warning target group web: 0 of 2 targets healthy, fewer than 1: new "
                       "flows go to standby group standby\n"),
            std::string::npos);
  recovers(1);
  advance(seconds(120));
  EXPECT_EQ(standby(), "standby") << "one is fewer than recovery_healthy_targets";
  recovers(2);
  advance(seconds(30));
  fails(1);
  recovers(1);
  advance(seconds(50));
  EXPECT_EQ(standby(), "standby") << "the 60 s begin anew";
  advance(seconds(11));
  turn();
  EXPECT_EQ(standby(), "");
  EXPECT_FALSE(group().on_standby);
  EXPECT_NE(log().find("info target group web: 2 of 2 targets healthy, enough for 60 s: new "
                       "flows come back from standby group standby\n"),
            std::string::npos);
}

TEST_F(TrafficTest, AStandbyThatFailsTooIsLeftAtOnce) {
  reload(with_standby());
  for (const int host : {1, 2, 3}) recovers(host);
  for (const int host : {1, 2}) fails(host);
  EXPECT_EQ(standby(), "standby");
  fails(3);
  EXPECT_EQ(standby(), "");
  EXPECT_TRUE(group().failing_open) << "as without a standby";
  recovers(3);
  EXPECT_EQ(standby(), "standby");
}

TEST_F(TrafficTest, AReloadWithoutFailoverEndsIt) {
  config::Config config = with_standby();
  reload(config);
  for (const int host : {1, 2, 3}) recovers(host);
  for (const int host : {1, 2}) fails(host);
  reload(config);
  EXPECT_EQ(standby(), "standby") << "a reload does not forget";
  config.target_groups[0].routing.failover.reset();
  reload(config);
  EXPECT_EQ(standby(), "");
}

TEST_F(TrafficTest, FailOpenIsToldOnceAndNotBeforeTheFirstChecks) {
  reload(web({1, 2}));
  EXPECT_TRUE(group().failing_open);
  EXPECT_EQ(log().find("fails open"), std::string::npos);
  for (const int host : {1, 2}) recovers(host);
  EXPECT_FALSE(group().failing_open);
  for (const int host : {1, 2}) fails(host);
  const std::string told = log();
  const std::string line =
      "warning target group web fails open: 0 of 2 targets healthy, fewer than 1: all of them "
      "get new flows\n";
  EXPECT_NE(told.find(line), std::string::npos) << told;
  probes_find(passed, 3);
  turn();
  EXPECT_NE(log().find("info target group web fails open no more: "), std::string::npos);
}

TEST_F(TrafficTest, RecordsAgreeWithWhatIsCompiled) {
  config::Config config = zoned({1, 2, 3});
  config.zoning.cross_zone = false;
  config.target_groups[0].targets[2].zone = "";
  reload(config);
  for (const int host : {1, 2, 3}) recovers(host);
  EXPECT_TRUE(record(1).takes_new_flows);
  EXPECT_FALSE(record(2).takes_new_flows);
  EXPECT_EQ(record(2).exclusion, dataplane::Exclusion::CrossZoneOff);
  EXPECT_TRUE(record(3).takes_new_flows);
  EXPECT_EQ(fact(key(2))->zone, "b");
  EXPECT_EQ(group().registered, 2u);
  EXPECT_FALSE(group().cross_zone);
  ASSERT_EQ(group().zone_count, 2);
  EXPECT_EQ(group().zones[1].zone.view(), "b");
  EXPECT_EQ(group().zones[1].healthy, 2u) << "its own and that of every zone";
}

// --- affinity ---

TEST_F(TrafficTest, FlowsSpillWhileTheOwnZoneLacksCapacity) {
  config::Config config = zoned({1, 2, 3});
  config.target_groups[0].targets[1].zone = "a";
  config.target_groups[0].routing.zonal_affinity = config::ZonalAffinity{
      .minimum_local_capacity = 60, .recovery_local_capacity = 80, .recovery_time = seconds(30)};
  reload(config);
  const auto spills = [this] { return lifecycle_.facts().target_groups[0].spills; };
  EXPECT_FALSE(spills()) << "nobody was checked yet";
  for (const int host : {1, 2, 3}) recovers(host);
  EXPECT_FALSE(spills());
  EXPECT_EQ(record(3).exclusion, dataplane::Exclusion::ZonalAffinity);
  log();
  fails(1);
  EXPECT_TRUE(spills());
  EXPECT_TRUE(record(3).takes_new_flows);
  EXPECT_NE(log().find("warning target group web: zone a has 50 % of its capacity, less than 60 %: "
                       "new flows go to all zones\n"),
            std::string::npos);
  recovers(1);
  advance(seconds(29));
  EXPECT_TRUE(spills());
  advance(seconds(2));
  turn();
  EXPECT_FALSE(spills());
  EXPECT_NE(log().find("new flows stay there"), std::string::npos);
}

// --- shifts ---

TEST_F(TrafficTest, AShiftHoldsUntilItExpires) {
  reload(zoned({1, 2}));
  for (const int host : {1, 2}) recovers(host);
  log();
  EXPECT_FALSE(shift("b", seconds(60), "works"));
  turn();
  EXPECT_EQ(lifecycle_.facts().shifted_zones, std::vector<std::string>{"b"});
  EXPECT_EQ(record(2).exclusion, dataplane::Exclusion::ZonalShift);
  EXPECT_NE(log().find("info zone b gets no new flows until "), std::string::npos);
  reload(zoned({1, 2}));
  EXPECT_EQ(lifecycle_.shifts().size(), 1u) << "a reload keeps it";
  const auto zones = lifecycle_.records().zones;
  ASSERT_EQ(zones.size(), 2u);
  EXPECT_TRUE(zones[0].own);
  EXPECT_TRUE(zones[0].healthy);
  EXPECT_FALSE(zones[0].shifted);
  EXPECT_TRUE(zones[1].shifted);
  EXPECT_FALSE(zones[1].healthy);
  EXPECT_EQ(zones[1].targets, 1u);
  EXPECT_EQ(zones[1].comment.view(), "works");
  advance(seconds(59));
  EXPECT_EQ(lifecycle_.shifts().size(), 1u);
  turn();
  changes_ = 0;
  advance(seconds(1));
  turn();
  EXPECT_TRUE(lifecycle_.shifts().empty());
  EXPECT_TRUE(lifecycle_.facts().shifted_zones.empty());
  EXPECT_EQ(changes_, 1) << "packets must hear of it";
  EXPECT_NE(log().find("info zone b gets new flows again: its shift has expired\n"),
            std::string::npos);
}

TEST_F(TrafficTest, AShiftCanBeEndedAndMustBeOfAKnownZone) {
  reload(zoned({1, 2}));
  const auto unknown = shift("c", seconds(60), "");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->kind, Refusal::Kind::NotFound);
  EXPECT_EQ(unknown->sentence, "there is no zone c; zones: a, b");
  EXPECT_EQ(lifecycle_.unshift("b")->sentence, "zone b is not shifted");
  EXPECT_EQ(lifecycle_.unshift("c")->kind, Refusal::Kind::NotFound);
  EXPECT_FALSE(shift("a", seconds(60), ""));
  EXPECT_FALSE(lifecycle_.unshift("a"));
  EXPECT_TRUE(lifecycle_.shifts().empty());
}

TEST_F(TrafficTest, ShiftsAreRestoredForTheTimeThatIsLeft) {
  reload(zoned({1, 2}));
  lifecycle_.restore({{"a", "over", now_.wall - seconds(60), now_.wall - seconds(1)},
                      {"b", "going on", now_.wall - seconds(60), now_.wall + seconds(10)}});
  EXPECT_EQ(lifecycle_.facts().shifted_zones, std::vector<std::string>{"b"});
  const std::string told = log();
  EXPECT_NE(told.find("zone a gets new flows again: its shift expired at "), std::string::npos);
  EXPECT_NE(told.find("zone b gets no new flows until "), std::string::npos);
  advance(seconds(10));
  EXPECT_TRUE(lifecycle_.shifts().empty());
  EXPECT_EQ(events(), (std::vector<std::string>{"zone a shift_expired", "zone b shifted",
                                                "zone b shift_expired"}));
}

TEST_F(TrafficTest, EveryChangeIsAnEvent) {
  reload(with_standby());
  for (const int host : {1, 2, 3}) recovers(host);
  EXPECT_EQ(events(), std::vector<std::string>{}) << "that nobody was checked yet is no news";
  fails(1);
  fails(2);
  turn();
  fails(3);
  turn();
  EXPECT_EQ(events(), (std::vector<std::string>{
                          "target_group web standby", "target_group standby fail_open",
                          "target_group web standby_ended", "target_group web fail_open"}));
  const report::Json all = events_.document({.count = 4'096})["events"];
  for (const auto& one : all) {
    if (one["to"] != "standby") continue;
    EXPECT_EQ(one["sentence"],
              "0 of 2 targets healthy, fewer than 1: new flows go to standby group standby");
  }
}

TEST_F(TrafficTest, AShiftThatIsIgnoredOrEndedIsAnEvent) {
  reload(zoned({1, 2}));
  for (const int host : {1, 2}) recovers(host);
  fails(1);
  EXPECT_FALSE(shift("b", seconds(60), ""));
  turn();
  EXPECT_FALSE(lifecycle_.unshift("b"));
  turn();
  EXPECT_EQ(events(), (std::vector<std::string>{"zone b shifted", "target_group web shift_ignored",
                                                "zone b unshifted"}));
}

TEST_F(TrafficTest, AShiftThatWouldLeaveNothingIsIgnored) {
  reload(zoned({1, 2}));
  for (const int host : {1, 2}) recovers(host);
  EXPECT_FALSE(shift("b", seconds(600), ""));
  log();
  fails(1);
  EXPECT_TRUE(group().shift_ignored);
  EXPECT_TRUE(record(2).takes_new_flows);
  EXPECT_NE(log().find("warning target group web ignores the shift of zone b"), std::string::npos);
  recovers(1);
  EXPECT_FALSE(group().shift_ignored);
  EXPECT_FALSE(record(2).takes_new_flows);
}

TEST_F(TrafficTest, AZoneThatShouldNotBeAnnouncedIsTold) {
  config::Config config = zoned({1, 2});
  config.zoning.cross_zone = false;
  reload(config);
  for (const int host : {1, 2}) recovers(host);
  EXPECT_TRUE(group().zones[0].announced);
  log();
  fails(1);
  EXPECT_FALSE(group().zones[0].announced);
  EXPECT_TRUE(group().zones[1].announced);
  EXPECT_NE(log().find("warning target group web: zone a should not be announced: 0 of 1 targets "
                       "healthy\n"),
            std::string::npos);
  fails(2);
  EXPECT_TRUE(group().zones[0].announced) << "no zone is better";
}

}  // namespace
}  // namespace control
