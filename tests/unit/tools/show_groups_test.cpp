// Golden tables of target groups and zones.
#include <gtest/gtest.h>

#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/show.h"

namespace tools {
namespace {

View plain_view() {
  return {.now_unix_milliseconds = *unix_milliseconds("2026-01-02T03:10:00.000Z"),
          .colours = false,
          .wide = false,
          .earlier = nullptr,
          .seconds = 0};
}

Json zone(const char* name, int healthy, int registered, bool announced) {
  return {{"zone", name},          {"registered", registered}, {"healthy", healthy},
          {"shifted", false},      {"failing_open", false},    {"zone_healthy", announced},
          {"announced", announced}};
}

Json group(const char* name, int healthy, int registered, const Json& zones) {
  return {{"name", name},
          {"registered", registered},
          {"healthy", healthy},
          {"minimum_healthy_targets", {{"count", 1}, {"percentage", "off"}}},
          {"failing_open", false},
          {"standby", nullptr},
          {"on_standby", false},
          {"cross_zone", true},
          {"zonal_affinity", nullptr},
          {"zonal_shift_ignored", false},
          {"new_flows", 1234},
          {"active_flows", 56},
          {"unhealthy_routing_flows", 0},
          {"own_zone", "a"},
          {"zones", zones}};
}

TEST(ShowTargetGroups, IsATable) {
  Json web = group("web", 3, 4, Json::array({zone("a", 1, 2, true), zone("b", 2, 2, true)}));
  Json api = group("api", 1, 3, Json::array({zone("a", 1, 3, false)}));
  api["failing_open"] = true;
  api["minimum_healthy_targets"]["count"] = 2;
  api["unhealthy_routing_flows"] = 77;
  Json spare = group("dns", 0, 2, Json::array({zone("a", 0, 2, true)}));
  spare["on_standby"] = true;
  spare["standby"] = "dns-far";
  Json none = group("mail", 0, 0, Json::array({zone("a", 0, 0, false), zone("b", 1, 1, true)}));
  none["cross_zone"] = false;
  EXPECT_EQ(
      show_target_groups({{"target_groups", Json::array({web, api, spare, none})}}, plain_view()),
      // clang-format off
"GROUP  ZONE  HEALTHY  ROUTING    ANNOUNCE  CROSS-ZONE  ACTIVE   NEW  UNHEALTHY-ROUTED  WHY\n"
"web    a*        1/2  healthy    yes       on              56  1234\n"
"       b         2/2             yes\n"
"api    a*        1/3  fail open  no        on              56  1234                77  fewer than 2 are healthy\n"
"dns    a*        0/2  standby    yes       on              56  1234                    new flows go to dns-far\n"
"mail   a*        0/0  nobody     no        off             56  1234                    no target in this zone, cross_zone is off\n"
"       b         1/1             yes\n");
  // clang-format on
}

TEST(ShowTargetGroups, WithoutZonesThereIsNoSuchColumn) {
  Json web = group("web", 1, 2, Json::array({zone("", 1, 2, true)}));
  web["own_zone"] = "";
  EXPECT_EQ(show_target_groups({{"target_groups", Json::array({web})}}, plain_view()),
            // clang-format off
"GROUP  HEALTHY  ROUTING  ANNOUNCE  CROSS-ZONE  ACTIVE   NEW\n"
"web        1/2  healthy  yes       on              56  1234\n");
  // clang-format on
  EXPECT_EQ(show_target_groups(Json::object(), plain_view()), "no target groups\n");
}

TEST(ShowTargetGroups, SaysWhatIsUnusual) {
  Json web = group("web", 1, 4, Json::array({zone("a", 1, 4, true)}));
  web["zonal_affinity"] = "spills";
  web["zonal_shift_ignored"] = true;
  std::string text = show_target_groups({{"target_groups", Json::array({web})}}, plain_view());
  EXPECT_NE(text.find("spill  "), std::string::npos) << text;
  EXPECT_NE(
      text.find("the zonal shift would leave nothing: ignored; the own zone lacks capacity\n"),
      std::string::npos)
      << text;
  web["failing_open"] = true;
  web["minimum_healthy_targets"]["percentage"] = 50;
  text = show_target_groups({{"target_groups", Json::array({web})}}, plain_view());
  EXPECT_NE(text.find("less than 50 % are healthy; "), std::string::npos) << text;
}

Json two_zones() {
  return Json::parse(R"({"zones": [
    {"zone": "a", "own": true, "targets": 2, "zonal_health_status": 1,
     "active_zonal_shift_host_count": 0, "shifted": false, "shift_started": null,
     "shift_expires": null, "comment": ""},
    {"zone": "b", "own": false, "targets": 3, "zonal_health_status": 0,
     "active_zonal_shift_host_count": 3, "shifted": true,
     "shift_started": "2026-01-02T03:00:00.000Z", "shift_expires": "2026-01-02T05:09:00.000Z",
     "comment": "power works"}]})");
}

TEST(ShowZones, IsATable) {
  EXPECT_EQ(show_zones(two_zones(), plain_view()),
            // clang-format off
"ZONE  TARGETS  HEALTHY  SHIFTED-TARGETS  SHIFT-ENDS-IN  COMMENT\n"
"a*          2  yes\n"
"b           3  no                     3         1h 59m  power works\n");
  // clang-format on
  EXPECT_EQ(show_zones(Json::object(), plain_view()), "no zones: no target has one\n");
}

TEST(ShowStatus, NamesTheZoneAndTheShifts) {
  const std::string text = show_status(two_zones(), plain_view());
  EXPECT_NE(text.find("zone        a\nshift       b is shifted away for 1h 59m: power works\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace tools
