#include "tools/bench/bench.h"

#include <gtest/gtest.h>

#include <new>
#include <set>

#include "tools/bench/cases.h"

namespace tools::bench {
namespace {

Figures one_slice() {
  Figures figures;
  figures.slices.add(1);
  return figures;
}

class BenchTest : public testing::Test {
 protected:
  Bench make(const Wishes& wishes) { return {wishes, clock, progress}; }

  Clock clock;
  Progress progress{false};
};

/// A group of two cases, of which the second does `then`.
Group pair(const std::function<void()>& then) {
  return {.cases = {"a/first", "a/second"},
          .flows = 100,
          .memory = 1'000'000,
          .run = [=](Bench& bench) {
            bench.measure("a/first", one_slice);
            bench.measure("a/second", [&] {
              then();
              return one_slice();
            });
          }};
}

TEST_F(BenchTest, KeepsTheFiguresOfEachCase) {
  Bench bench = make({});
  bench.run({pair([] {})});
  ASSERT_EQ(bench.figures().size(), 2u);
  EXPECT_EQ(bench.figures()[1].name, "a/second");
  EXPECT_TRUE(bench.failed().empty() && bench.skipped().empty());
}

TEST_F(BenchTest, RunsOnlyWhatIsWanted) {
  Bench bench = make({.cases = {"sec"}});
  bool other = false;
  bench.run({pair([] {}), {.cases = {"b"}, .run = [&](Bench&) { other = true; }}});
  ASSERT_EQ(bench.figures().size(), 1u);
  EXPECT_EQ(bench.figures()[0].name, "a/second");
  EXPECT_FALSE(other) << "its group is not even set up";
}

TEST_F(BenchTest, AFailureIsTheCasesOwn) {
  Bench bench = make({});
  bench.run({pair([] { throw CaseFailed("17 DropTtl"); })});
  EXPECT_EQ(bench.figures().size(), 1u);
  ASSERT_EQ(bench.failed().size(), 1u);
  EXPECT_EQ(bench.failed()[0].name, "a/second");
  EXPECT_EQ(bench.failed()[0].why, "17 DropTtl");
}

TEST_F(BenchTest, AFailureWhileSettingUpIsAllCases) {
  Bench bench = make({.cases = {"first", "second"}});
  bench.run({{.cases = {"first", "second", "third"},
              .run = [](Bench&) { throw CaseFailed("refused"); }}});
  EXPECT_EQ(bench.failed().size(), 2u);
}

TEST_F(BenchTest, WhatCannotBeMeasuredHereIsNoFailure) {
  Bench bench = make({});
  bench.run({pair([] { throw CaseImpossible("needs two CPUs"); }),
             {.cases = {"c"}, .run = [](Bench&) { throw std::bad_alloc(); }}});
  EXPECT_TRUE(bench.failed().empty());
  ASSERT_EQ(bench.skipped().size(), 2u);
  EXPECT_EQ(bench.skipped()[0].why, "needs two CPUs");
}

TEST_F(BenchTest, LimitsAreKept) {
  for (const Wishes& wishes : {Wishes{.flows_max = 99}, Wishes{.memory_max = 999'999}}) {
    Bench bench = make(wishes);
    bench.run({pair([] {})});
    EXPECT_TRUE(bench.figures().empty());
    EXPECT_EQ(bench.skipped().size(), 2u);
  }
  Bench bench = make({.flows_max = 100, .memory_max = 1'000'000});
  bench.run({pair([] {})});
  EXPECT_EQ(bench.figures().size(), 2u);
}

TEST_F(BenchTest, NobodysMemoryIsTaken) {
  Bench bench = make({});
  bench.run({{.cases = {"huge"}, .memory = std::size_t{1} << 50, .run = [](Bench&) { FAIL(); }}});
  EXPECT_EQ(bench.skipped().size(), 1u);
}

TEST(AllGroups, NamesAreUniqueAndQuickOnesAreAPart) {
  std::set<std::string> all, quick;
  for (const bool is_quick : {false, true}) {
    for (const Group& group : all_groups(is_quick)) {
      for (const std::string& name : group.cases) {
        EXPECT_TRUE((is_quick ? quick : all).insert(name).second) << name;
      }
    }
  }
  for (const std::string& name : quick) EXPECT_EQ(all.count(name), 1u) << name;
  EXPECT_LT(quick.size(), all.size());
}

}  // namespace
}  // namespace tools::bench
