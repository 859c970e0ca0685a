#include "control/live/live_config.h"

#include <unistd.h>

#include "tests/unit/control/live/live_rig.h"

namespace control {
namespace {

class LiveConfigTest : public LiveRig {};

TEST_F(LiveConfigTest, RegistersABatchAsOneGeneration) {
  LiveConfig& live = start();
  const Outcome outcome = live.add(
      "web", targets(R"([{"address": "10.0.1.20"}, {"address": "10.0.1.21", "weight": 5}])"));
  EXPECT_EQ(outcome.status, 200u) << outcome.document;
  EXPECT_EQ(outcome.document["registered"], 2);
  EXPECT_EQ(outcome.document["generation"], 2);
  EXPECT_EQ(outcome.document["targets"][1], "web 10.0.1.21:8080");
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12", "10.0.1.20", "10.0.1.21"}));
  EXPECT_EQ(running_.target_groups[0].targets[3].weight, 5);
}

TEST_F(LiveConfigTest, IsTheSameAfterARestart) {
  start().add("web", targets(R"([{"address": "10.0.1.20", "weight": 7}])"));
  EXPECT_EQ(live_->remove("web", targets(R"([{"address": "10.0.1.11"}])"), false).status, 200u);
  EXPECT_EQ(live_->drain(web("10.0.1.12"), false).status, 200u);
  EXPECT_EQ(live_->set_weight(web("10.0.1.12"), 9, false).status, 200u);
  drained_.clear();  // as a new process knows nothing
  LiveConfig& again = start();
  EXPECT_EQ(addresses(), (Strings{"10.0.1.12", "10.0.1.20"}));
  EXPECT_EQ(running_.target_groups[0].targets[0].weight, 9);
  EXPECT_EQ(running_.target_groups[0].targets[1].weight, 7);
  again.resume();
  EXPECT_TRUE(drained_.contains(web("10.0.1.12")));
  EXPECT_EQ(again.changes().size(), 4u);
}

TEST_F(LiveConfigTest, ADrainIsTakenUpFromWhenItBegan) {
  const std::uint64_t before = report::now_unix_milliseconds();
  EXPECT_EQ(start().drain(web("10.0.1.12"), false).status, 200u);
  EXPECT_EQ(began_[web("10.0.1.12")], std::nullopt) << "it begins now";
  const std::uint64_t after = report::now_unix_milliseconds();
  std::uint64_t known = 0;
  for (int restart = 0; restart < 2; ++restart) {
    drained_.clear();
    LiveConfig& again = start();
    again.resume();
    const std::uint64_t began = began_[web("10.0.1.12")].value_or(0);
    EXPECT_GE(began, before);
    EXPECT_LE(began, after);
    if (restart != 0) {
      EXPECT_EQ(began, known);
    }
    known = began;
    // Another change must not make it younger.
    EXPECT_EQ(again.set_weight(web("10.0.1.11"), 3, true).status, 200u);
  }
}

TEST_F(LiveConfigTest, ZonalShiftsAreKeptUntilTheyExpire) {
  ASSERT_EQ(start().shift({"b", std::chrono::hours(1), "power works"}), std::nullopt);
  ASSERT_EQ(live_->shift({"c", std::chrono::hours(1), ""}), std::nullopt);
  ASSERT_EQ(live_->shift({"b", std::chrono::hours(2), "more works"}), std::nullopt);
  ASSERT_EQ(live_->unshift("c"), std::nullopt);
  EXPECT_EQ(live_->shift({"nowhere", std::chrono::hours(1), ""})->status, 404u);
  EXPECT_EQ(live_->unshift("c")->status, 409u);
  const auto before = std::exchange(shifts_, {});
  start().resume();
  ASSERT_EQ(restored_.size(), 1u);
  EXPECT_EQ(restored_[0].zone, "b");
  EXPECT_EQ(restored_[0].comment, "more works");
  EXPECT_LT(before[0].expires - restored_[0].expires, std::chrono::milliseconds(1));
  // No change of the configuration, so not among those.
  EXPECT_TRUE(live_->changes().empty());
  ASSERT_EQ(live_->unshift("b"), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(state_path()));
}

TEST_F(LiveConfigTest, AShiftThatExpiredMeanwhileIsForgottenOnce) {
  ASSERT_EQ(start().shift({"b", std::chrono::seconds(0), ""}), std::nullopt);
  shifts_.clear();
  start().resume();
  EXPECT_EQ(restored_.size(), 1u) << "the lifecycle says that it has expired";
  EXPECT_FALSE(std::filesystem::exists(state_path()));
  restored_.clear();
  start().resume();
  EXPECT_TRUE(restored_.empty());
}

TEST_F(LiveConfigTest, AWeightInTheFileThatWasEditedMeanwhileCounts) {
  start().set_weight(web("10.0.1.11"), 9, false);
  live_->set_weight(web("10.0.1.12"), 8, false);
  write_groups(
      "{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; weight = 3; },"
      " { address = \"10.0.1.12\"; } ); },\n{ name = \"api\"; port = 81; }");
  start();
  EXPECT_EQ(running_.target_groups[0].targets[0].weight, 3) << "who edits it means it";
  EXPECT_EQ(running_.target_groups[0].targets[1].weight, 8);
}

TEST_F(LiveConfigTest, WithoutChangesThereIsNoStateFile) {
  start();
  EXPECT_FALSE(std::filesystem::exists(files_.path("state")));
  live_->add("web", targets(R"([{"address": "10.0.1.20"}])"));
  EXPECT_TRUE(std::filesystem::exists(state_path()));
  live_->remove("web", targets(R"([{"address": "10.0.1.20"}])"), false);
  EXPECT_FALSE(std::filesystem::exists(state_path()));
  EXPECT_TRUE(live_->changes().empty());
}

TEST_F(LiveConfigTest, RegisteringAgainIsNoChangeAndNoGeneration) {
  LiveConfig& live = start();
  const auto both = targets(R"([{"address": "10.0.1.20"}, {"address": "10.0.1.11"}])");
  live.add("web", both);
  const Outcome again = live.add("web", both);
  EXPECT_EQ(again.status, 200u) << again.document;
  EXPECT_EQ(again.document["unchanged"], 2);
  EXPECT_EQ(again.document["generation"], 2);
  const Outcome other = live.add("web", targets(R"([{"address": "10.0.1.20", "weight": 3}])"));
  EXPECT_EQ(other.document["registered"], 1);
  EXPECT_EQ(running_.target_groups[0].targets[2].weight, 3);
}

TEST_F(LiveConfigTest, RegisteringADrainedTargetUndrainsIt) {
  LiveConfig& live = start();
  live.drain(web("10.0.1.12"), false);
  EXPECT_EQ(live.add("web", targets(R"([{"address": "10.0.1.12"}])")).status, 200u);
  EXPECT_TRUE(drained_.empty());
  EXPECT_TRUE(live.changes().empty());
}

TEST_F(LiveConfigTest, ADrainGoesOnWhenItsTargetIsDeregistered) {
  LiveConfig& live = start();
  live.drain(web("10.0.1.12"), false);
  EXPECT_EQ(live.remove("web", targets(R"([{"address": "10.0.1.12"}])"), false).status, 200u);
  EXPECT_TRUE(drained_.contains(web("10.0.1.12"))) << "it was undrained, and would drain anew";
  EXPECT_TRUE(live.changes().drained.empty());
}

TEST_F(LiveConfigTest, ATargetOfTheFileComesBackAsItWasOrAsAsked) {
  LiveConfig& live = start();
  const auto eleven = targets(R"([{"address": "10.0.1.11"}])");
  live.remove("web", eleven, false);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.12"}));
  live.add("web", eleven);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
  EXPECT_TRUE(live.changes().empty());
  live.remove("web", eleven, false);
  live.add("web", targets(R"([{"address": "10.0.1.11", "weight": 50}])"));
  EXPECT_EQ(running_.target_groups[0].targets[1].weight, 50);
  live.remove("web", eleven, false);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.12"}));
}

struct Wrong {
  const char* group;
  const char* targets;
  unsigned status;
  const char* words;
};
void PrintTo(const Wrong& one, std::ostream* out) { *out << one.targets; }

class WrongRegistration : public LiveRig, public testing::WithParamInterface<Wrong> {};

TEST_P(WrongRegistration, ChangesNothingAndNamesTheValue) {
  LiveConfig& live = start();
  const Outcome outcome = live.add(GetParam().group, targets(GetParam().targets));
  EXPECT_EQ(outcome.status, GetParam().status);
  EXPECT_TRUE(has(error_of(outcome), GetParam().words)) << error_of(outcome);
  EXPECT_TRUE(live.changes().empty());
  EXPECT_EQ(generation_, 1u);
  EXPECT_FALSE(std::filesystem::exists(state_path()));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongRegistration,
    testing::Values(
        Wrong{"wbe", R"([{"address": "10.0.1.20"}])", 404, "\"wbe\". Did you mean \"web\"?"},
        Wrong{"web", "[]", 400, "is not a list of targets; allowed: one target or more"},
        Wrong{"web", "null", 400, "is not a list of targets"},
        Wrong{"web", R"(["10.0.1.20"])", 400, "is no target; allowed: an object"},
        Wrong{"web", R"([{"address": "10.0.1.20", "zone": ["a"]}])", 400, "is no target"},
        Wrong{"web", R"([{"address": "10.0.1.20", "x = 1; y": 1}])", 400, "is no target"},
        Wrong{"web", R"([{"port": 80}])", 400, "web target 1: address: is missing"},
        Wrong{"web", R"([{"address": "10.0.1.20", "weight": 1000}])", 400,
              "web 10.0.1.20: weight = 1000: is out of range; allowed: 0 to 999."},
        Wrong{"web", R"([{"address": "10.0.1.20"}, {"address": "10.0.1.21", "weigth": 1}])", 400,
              "web 10.0.1.21: weigth = 1: is an unknown key"},
        Wrong{"web", R"([{"address": "10.0.1.20\"; } ); workers = (\"", "port": 1}])", 400,
              "is not an IP address"},
        Wrong{"web", R"([{"address": "10.0.1.20"}, {"address": "10.0.1.20"}])", 400,
              "web 10.0.1.20:8080: is in the request twice"},
        Wrong{"web", R"([{"address": "10.0.1.11", "weight": 2}])", 400,
              "web 10.0.1.11:8080: is in "},
        Wrong{"web", R"([{"address": "192.0.2.1"}])", 409,
              "registered target web 192.0.2.1:8080: address = \"192.0.2.1\": is in no port's "
              "network"},
        Wrong{"web", R"([{"address": "10.0.1.255"}])", 409, "is the broadcast address"}));

