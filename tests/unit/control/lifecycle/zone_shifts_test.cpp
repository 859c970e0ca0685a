#include "control/lifecycle/zone_shifts.h"

#include <gtest/gtest.h>

namespace control {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

TEST(ZoneShifts, EndByThemselves) {
  ZoneShifts shifts;
  Moment now{};
  shifts.put({"b", "works", now.wall, now.wall + seconds(60)}, now);
  shifts.put({"a", "", now.wall, now.wall + seconds(10)}, now);
  EXPECT_EQ(shifts.zones(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(shifts.deadline(), now.steady + seconds(10));
  now.steady += seconds(10);
  ASSERT_EQ(shifts.expire(now).size(), 1u);
  EXPECT_EQ(shifts.find("a"), nullptr);
  EXPECT_EQ(shifts.find("b")->comment, "works");
  EXPECT_TRUE(shifts.end("b"));
  EXPECT_FALSE(shifts.end("b"));
  EXPECT_FALSE(shifts.deadline());
}

TEST(ZoneShifts, ASecondOneReplacesTheFirstAndAPastOneIsNone) {
  ZoneShifts shifts;
  const Moment now{steady_clock::time_point(seconds(5)),
                   std::chrono::system_clock::time_point(seconds(1'000))};
  shifts.put({"a", "first", now.wall, now.wall + seconds(60)}, now);
  shifts.put({"a", "second", now.wall, now.wall + seconds(30)}, now);
  ASSERT_EQ(shifts.all().size(), 1u);
  EXPECT_EQ(shifts.all()[0].comment, "second");
  EXPECT_EQ(shifts.deadline(), now.steady + seconds(30));
  shifts.put({"b", "", now.wall - seconds(60), now.wall}, now);
  EXPECT_EQ(shifts.find("b"), nullptr);
}

}  // namespace
}  // namespace control
