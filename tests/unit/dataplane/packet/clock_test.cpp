#include "dataplane/packet/clock.h"

#include <gtest/gtest.h>

namespace dataplane {
namespace {

TEST(Tick, CountsMilliseconds) {
  EXPECT_EQ(Tick::of(Instant{1'999'999}), Tick{1});
  EXPECT_EQ(Tick::of(Instant{2'000'000}).since(Tick{0}), 2u);
}

TEST(Tick, DifferencesSurviveTheWrapAfter49Days) {
  const Tick before{0xffff'fff0};
  const Tick after = Tick::of(Instant{(std::uint64_t{0x1'0000'0010}) * 1'000'000});
  EXPECT_EQ(after, Tick{0x10});
  EXPECT_EQ(after.since(before), 0x20u);
}

TEST(Tick, FromTheFutureIsNoTimeAtAll) {
  EXPECT_EQ(Tick{5}.since(Tick{6}), 0u);
  EXPECT_EQ(Tick{0xffff'ffff}.since(Tick{3}), 0u);
  EXPECT_EQ(Tick{5}.since(Tick{5}), 0u);
}

TEST(Instant, Orders) {
  EXPECT_LT(Instant{1}, Instant{2});
  EXPECT_EQ(Instant{7}, Instant{7});
}

}  // namespace
}  // namespace dataplane