TEST_F(LiveConfigTest, DeregistersAllOrNone) {
  LiveConfig& live = start();
  const Outcome unknown =
      live.remove("web", targets(R"([{"address": "10.0.1.11"}, {"address": "10.0.1.99"}])"), false);
  EXPECT_EQ(unknown.status, 404u);
  EXPECT_TRUE(has(error_of(unknown), "has no target 10.0.1.99")) << error_of(unknown);
  EXPECT_TRUE(live.changes().empty());
  EXPECT_EQ(live.remove("web", targets(R"([{"address": "10.0.1.11", "port": 81}])"), false).status,
            404u);
  EXPECT_EQ(live.remove("web", targets(R"([{"address": "10.0.1.11", "prot": 81}])"), false).status,
            400u);
  live.add("web", targets(R"([{"address": "10.0.1.11", "port": 81}])"));
  const Outcome several = live.remove("web", targets(R"([{"address": "10.0.1.11"}])"), false);
  EXPECT_TRUE(has(error_of(several), "on 2 ports: say which")) << error_of(several);
}

TEST_F(LiveConfigTest, TheLastHealthyTargetGoesByForceOnly) {
  LiveConfig& live = start();
  unhealthy_.insert(web("10.0.1.12"));
  const auto eleven = targets(R"([{"address": "10.0.1.11"}])");
  const Outcome refused = live.remove("web", eleven, false);
  EXPECT_EQ(refused.status, 409u);
  EXPECT_TRUE(
      has(error_of(refused), "target group \"web\" would have no healthy target left (1 now)"))
      << error_of(refused);
  EXPECT_TRUE(has(error_of(refused), "--force"));
  EXPECT_EQ(live.drain(web("10.0.1.11"), false).status, 409u);
  EXPECT_EQ(live.set_weight(web("10.0.1.11"), 0, false).status, 409u);
  EXPECT_TRUE(live.changes().empty());
  EXPECT_EQ(live.drain(web("10.0.1.11"), true).status, 200u);
  EXPECT_EQ(live.remove("web", eleven, false).status, 200u) << "nothing is left to lose";
}

