#include "dataplane/spsc_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace dataplane {
namespace {

std::vector<int> taken_from(SpscRing<int>& ring, std::size_t most) {
  std::vector<int> values;
  const std::size_t count =
      ring.take_each(most, [&](const int& value) { values.push_back(value); });
  EXPECT_EQ(count, values.size());
  return values;
}

TEST(SpscRing, GivesValuesInTheOrderInWhichTheyCame) {
  SpscRing<int> ring(4);
  EXPECT_TRUE(taken_from(ring, 10).empty());
  for (const int value : {1, 2, 3}) EXPECT_TRUE(ring.push(value));
  EXPECT_EQ(taken_from(ring, 2), (std::vector{1, 2}));
  EXPECT_TRUE(ring.push(4));
  EXPECT_EQ(taken_from(ring, 10), (std::vector{3, 4}));
  EXPECT_TRUE(taken_from(ring, 10).empty());
}

TEST(SpscRing, LosesTheNewestWhenItIsFullAndGoesOnWhenThereIsRoom) {
  SpscRing<int> ring(3);
  ASSERT_EQ(ring.capacity(), 4u);
  for (int value = 0; value < 4; ++value) EXPECT_TRUE(ring.push(value));
  EXPECT_FALSE(ring.push(4));
  EXPECT_EQ(ring.place(), nullptr);
  EXPECT_EQ(taken_from(ring, 1), (std::vector{0}));
  EXPECT_TRUE(ring.push(5));
  EXPECT_FALSE(ring.push(6));
  EXPECT_EQ(taken_from(ring, 10), (std::vector{1, 2, 3, 5}));
}

TEST(SpscRing, APlaceThatIsNotHandedOverIsNotSeen) {
  SpscRing<int> ring(2);
  int* place = ring.place();
  ASSERT_NE(place, nullptr);
  *place = 7;
  EXPECT_TRUE(taken_from(ring, 10).empty());
  EXPECT_EQ(ring.place(), place);
  *place = 8;
  ring.push();
  EXPECT_EQ(taken_from(ring, 10), (std::vector{8}));
}

TEST(SpscRing, OneOfNoPlacesTakesNothing) {
  SpscRing<int> ring;
  EXPECT_EQ(ring.capacity(), 0u);
  EXPECT_EQ(SpscRing<int>::bytes_needed(0), 0u);
  EXPECT_FALSE(ring.push(1));
  EXPECT_TRUE(taken_from(ring, 10).empty());
}

TEST(SpscRing, TwoThreadsSeeEveryValueThatWasTakenOnceAndWhole) {
  struct Wide {
    std::uint64_t first, again, inverse;
  };
  constexpr std::uint64_t count = 200'000;
  SpscRing<Wide> ring(64);
  std::atomic<bool> done{false};
  std::uint64_t lost = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < count; ++i) lost += ring.push({i, i, ~i}) ? 0 : 1;
    done = true;
  });
  std::uint64_t seen = 0, next = 0;
  bool whole = true, in_order = true;
  const auto take = [&](const Wide& value) {
    whole = whole && value.first == value.again && value.inverse == ~value.first;
    in_order = in_order && value.first >= next;
    next = value.first + 1;
    ++seen;
  };
  for (bool last = false; !last;) {
    last = done;  // before the ring is looked at: what is written later comes in a further round
    while (ring.take_each(16, take) != 0) {
    }
  }
  writer.join();
  EXPECT_TRUE(whole);
  EXPECT_TRUE(in_order);
  EXPECT_EQ(seen + lost, count);
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace dataplane
