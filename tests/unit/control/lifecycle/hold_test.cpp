#include "control/lifecycle/hold.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace control {
namespace {

using std::chrono::seconds;

TEST(Hold, BeginsAtOnceAndEndsAfterItsRest) {
  Hold hold;
  const Hold::Time start{};
  hold.judge(false, true, seconds(5), start);
  EXPECT_FALSE(hold.active());
  hold.judge(true, false, seconds(5), start);
  EXPECT_TRUE(hold.active());
  EXPECT_FALSE(hold.deadline());
  hold.judge(false, true, seconds(5), start + seconds(1));
  EXPECT_EQ(hold.deadline(), start + seconds(6));
  hold.judge(false, true, seconds(5), start + seconds(5));
  EXPECT_TRUE(hold.active());
  hold.judge(false, true, seconds(5), start + seconds(6));
  EXPECT_FALSE(hold.active());
  EXPECT_FALSE(hold.deadline());
}

TEST(Hold, APauseStartsTheRestAnew) {
  Hold hold;
  const Hold::Time start{};
  hold.judge(true, false, seconds(5), start);
  hold.judge(false, true, seconds(5), start);
  hold.judge(false, false, seconds(5), start + seconds(4));  // neither well nor bad
  EXPECT_FALSE(hold.deadline());
  hold.judge(false, true, seconds(5), start + seconds(5));
  hold.judge(false, true, seconds(5), start + seconds(9));
  EXPECT_TRUE(hold.active());
  hold.judge(false, true, seconds(0), start + seconds(9));  // a reload made it shorter
  EXPECT_FALSE(hold.active());
}

/// It is on at a moment if it had a reason at some moment, and has not been over, without pause,
/// for so long since.
TEST(Hold, IsThatOfThePlainModel) {
  std::mt19937 random(7);
  const auto below = [&](int end) {
    return std::uniform_int_distribution<int>(0, end - 1)(random);
  };
  int ended = 0;
  for (int round = 0; round < 300; ++round) {
    Hold hold;
    std::vector<char> said;  // one a second: r, o, n
    bool on = false;
    std::size_t on_since = 0;
    const int rest = below(6);
    for (std::size_t t = 0; t < 60; ++t) {
      const char now = "rroooooooon"[below(11)];
      said.push_back(now);
      hold.judge(now == 'r', now == 'o', seconds(rest), Hold::Time(seconds(t)));
      if (!on) {
        if (now == 'r') on = true, on_since = t;
      } else {
        std::size_t run = 0;
        while (run < t - on_since && said[t - run] == 'o') ++run;
        if (run > static_cast<std::size_t>(rest)) on = false, ++ended;
      }
      ASSERT_EQ(hold.active(), on) << "round " << round << " at " << t;
    }
  }
  EXPECT_GT(ended, 100);
}

}  // namespace
}  // namespace control