TEST_F(LiveConfigTest, DrainsWithoutGroupsInUseNeedNoForce) {
  write_groups(
      "{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } ); },\n"
      "{ name = \"api\"; port = 81; targets = ( { address = \"10.0.1.12\"; } ); }");
  EXPECT_EQ(start().drain({"api", ip("10.0.1.12"), 81}, false).status, 200u);
}

TEST_F(LiveConfigTest, WhatTheLifecycleRefusesIsNotKept) {
  LiveConfig& live = start();
  EXPECT_EQ(live.undrain(web("10.0.1.11")).status, 409u);
  no_slots_ = "too many targets";
  const Outcome full = live.add("web", targets(R"([{"address": "10.0.1.20"}])"));
  EXPECT_EQ(full.status, 409u);
  EXPECT_EQ(error_of(full), "too many targets");
  EXPECT_TRUE(live.changes().empty());
  EXPECT_FALSE(std::filesystem::exists(state_path()));
  EXPECT_FALSE(std::filesystem::exists(state_path() + ".new"));
}

TEST_F(LiveConfigTest, WhatCannotBeKeptIsNotDone) {
  LiveConfig& live = start();
  files_.write("state", "a file where the directory should be");
  const Outcome outcome = live.add("web", targets(R"([{"address": "10.0.1.20"}])"));
  EXPECT_EQ(outcome.status, 500u);
  EXPECT_TRUE(has(error_of(outcome), "nothing is changed")) << error_of(outcome);
  EXPECT_TRUE(has(error_of(outcome), "--state-dir")) << error_of(outcome);
  EXPECT_EQ(generation_, 1u);
  EXPECT_EQ(live.drain(web("10.0.1.11"), false).status, 500u);
  EXPECT_TRUE(drained_.empty());
}

