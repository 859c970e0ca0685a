#include "tools/spillwayctl/sample.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace tools {
namespace {

using test_support::ScratchSegment;

/// A listener over two groups, of which the second one's queue is full.
class Stats : public testing::Test {
 protected:
  Stats() {
    segment_.set_instance("edge-1");
    for (const std::size_t slot : {0U, 1U}) {
      dataplane::TargetGroupRecord group{};
      group.used = true;
      group.incarnation = 1;
      group.name.assign(slot == 0 ? "blue" : "green");
      group.surge_length = slot == 0 ? 0 : 100;
      group.max_connections = slot == 0 ? 0 : 10;
      segment_.control().target_groups[slot].write(group);
      for (std::size_t worker : {0U, 1U}) {
        segment_.worker(worker).groups[slot].incarnation.set(1);
      }
    }
    dataplane::ListenerRecord listener{};
    listener.used = true;
    listener.name.assign("web");
    listener.address.assign("203.0.113.10");
    listener.protocol = 6;
    listener.group_count = 2;
    listener.groups[0].name.assign("blue");
    listener.groups[1].name.assign("green");
    segment_.control().listeners[0].write(listener);
  }

  [[nodiscard]] Sample sample(std::uint64_t now) const {
    return take_sample(segment_.view(), {.running = true, .stale = false}, now);
  }
  dataplane::TargetGroupCounters& green(std::size_t worker) {
    return segment_.worker(worker).groups[1];
  }

  ScratchSegment segment_{2};
};

TEST_F(Stats, WhoWaitsDoesSoForAGroupAndIsShownAtItsListeners) {
  green(0).surge_queue_length.set(60);
  green(1).surge_queue_length.set(40);
  green(0).spillover.set(90);
  const Sample earlier = sample(1'000);
  green(1).spillover.set(30);
  segment_.worker(0).listeners[0].spilled_flows.set(30);
  const Json stats = stats_document(earlier, sample(3'000), {}, {});

  const Json& listener = stats["listeners"][0];
  EXPECT_EQ(listener["surge_queue_length"], 100);
  EXPECT_EQ(listener["spilled_flows"], 30);
  EXPECT_EQ(listener["spilled_flows_per_second"], 15.0);
  const Json& group = stats["target_groups"][1];
  EXPECT_EQ(group["name"], "green");
  EXPECT_EQ(group["surge_queue_length"], 100);
  EXPECT_EQ(group["surge_queue_capacity"], 100);
  EXPECT_EQ(group["max_connections"], 10);
  EXPECT_EQ(group["spillover_count"], 120);
  EXPECT_EQ(group["spillover_count_per_second"], 15.0);
  EXPECT_TRUE(stats["target_groups"][0]["surge_queue_capacity"].is_null());
}

TEST_F(Stats, WithoutAnEarlierSampleThereAreNoRates) {
  const Sample now = sample(1'000);
  const Json stats = stats_document(now, now, {}, {});
  EXPECT_TRUE(stats["target_groups"][1]["spillover_count_per_second"].is_null());
  EXPECT_TRUE(stats["listeners"][0]["spilled_flows_per_second"].is_null());
  EXPECT_EQ(stats["target_groups"][1]["surge_queue_length"], 0);
}

TEST_F(Stats, PercentilesOfTheWaitAreOfWhatCameSince) {
  auto& histograms = segment_.histograms(0, dataplane::ListenerId{0}, 0);
  histograms.queue.add(9'000'000'000);
  const Latencies before = latencies(segment_.view());
  for (int i = 0; i < 100; ++i) histograms.queue.add(250'000'000);
  const Sample now = sample(1'000);
  const Json stats = stats_document(now, now, before, latencies(segment_.view()));
  const Json& queue = stats["listeners"][0]["queue"];
  EXPECT_EQ(queue["count"], 100);
  EXPECT_NEAR(queue["p99_seconds"].get<double>(), 0.25, 0.25 * 0.016);
  EXPECT_EQ(stats["listeners"][0]["connect"]["count"], 0);
}

}  // namespace
}  // namespace tools
