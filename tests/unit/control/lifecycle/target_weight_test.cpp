#include "control/lifecycle/target_weight.h"

#include <gtest/gtest.h>

#include <vector>

namespace control {
namespace {

using dataplane::Algorithm;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TargetWeight::Time start{seconds(1'000)};

TargetWeight starting(seconds duration, Algorithm algorithm = Algorithm::WeightedRoundRobin) {
  TargetWeight weight({.weight = 100, .slow_start = duration, .algorithm = algorithm});
  weight.start_slowly(start);
  return weight;
}

TEST(TargetWeight, IsTheFilesUntilTheOperatorSetsIt) {
  TargetWeight weight({.weight = 100});
  EXPECT_EQ(weight.weight(), 100);
  EXPECT_FALSE(weight.is_set());
  weight.set(50);
  EXPECT_EQ(weight.weight(), 50);
  EXPECT_EQ(weight.configured(), 100);
  EXPECT_TRUE(weight.is_set());
  weight.set(100);
  EXPECT_FALSE(weight.is_set()) << "the file's own is no other one";
}

TEST(TargetWeight, OfTheOperatorHoldsUntilTheFileHasAnother) {
  TargetWeight weight({.weight = 100});
  weight.set(50);
  EXPECT_FALSE(weight.configure({.weight = 100}));
  EXPECT_EQ(weight.weight(), 50);
  EXPECT_TRUE(weight.configure({.weight = 70}));
  EXPECT_EQ(weight.weight(), 70);
  EXPECT_FALSE(weight.configure({.weight = 80})) << "nothing was forgotten";
  weight.set(0);
  EXPECT_TRUE(weight.configure({.weight = 0})) << "also where the two agree";
  EXPECT_FALSE(weight.is_set());
}

TEST(TargetWeight, StartsSlowlyInAStraightLine) {
  const TargetWeight weight = starting(seconds(60));
  EXPECT_EQ(weight.percent(start, true), 1);
  for (int second = 1; second < 60; ++second) {
    const int expected = second * 100 / 60;
    EXPECT_NEAR(weight.percent(start + seconds(second), true), expected, 2) << second;
  }
  EXPECT_LT(weight.percent(start + milliseconds(59'999), true), 100);
  EXPECT_EQ(weight.percent(start + seconds(60), true), 100);
  EXPECT_FALSE(weight.is_starting(start + seconds(60)));
}

// Whoever goes from step to step meets each change when it happens, none more than a second early
// or late, and comes to an end.
TEST(TargetWeight, SaysWhenItsNextStepIs) {
  for (const Algorithm algorithm : {Algorithm::RoundRobin, Algorithm::Maglev}) {
    for (const seconds duration : {seconds(30), seconds(31), seconds(97), seconds(900)}) {
      const TargetWeight weight = starting(duration, algorithm);
      std::vector<TargetWeight::Time> steps;
      TargetWeight::Time now = start;
      int percent = weight.start_percent(now);
      while (const auto next = weight.next_step(now)) {
        ASSERT_GE(*next - now, seconds(1)) << "no more than a generation a second";
        EXPECT_EQ(weight.start_percent(*next - std::chrono::nanoseconds(1)), percent);
        EXPECT_GT(weight.start_percent(*next), percent);
        now = *next;
        percent = weight.start_percent(now);
        steps.push_back(now);
      }
      EXPECT_EQ(now, start + duration);
      EXPECT_EQ(percent, 100);
      const std::size_t most = algorithm == Algorithm::Maglev ? 10 : 50;
      EXPECT_LE(steps.size(), most);
      EXPECT_GE(steps.size(), std::min<std::size_t>(most, 30));
    }
  }
}

TEST(TargetWeight, DoesNotStartSlowlyWhereThatIsOff) {
  TargetWeight weight({.weight = 100});
  weight.start_slowly(start);
  EXPECT_EQ(weight.percent(start, true), 100);
  EXPECT_EQ(weight.next_step(start), std::nullopt);
}

TEST(TargetWeight, SlowStartEndsWithHealthAndWhenItIsSwitchedOff) {
  TargetWeight weight = starting(seconds(60));
  weight.stop();
  EXPECT_FALSE(weight.is_starting(start));
  weight = starting(seconds(60));
  EXPECT_FALSE(weight.configure({.weight = 100, .slow_start = seconds(600)}));
  EXPECT_TRUE(weight.is_starting(start + seconds(59)));
  EXPECT_FALSE(weight.is_starting(start + seconds(60))) << "it goes on as it began";
  weight = starting(seconds(60));
  EXPECT_FALSE(weight.configure({.weight = 100}));
  EXPECT_FALSE(weight.is_starting(start));
}

TEST(TargetWeight, IsLessByTheTargetsOwnWord) {
  TargetWeight weight({.weight = 100});
  weight.report(40);
  EXPECT_EQ(weight.percent(start, true), 40);
  weight.report(std::nullopt);
  EXPECT_EQ(weight.percent(start, true), 100);
  weight.report(0);
  EXPECT_EQ(weight.percent(start, true), 0);
  EXPECT_EQ(weight.percent(start, false), 100) << "not where nobody else would be left";
  weight.stop();
  EXPECT_EQ(weight.reported(), std::nullopt) << "an unhealthy target's word is forgotten";
}

TEST(TargetWeight, OfSlowStartAndReportIsTheProductAndNeverNone) {
  TargetWeight weight = starting(seconds(60));
  weight.report(50);
  EXPECT_EQ(weight.percent(start, true), 1);
  EXPECT_NEAR(weight.percent(start + seconds(30), true), 25, 1);
  weight.report(1);
  EXPECT_EQ(weight.percent(start + seconds(30), true), 1);
}

TEST(TargetWeight, ReportsAreRoundedToTensWhereEachMakesATableAnew) {
  TargetWeight weight({.weight = 1, .algorithm = Algorithm::Maglev});
  const std::vector<std::pair<int, int>> cases = {{0, 0}, {1, 10}, {10, 10}, {11, 20}, {100, 100}};
  for (const auto& [said, heard] : cases) {
    weight.report(static_cast<std::uint8_t>(said));
    EXPECT_EQ(weight.reported(), heard);
  }
}

}  // namespace
}  // namespace control