TEST_F(LiveConfigTest, ADamagedOrNewerStateFileIsNoStart) {
  start().add("web", targets(R"([{"address": "10.0.1.20"}])"));
  const std::string good = state();
  files_.write("state/edge-1.state", good.substr(0, good.size() / 2));
  EXPECT_TRUE(has(start_refusal(), "is not JSON")) << start_refusal();
  EXPECT_TRUE(has(start_refusal(), "--discard-changes")) << start_refusal();
  std::string newer = good;
  newer.replace(newer.find("\"version\": 2"), 12, "\"version\": 9");
  files_.write("state/edge-1.state", newer);
  EXPECT_TRUE(has(start_refusal(), "has version 9")) << start_refusal();
  start(true);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
  EXPECT_TRUE(std::filesystem::exists(state_path() + ".discarded"));
  EXPECT_FALSE(std::filesystem::exists(state_path()));
}

TEST_F(LiveConfigTest, ChangesThatDoNotFitTheFileAnyMoreAreNoStart) {
  start().add("web", targets(R"([{"address": "10.0.1.20"}])"));
  config::Sample other;
  other.top = "instance = \"edge-1\";\n";
  other.ports =
      "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; },\n"
      "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/28\"]; }";
  file_ = files_.write("edge.cfg", other.text());
  EXPECT_TRUE(has(start_refusal(), "registered target web 10.0.1.20:8080: address"))
      << start_refusal();
}

TEST_F(LiveConfigTest, ReloadKeepsChangesAndDropsMeaninglessOnes) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20"}, {"address": "10.0.1.21"}])"));
  write("10.0.1.11", "10.0.1.13", "10.0.1.20");
  const Outcome outcome = live.reload(file_, {});
  EXPECT_EQ(outcome.status, 200u) << outcome.document;
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.13", "10.0.1.20", "10.0.1.21"}));
  EXPECT_EQ(outcome.document["dropped_changes"], 1);
  EXPECT_TRUE(has(outcome.document["reasons"][0], "the file has it itself"));
  EXPECT_EQ(live.changes().registered.size(), 1u);
}

TEST_F(LiveConfigTest, ReloadDiscardsChangesWhenAsked) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20"}])"));
  live.drain(web("10.0.1.12"), false);
  EXPECT_EQ(live.reload(file_, {.discard_changes = true}).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
  EXPECT_TRUE(drained_.empty());
  EXPECT_FALSE(std::filesystem::exists(state_path()));
}

TEST_F(LiveConfigTest, AReloadThatLeavesNoHealthyTargetNeedsForce) {
  LiveConfig& live = start();
  write("10.0.1.21", "10.0.1.22");
  const Outcome refused = live.reload(file_, {});
  EXPECT_EQ(refused.status, 409u);
  EXPECT_TRUE(has(error_of(refused), "no healthy target left (2 now)")) << error_of(refused);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
  EXPECT_EQ(live.reload(file_, {.force = true}).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.21", "10.0.1.22"}));
}

TEST_F(LiveConfigTest, AReloadWithChangesThatDoNotFitSaysTheWayOut) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20"}])"));
  write_groups("{ name = \"web\"; port = 8080; targets = ( { address = \"10.0.1.11\"; } ); }");
  config::Sample other;
  other.top = "instance = \"edge-1\";\n";
  other.ports =
      "{ name = \"front\"; device = \"net_null0\"; addresses = [\"198.51.100.2/24\"]; },\n"
      "{ name = \"back\"; device = \"net_null1\"; addresses = [\"10.0.1.2/28\"]; }";
  file_ = files_.write("edge.cfg", other.text());
  const Outcome refused = live.reload(file_, {});
  EXPECT_TRUE(has(error_of(refused), "registered target web 10.0.1.20:8080")) << error_of(refused);
  EXPECT_TRUE(has(error_of(refused), "--discard-changes")) << error_of(refused);
}

