#include <gtest/gtest.h>

#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

const Json plan = Json::parse(R"({
  "file": "edge.cfg", "differs": true, "refused": null, "needs_force": true,
  "changes": [
    {"action": "change", "kind": "listener", "target_group": "", "name": "web", "flows": 7,
     "attributes": [{"name": "address", "before": "\"198.51.100.10\"", "after": "\"198.51.100.11\""},
                    {"name": "idle_timeout", "before": "350", "after": ""}]},
    {"action": "remove", "kind": "target", "target_group": "web", "name": "10.0.1.12:8080",
     "flows": 1200, "attributes": [{"name": "weight", "before": "1", "after": ""}]},
    {"action": "add", "kind": "target", "target_group": "web", "name": "10.0.1.13:8080",
     "flows": 0, "attributes": [{"name": "weight", "before": "", "after": "5"}]}],
  "moved": [{"target_group": "web", "moved": 0.0123, "moved_though_target_stays": 0.002}],
  "losses": [{"target_group": "web", "healthy_before": 2, "healthy_after": 0}],
  "dropped_changes": ["drain of web 10.0.1.9:8080 is dropped: there is no such target"],
  "flows": {"draining": 1200, "listeners": 7}})");

TEST(ShowPlan, IsATableAndWhatFollowsFromIt) {
  EXPECT_EQ(
      show_plan(plan, {}),
      "+-  KIND      NAME                ATTRIBUTE     NOW              PLANNED          FLOWS\n"
      "~   listener  web                 address       \"198.51.100.10\"  \"198.51.100.11\"      "
      "7\n"
      "                                  idle_timeout  350              default\n"
      "-   target    web 10.0.1.12:8080                                                   1200\n"
      "+   target    web 10.0.1.13:8080\n"
      "\n"
      "hash space that goes to another target:\n"
      "GROUP   MOVES  THOUGH-TARGET-STAYS\n"
      "web    1.23 %               0.20 %\n"
      "\n"
      "flows: 1200 on targets that would drain, 7 on listeners that would go\n"
      "drain of web 10.0.1.9:8080 is dropped: there is no such target\n"
      "target group web would have no healthy target left (2 now)\n"
      "edge.cfg: 1 to add, 1 to change, 1 to remove\n"
      "would be refused without --force\n");
}

TEST(ShowPlan, WideShowsWhatComesAndGoesWhole) {
  const std::string text = show_plan(plan, {.wide = true});
  EXPECT_NE(text.find("weight        1"), std::string::npos) << text;
  EXPECT_NE(text.find("weight                         5"), std::string::npos) << text;
}

TEST(ShowPlan, SaysThatNothingDiffers) {
  EXPECT_EQ(show_plan({{"file", "edge.cfg"}, {"differs", false}}, {}),
            "edge.cfg: no differences from what runs\n");
}

TEST(ShowPlan, SaysWhyItWouldBeRefused) {
  Json refused = plan;
  refused["refused"] = "edge.cfg:3: workers = 2: cannot change while spillway runs";
  const std::string text = show_plan(refused, {});
  EXPECT_TRUE(text.ends_with(
      "would be refused:\nedge.cfg:3: workers = 2: cannot change while spillway runs\n"))
      << text;
}

}  // namespace
}  // namespace tools
