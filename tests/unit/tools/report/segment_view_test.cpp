#include "tools/report/segment_view.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using dataplane::TargetCounters;
using dataplane::TargetId;
using dataplane::Totals;
using dataplane::Verdict;

TEST(SegmentView, TotalsAreSumsOverWorkers) {
  test_support::ScratchSegment segment(3);
  for (std::size_t i = 0; i < 3; ++i) {
    segment.worker(i).totals.received.set(10 * (i + 1));
    segment.worker(i).verdicts[static_cast<std::size_t>(Verdict::DropTtl)].set(i);
  }
  EXPECT_EQ(total(segment.view(), &Totals::received), 60u);
  EXPECT_EQ(total(segment.view(), &Totals::sent), 0u);
  EXPECT_EQ(total(segment.view(), Verdict::DropTtl), 3u);
}

TEST(SegmentView, TheGenerationIsThatOfTheSlowestWorker) {
  test_support::ScratchSegment segment(2);
  segment.worker(0).totals.generation.set(7);
  segment.worker(1).totals.generation.set(5);
  EXPECT_EQ(oldest_generation(segment.view()), 5u);
}

TEST(SegmentView, FiguresOfAnEarlierIncarnationCountAsZero) {
  test_support::ScratchSegment segment(2);
  segment.worker(0).targets[4].incarnation.set(2);
  segment.worker(0).targets[4].new_flows.set(100);
  segment.worker(1).targets[4].incarnation.set(1);  // has not met incarnation 2 yet
  segment.worker(1).targets[4].new_flows.set(77);
  EXPECT_EQ(total(segment.view(), TargetId{4, 2}, &TargetCounters::new_flows), 100u);
  EXPECT_EQ(total(segment.view(), TargetId{4, 1}, &TargetCounters::new_flows), 77u);
  EXPECT_EQ(total(segment.view(), TargetId{4, 3}, &TargetCounters::new_flows), 0u);
}

TEST(SegmentView, ListenersFollowTheSameRule) {
  using dataplane::ListenerCounters;
  test_support::ScratchSegment segment(2);
  segment.worker(0).listeners[9].incarnation.set(3);
  segment.worker(0).listeners[9].active_flows.set(5);
  segment.worker(1).listeners[9].incarnation.set(2);
  segment.worker(1).listeners[9].active_flows.set(50);
  const dataplane::ListenerId id{9};
  EXPECT_EQ(total(segment.view(), id, 3, &ListenerCounters::active_flows), 5u);
  EXPECT_EQ(total(segment.view(), dataplane::no_listener, 3, &ListenerCounters::active_flows), 0u);
}

TEST(SegmentView, NoTargetHasNoFiguresAndNoRecord) {
  test_support::ScratchSegment segment;
  EXPECT_EQ(total(segment.view(), dataplane::no_target, &TargetCounters::new_flows), 0u);
  EXPECT_FALSE(target(segment.view(), dataplane::no_target));
}

TEST(SegmentView, ARecordIsFoundByItsWholeId) {
  test_support::ScratchSegment segment;
  dataplane::TargetRecord record{};
  record.used = true;
  record.id = TargetId{3, 8};
  record.target_group.assign("web");
  segment.control().targets[3].write(record);
  ASSERT_TRUE(target(segment.view(), TargetId{3, 8}));
  EXPECT_EQ(target(segment.view(), TargetId{3, 8})->target_group.view(), "web");
  EXPECT_FALSE(target(segment.view(), TargetId{3, 7}));
  EXPECT_FALSE(target(segment.view(), TargetId{4, 8}));
}

TEST(SegmentView, LivenessNeedsTheLockAndAFreshHeartbeat) {
  test_support::ScratchSegment segment;
  segment.header().heartbeat_unix_milliseconds.set(100'000);
  const auto at = [&](bool held, std::uint64_t now) { return liveness(segment.view(), held, now); };

  EXPECT_TRUE(at(true, 105'000).running);
  EXPECT_FALSE(at(true, 105'000).stale);
  EXPECT_TRUE(at(true, 105'001).running) << "stuck, but there";
  EXPECT_TRUE(at(true, 105'001).stale);
  EXPECT_EQ(at(true, 105'001).silent_milliseconds, 5'001u);
  EXPECT_FALSE(at(false, 100'001).running) << "died a moment ago";
  EXPECT_TRUE(at(false, 100'001).stale);
  EXPECT_FALSE(at(true, 90'000).stale) << "the wall clock was set back";
  EXPECT_EQ(at(true, 90'000).silent_milliseconds, 0u);

  segment.header().stopped.set(1);
  EXPECT_FALSE(at(true, 100'001).running);
  EXPECT_TRUE(at(true, 100'001).stale);
}

}  // namespace
}  // namespace report