TEST_F(LiveConfigTest, DiscardsOneGroupsChangesOrAll) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20"}])"));
  live.add("api", targets(R"([{"address": "10.0.1.20"}])"));
  EXPECT_EQ(live.discard("nothing", false).status, 404u);
  const Outcome outcome = live.discard("api", false);
  EXPECT_EQ(outcome.document["discarded"], 1);
  EXPECT_EQ(outcome.document["changes"], 1);
  EXPECT_EQ(live.discard("", false).document["discarded"], 1);
  EXPECT_EQ(live.discard("", false).document["discarded"], 0);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
}

TEST_F(LiveConfigTest, RollsBackOneReloadAfterTheOther) {
  LiveConfig& live = start();
  EXPECT_EQ(live.rollback(false).status, 409u);
  write("10.0.1.11", "10.0.1.13");
  live.reload(file_, {});
  live.reload(file_, {});  // the same again: nothing to go back to
  write("10.0.1.11", "10.0.1.14");
  live.reload(file_, {});
  ASSERT_EQ(live.history().size(), 2u);
  const Outcome first = live.rollback(false);
  EXPECT_EQ(first.status, 200u) << first.document;
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.13"}));
  EXPECT_EQ(live.rollback(false).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
  EXPECT_EQ(live.rollback(false).status, 409u);
}

TEST_F(LiveConfigTest, RollbackBringsBackWhatTheReloadDroppedAndKeepsTheRest) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20", "weight": 4}])"));
  write("10.0.1.11", "10.0.1.20");
  live.reload(file_, {});
  EXPECT_TRUE(live.changes().empty());
  live.add("web", targets(R"([{"address": "10.0.1.21"}])"));
  EXPECT_EQ(live.rollback(false).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12", "10.0.1.20", "10.0.1.21"}));
  EXPECT_EQ(running_.target_groups[0].targets[2].weight, 4);
}

TEST_F(LiveConfigTest, RollbackSurvivesARestart) {
  start();
  write("10.0.1.11", "10.0.1.13");
  live_->reload(file_, {});
  LiveConfig& again = start();
  ASSERT_EQ(again.history().size(), 1u);
  EXPECT_EQ(again.rollback(false).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
}

TEST_F(LiveConfigTest, AFileThatARestartBroughtCanBeRolledBackToo) {
  start();
  write("10.0.1.11", "10.0.1.13");
  live_->reload(file_, {});
  write("10.0.1.11", "10.0.1.14");
  LiveConfig& again = start();
  EXPECT_EQ(again.rollback(false).status, 200u);
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.13"}));
}

TEST_F(LiveConfigTest, ADamagedHistoryIsNoReasonNotToStart) {
  start();
  write("10.0.1.11", "10.0.1.13");
  live_->reload(file_, {});
  files_.write("state/edge-1.history", "{\"format\":");
  EXPECT_EQ(start().history().size(), 0u);
}

TEST_F(LiveConfigTest, TheHistoryIsBounded) {
  LiveConfig& live = start();
  for (int i = 0; i < 8; ++i) {
    write("10.0.1.11", "10.0.1." + std::to_string(20 + i));
    ASSERT_EQ(live.reload(file_, {}).status, 200u);
  }
  EXPECT_EQ(live.history().size(), History::entries_max);
}

TEST_F(LiveConfigTest, TellsItsChanges) {
  LiveConfig& live = start();
  live.add("web", targets(R"([{"address": "10.0.1.20", "zone": "b"}])"));
  const report::Json document = live.changes_document();
  EXPECT_EQ(document["registered"][0]["target"], R"({ address = "10.0.1.20"; zone = "b"; })");
  EXPECT_EQ(document["registered"][0]["port"], 8080);
  EXPECT_EQ(document["state_file"], state_path());
  EXPECT_EQ(document["drained"].size(), 0u);
}

}  // namespace
}  // namespace control
