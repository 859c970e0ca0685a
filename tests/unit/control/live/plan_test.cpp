#include "control/live/plan.h"

#include <fmt/format.h>

#include "config/compile.h"
#include "tests/unit/control/live/live_rig.h"

namespace control {
namespace {

class PlanTest : public LiveRig {
 protected:
  /// A group by Maglev over so many targets, without one of them if wanted.
  void write_maglev(int targets, int without = -1, int table_size = 65'537) {
    std::string list;
    for (int i = 0; i < targets; ++i) {
      if (i == without) continue;
      list += fmt::format("{}{{ address = \"10.0.1.{}\"; }}", list.empty() ? "" : ", ", 11 + i);
    }
    write_groups(
        fmt::format("{{ name = \"web\"; port = 8080; algorithm = \"maglev\"; "
                    "maglev_table_size = {}; targets = ( {} ); }}",
                    table_size, list));
  }
  [[nodiscard]] config::Facts whole_facts() const {
    config::Facts facts = this->facts();
    facts.generation = {7};
    const dataplane::MacAddress mac{{2, 0, 0, 0, 0, 1}};
    facts.ports = {{.mac = mac, .kernel_path = true}, {.mac = mac, .kernel_path = true}};
    return facts;
  }
  [[nodiscard]] Present present() const {
    const config::Facts facts = whole_facts();
    return {.running = running_,
            .facts = facts,
            .snapshot = config::compile(running_, facts, nullptr),
            .target_flows = [](dataplane::TargetId id) -> std::uint64_t { return 100u + id.slot; },
            .listener_flows = [](dataplane::ListenerId) -> std::uint64_t { return 7; }};
  }
  [[nodiscard]] Proposal proposal() const {
    auto loaded = config::load(file_);
    if (auto* errors = std::get_if<config::Errors>(&loaded)) {
      ADD_FAILURE() << to_string(*errors);
      return {};
    }
    return live_->propose(std::get<config::Config>(loaded), live_->changes());
  }
  [[nodiscard]] report::Json plan() const { return plan_document(present(), proposal()); }
};

TEST_F(PlanTest, OfTheSameFileSaysThatNothingDiffers) {
  start();
  const report::Json document = plan();
  EXPECT_EQ(document["differs"], false) << document;
  EXPECT_TRUE(document["refused"].is_null());
  EXPECT_EQ(document["needs_force"], false);
}

TEST_F(PlanTest, ShowsWhatComesGoesAndChangesWithTheFlowsConcerned) {
  start();
  write("10.0.1.11", "10.0.1.13");
  const report::Json document = plan();
  ASSERT_EQ(document["changes"].size(), 2u) << document;
  EXPECT_EQ(document["changes"][0]["action"], "remove");
  EXPECT_EQ(document["changes"][0]["target_group"], "web");
  EXPECT_EQ(document["changes"][0]["name"], "10.0.1.12:8080");
  EXPECT_EQ(document["changes"][0]["flows"], 101);
  EXPECT_EQ(document["changes"][1]["action"], "add");
  EXPECT_EQ(document["flows"]["draining"], 101);
  EXPECT_EQ(document["flows"]["listeners"], 0);
  EXPECT_EQ(generation_, 1u) << "nothing is changed";
  EXPECT_EQ(addresses(), (Strings{"10.0.1.11", "10.0.1.12"}));
}

TEST_F(PlanTest, CountsFlowsOfListenersThatGoOrMove) {
  start();
  config::Sample sample;
  sample.top = "instance = \"edge-1\";\n";
  sample.listeners = "";
  file_ = files_.write("edge.cfg", sample.text());
  EXPECT_EQ(plan()["flows"]["listeners"], 7);
  sample.listeners =
      "{ name = \"web\"; address = \"198.51.100.11\"; port = 80; target_group = \"web\"; }";
  file_ = files_.write("edge.cfg", sample.text());
  EXPECT_EQ(plan()["flows"]["listeners"], 7);
}

TEST_F(PlanTest, IsOfWhatRunsNotOfTheFile) {
  start().add("web", targets(R"([{"address": "10.0.1.20"}])"));
  EXPECT_EQ(plan()["differs"], false) << "changes stay over a reload";
  write("10.0.1.11", "10.0.1.12", "10.0.1.20");
  const report::Json document = plan();
  EXPECT_EQ(document["differs"], true);
  EXPECT_EQ(document["changes"].size(), 0u) << document;
  EXPECT_EQ(document["dropped_changes"].size(), 1u);
}

TEST_F(PlanTest, SaysWhatWouldBeRefused) {
  start();
  write("10.0.1.21");
  const report::Json loss = plan();
  EXPECT_TRUE(loss["refused"].is_null());
  EXPECT_EQ(loss["needs_force"], true);
  EXPECT_EQ(loss["losses"][0]["healthy_before"], 2);
  EXPECT_EQ(loss["losses"][0]["healthy_after"], 0);
}

/// The share of the hash space that moves, and of that what moves though its target stays: the
/// latter is what Maglev is for. Printed, since it is what an operator may rely on.
TEST_F(PlanTest, MeasuresTheHashSpaceThatMovesWhenOneOfAHundredGoes) {
  constexpr int count = 100;
  write_maglev(count);
  start();
  double worst = 0, sum = 0;
  for (int without = 0; without < count; without += 9) {
    write_maglev(count, without);
    const auto shares = moved_shares(present(), proposal());
    ASSERT_EQ(shares.size(), 1u);
    EXPECT_NEAR(shares[0].moved - shares[0].moved_stays, 0.01, 0.0005) << "the target's own share";
    worst = std::max(worst, shares[0].moved_stays);
    sum += shares[0].moved_stays / 12;
  }
  std::printf("one of %d targets goes: of the others' hash space %.3f %% moves (worst %.3f %%)\n",
              count, 100 * sum, 100 * worst);
  EXPECT_GT(worst, 0.0);
  EXPECT_LE(worst, 0.01);
}

TEST_F(PlanTest, MeasuresWhatANewTargetTakesAsIfItWereHealthy) {
  write_maglev(9);
  start();
  write_maglev(10);
  const auto shares = moved_shares(present(), proposal());
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_NEAR(shares[0].moved, 0.1, 0.02);
}

TEST_F(PlanTest, ComparesTablesOfDifferentSizes) {
  write_maglev(10, -1, 65'537);
  start();
  write_maglev(10, -1, 655'373);
  const auto shares = moved_shares(present(), proposal());
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_NEAR(shares[0].moved, 0.9, 0.02) << "everything is dealt out anew";
}

TEST_F(PlanTest, AGroupWhoseTargetsStayMovesNothing) {
  write_maglev(10);
  start();
  write_groups("{ name = \"web\"; port = 8080; algorithm = \"maglev\"; targets = ( " + [] {
    std::string list;
    for (int i = 9; i >= 0; --i) {
      list += fmt::format("{{ address = \"10.0.1.{}\"; }}, ", 11 + i);
    }
    return list;
  }() + " ); deregistration_delay = { timeout = 7; }; }");
  EXPECT_EQ(moved_shares(present(), proposal()).size(), 0u);
  EXPECT_EQ(plan()["changes"].size(), 1u);
}

TEST_F(PlanTest, KnownThingsKeepTheirIdsAndNewOnesTakeFreeSlots) {
  start();
  write("10.0.1.12", "10.0.1.13");
  const config::Facts planned = planned_facts(proposal().effective, {}, whole_facts());
  ASSERT_EQ(planned.targets.size(), 3u);
  EXPECT_EQ(planned.targets[0].id.slot, 1);
  EXPECT_EQ(planned.targets[1].id.slot, dataplane::targets_max - 1);
  EXPECT_EQ(planned.targets[1].availability, config::Availability::Serving);
  EXPECT_EQ(planned.targets[2].id.slot, 0);
  EXPECT_EQ(planned.targets[2].availability, config::Availability::Draining);
}

}  // namespace
}  // namespace control
