#include "control/health/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace control {
namespace {

using dataplane::TargetId;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = Schedule::Time;

TargetId scheduled(std::size_t number) { return {static_cast<std::uint16_t>(number), 0}; }

/// Every probe up to `end`, as a loop that wakes exactly when it should would start them.
std::map<TargetId, std::vector<Time>> play(Schedule& schedule, Time end) {
  std::map<TargetId, std::vector<Time>> probes;
  while (schedule.next() && *schedule.next() < end) {
    const Time now = *schedule.next();
    for (const TargetId one : schedule.take_due(now)) probes[one].push_back(now);
  }
  return probes;
}

TEST(Schedule, NewTargetsAreProbedWithinASecond) {
  Schedule schedule;
  const Time start{seconds(1000)};
  for (std::size_t i = 0; i < 1000; ++i) schedule.add(scheduled(i), seconds(30), start);
  const auto probes = play(schedule, start + seconds(1));
  EXPECT_EQ(probes.size(), 1000u);
  std::array<int, 10> tenths{};
  for (const auto& [id, times] : probes) {
    ASSERT_EQ(times.size(), 1u);
    ++tenths.at(static_cast<std::size_t>((times[0] - start) / milliseconds(100)));
  }
  for (const int count : tenths) EXPECT_NEAR(count, 100, 5);
}

TEST(Schedule, AShortIntervalIsAlsoTheWindowOfTheFirstProbe) {
  Schedule schedule;
  const Time start{};
  for (std::size_t i = 0; i < 50; ++i) schedule.add(scheduled(i), milliseconds(100), start);
  EXPECT_EQ(play(schedule, start + milliseconds(100)).size(), 50u);
}

TEST(Schedule, ProbesAreSpreadOverTheWholeInterval) {
  Schedule schedule;
  const Time start{};
  for (std::size_t i = 0; i < 1000; ++i) schedule.add(scheduled(i), seconds(30), start);
  play(schedule, start + seconds(31));  // first and second probes
  std::array<int, 30> by_second{};
  const Time from = start + seconds(31);
  for (const auto& [id, times] : play(schedule, from + seconds(30))) {
    ASSERT_EQ(times.size(), 1u);
    ++by_second.at(static_cast<std::size_t>((times[0] - from) / seconds(1)));
  }
  for (const int count : by_second) EXPECT_NEAR(count, 1000 / 30, 4);
}

TEST(Schedule, EveryTargetKeepsItsPace) {
  Schedule schedule;
  const Time start{};
  for (std::size_t i = 0; i < 100; ++i) schedule.add(scheduled(i), seconds(5), start);
  for (const auto& [id, times] : play(schedule, start + seconds(3600))) {
    ASSERT_GE(times.size(), 719u);
    EXPECT_LE(times[1] - times[0], seconds(5)) << "the second must not be later than the interval";
    EXPECT_GE(times[1] - times[0], seconds(1));
    for (std::size_t i = 2; i < times.size(); ++i) {
      ASSERT_EQ(times[i] - times[i - 1], seconds(5)) << "scheduled " << id.slot << " probe " << i;
    }
  }
}

TEST(Schedule, ALateLoopSkipsWhatItMissedAndKeepsThePlace) {
  Schedule schedule;
  const Time start{};
  schedule.add(scheduled(1), seconds(5), start);
  play(schedule, start + seconds(20));
  const Time next = *schedule.next();
  EXPECT_EQ(schedule.take_due(next + seconds(12)).size(), 1u) << "one, not one for each missed";
  EXPECT_EQ(*schedule.next(), next + seconds(15));
  EXPECT_TRUE(schedule.take_due(next + milliseconds(14'999)).empty());
  EXPECT_EQ(schedule.take_due(next + seconds(15)).size(), 1u);
  EXPECT_EQ(*schedule.next(), next + seconds(20)) << "due exactly now is not due again";
}

TEST(Schedule, TakesInOrderAndForgetsWhatIsRemoved) {
  Schedule schedule;
  EXPECT_EQ(schedule.next(), std::nullopt);
  for (std::size_t i = 0; i < 10; ++i) schedule.add(scheduled(i), seconds(10), Time{});
  for (std::size_t i = 0; i < 10; i += 2) schedule.remove(scheduled(i));
  schedule.remove(scheduled(77));
  EXPECT_EQ(schedule.size(), 5u);
  const auto due = schedule.take_due(Time{seconds(1)});
  ASSERT_EQ(due.size(), 5u);
  for (const TargetId one : due) EXPECT_EQ(one.slot % 2, 1);
  for (std::size_t i = 1; i < 10; i += 2) schedule.remove(scheduled(i));
  EXPECT_EQ(schedule.next(), std::nullopt);
  EXPECT_TRUE(schedule.take_due(Time{seconds(100)}).empty());
}

TEST(Schedule, AddingAgainStartsOver) {
  Schedule schedule;
  schedule.add(scheduled(1), seconds(300), Time{});
  play(schedule, Time{seconds(2)});
  EXPECT_GT(*schedule.next(), Time{seconds(1)});
  schedule.add(scheduled(1), milliseconds(500), Time{seconds(2)});
  EXPECT_EQ(schedule.size(), 1u);
  EXPECT_LT(*schedule.next(), Time{milliseconds(2500)});
  EXPECT_GE(play(schedule, Time{seconds(12)})[scheduled(1)].size(), 19u);
}

}  // namespace
}  // namespace control
