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
  ASSERT_TRUE(query.ask(10, {.target = TargetId{3, 1}}));
  EXPECT_TRUE(query.asked());
  EXPECT_FALSE(query.ask(10, {}));  // the worker is at it
  EXPECT_EQ(query.filter().target, (TargetId{3, 1}));
  EXPECT_EQ(query.cursor(), 0u);
  query.add(record(1));
  query.advance(64);
  EXPECT_EQ(query.cursor(), 64u);
  query.answer();
  EXPECT_FALSE(query.asked());
  ASSERT_TRUE(query.answered());
  ASSERT_EQ(query.records().size(), 1u);
  ASSERT_TRUE(query.ask(5, {}));  // starts anew
  EXPECT_EQ(query.records().size(), 0u);
  EXPECT_EQ(query.cursor(), 0u);
  EXPECT_FALSE(query.answered());
}

TEST(FlowQuery, IsFullAtTheLimit) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(2, {}));
  EXPECT_FALSE(query.full());
  query.add(record(1));
  EXPECT_FALSE(query.full());
  query.add(record(2));
  EXPECT_TRUE(query.full());
  query.answer();
  ASSERT_TRUE(query.ask(0, {}));
  EXPECT_TRUE(query.full());
}

TEST(FlowQueryDeathTest, TheWorkerNeverAllocates) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(1, {}));
  query.add(record(1));
  EXPECT_DEATH(query.add(record(2)), "full");
}

TEST(FlowQuery, LimitIsCutToWhatIsReserved) {
  FlowQuery query;
  ASSERT_TRUE(query.ask(SIZE_MAX, {}));
  const FlowRecord* place = nullptr;
  while (!query.full()) {
    query.add(record(0));
    if (place == nullptr) place = query.records().data();
  }
  EXPECT_EQ(query.records().size(), FlowQuery::records_max);
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
      for (std::uint64_t i = 0; !query.full(); ++i) query.add(record(round * 1'000 + i));
      query.answer();
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
