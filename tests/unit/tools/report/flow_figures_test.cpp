#include "tools/report/flow_figures.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using dataplane::FlowHistograms;
using dataplane::ListenerId;
using dataplane::TargetId;
using test_support::ScratchSegment;

constexpr TargetId target{8'191, 3};
constexpr ListenerId listener{1'023};

TEST(FlowFigures, AreAddedUpOverWorkers) {
  ScratchSegment segment(2);
  for (std::size_t worker = 0; worker < 2; ++worker) {
    for (int i = 0; i < 50; ++i) {
      segment.histograms(worker, target).connect.add(worker == 0 ? 1'000'000 : 20'000'000);
    }
    segment.histograms(worker, listener, 1).bytes.add(10'000);
  }
  const auto sum = histogram(segment.view(), target, &FlowHistograms::connect);
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->count(), 100u);
  EXPECT_NEAR(static_cast<double>(sum->percentile(500)), 1e6, 16'000);
  EXPECT_NEAR(static_cast<double>(sum->percentile(510)), 20e6, 320'000);
  const auto bytes = histogram(segment.view(), listener, 1, &FlowHistograms::bytes);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->sum(), 20'000u);
}

TEST(FlowFigures, BelongToOneIncarnation) {
  ScratchSegment segment;
  segment.histograms(0, target).connect.add(1'000);
  segment.histograms(0, listener, 1).connect.add(1'000);
  EXPECT_FALSE(histogram(segment.view(), TargetId{8'191, 2}, &FlowHistograms::connect));
  EXPECT_FALSE(histogram(segment.view(), TargetId{7, 3}, &FlowHistograms::connect));
  EXPECT_FALSE(histogram(segment.view(), TargetId{}, &FlowHistograms::connect));
  EXPECT_FALSE(histogram(segment.view(), listener, 0, &FlowHistograms::connect));
  EXPECT_FALSE(histogram(segment.view(), ListenerId{}, 1, &FlowHistograms::connect));
}

TEST(FlowFigures, SayWhatTheyMeanInTheUnitOfTheirName) {
  ScratchSegment segment;
  segment.histograms(0, target).connect.add(1'000'000);
  segment.histograms(0, target).duration.add(2'000'000);
  const Json document = flow_figures_document(segment.view(), target);
  EXPECT_EQ(document["connect_seconds"]["count"], 1);
  EXPECT_NEAR(document["connect_seconds"]["p50"].get<double>(), 0.001, 0.00002);
  EXPECT_NEAR(document["connect_seconds"]["p99_9"].get<double>(), 0.001, 0.00002);
  EXPECT_NEAR(document["connect_seconds"]["max"].get<double>(), 0.001, 1e-9);
  EXPECT_NEAR(document["duration_seconds"]["mean"].get<double>(), 2, 1e-9);
  EXPECT_EQ(document["response_seconds"],
            Json::parse(R"({"count": 0, "mean": null, "p50": null, "p75": null, "p90": null,
                            "p95": null, "p99": null, "p99_9": null, "max": null})"));
  EXPECT_EQ(flow_figures_document(segment.view(), TargetId{1, 1}), nullptr);
}

}  // namespace
}  // namespace report
