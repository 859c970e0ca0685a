#include "dataplane/flow_query.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace dataplane {
namespace {

FlowRecord record(std::uint64_t packets) {
  FlowRecord result{};
  result.packets_to_target = packets;
  return result;
}

TEST(FlowQuery, OneQuestionAtATime) {
  FlowQuery query;
  EXPECT_FALSE(query.asked());
  EXPECT_FALSE(query.answered());
  ASSERT_TRUE(query.ask(10, {.listener = ListenerId{3}}));
  EXPECT_TRUE(query.asked());
  EXPECT_FALSE(query.ask(10, {}));  // the worker is at it
  EXPECT_EQ(query.filter().listener, ListenerId{3});
  EXPECT_EQ(query.cursor(), 0u);
  query.add(record(1));
  query.advance(64);
  EXPECT_EQ(query.cursor(), 64u);
  query.answer(false);
  EXPECT_FALSE(query.asked());
  ASSERT_TRUE(query.answered());
  EXPECT_FALSE(query.complete());
  ASSERT_EQ(query.records().size(), 1u);
  ASSERT_TRUE(query.ask(5, {}, query.cursor()));  // goes on
  EXPECT_EQ(query.records().size(), 0u);
  EXPECT_EQ(query.cursor(), 64u);
  EXPECT_FALSE(query.answered());
  query.answer(true);
  EXPECT_TRUE(query.complete());
  ASSERT_TRUE(query.ask(5, {}));  // starts anew
  EXPECT_EQ(query.cursor(), 0u);
}

TEST(FlowQuery, HasRoomUpToTheLimit) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(2, {}));
  EXPECT_TRUE(query.has_room());
  query.add(record(1));
  EXPECT_TRUE(query.has_room());
  query.add(record(2));
  EXPECT_FALSE(query.has_room());
  query.add(record(3));  // of the bucket in which the limit was reached
  EXPECT_EQ(query.records().size(), 3u);
  query.answer(false);
  ASSERT_TRUE(query.ask(0, {}));
  EXPECT_FALSE(query.has_room());
}

TEST(FlowQueryDeathTest, TheWorkerNeverAllocates) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(SIZE_MAX, {}));
  for (std::size_t i = 0; i < FlowQuery::records_max; ++i) query.add(record(i));
  EXPECT_DEATH(query.add(record(0)), "records_max");
}

TEST(FlowQuery, HasRoomForAWholeBucketOfWhatIsReserved) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(SIZE_MAX, {}));
  const FlowRecord* place = nullptr;
  while (query.has_room()) {
    for (unsigned i = 0; i < TagGroup::width; ++i) query.add(record(0));
    if (place == nullptr) place = query.records().data();
  }
  EXPECT_LE(query.records().size(), FlowQuery::records_max);
  EXPECT_GT(query.records().size(), FlowQuery::records_max - TagGroup::width);
  EXPECT_EQ(query.records().data(), place);  // it never moved: nothing was allocated
}

// Control asks and reads, the worker answers: what one wrote the other sees (ThreadSanitizer
// watches).
TEST(FlowQuery, PassesBetweenThreads) {
  FlowQuery query;
  constexpr std::uint64_t rounds = 2'000;
  std::thread worker([&] {
    for (std::uint64_t round = 0; round < rounds;) {
      if (!query.asked()) {
        std::this_thread::yield();
        continue;
      }
      for (std::uint64_t i = 0; query.has_room(); ++i) query.add(record(round * 1'000 + i));
      query.answer(true);
      ++round;
    }
  });
  for (std::uint64_t round = 0; round < rounds; ++round) {
    ASSERT_TRUE(query.ask(1 + round % 10, {}));
    while (!query.answered()) std::this_thread::yield();
    ASSERT_EQ(query.records().size(), 1 + round % 10);
    for (std::uint64_t i = 0; i < query.records().size(); ++i) {
      ASSERT_EQ(query.records()[i].packets_to_target, round * 1'000 + i);
    }
  }
  worker.join();
}

}  // namespace
}  // namespace dataplane
