#include "tools/report/flow_log.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using test_support::ScratchSegment;

dataplane::FlowLogRecord to_file() {
  dataplane::FlowLogRecord record{};
  record.used = true;
  record.open = true;
  record.sample_millionths = 250'000;
  record.written = 1'000;
  record.written_bytes = 400'000;
  record.dropped_slow = 3;
  record.dropped_unavailable = 4;
  record.waiting = 17;
  record.opened = 2;
  record.destination.assign("/var/log/spillway/flows");
  return record;
}

TEST(FlowLogDocument, IsNullBeforeThereWasOne) {
  ScratchSegment segment(2);
  EXPECT_TRUE(flow_log_document(segment.view()).is_null());
}

TEST(FlowLogDocument, SaysWhereLinesGoAndWhatWasLost) {
  ScratchSegment segment(2);
  segment.control().flow_log.write(to_file());
  segment.worker(0).totals.flow_log_dropped.set(5);
  segment.worker(1).totals.flow_log_dropped.set(6);
  EXPECT_EQ(flow_log_document(segment.view()), Json::parse(R"({
    "enabled": true, "kind": "file", "destination": "/var/log/spillway/flows", "sample": 0.25,
    "open": true, "problem": "", "problem_since": null, "written": 1000, "written_bytes": 400000,
    "dropped": {"ring": 11, "slow": 3, "unavailable": 4}, "waiting": 17, "opened": 2})"));
}

TEST(FlowLogDocument, SaysWhatIsWrongAndSinceWhen) {
  ScratchSegment segment;
  dataplane::FlowLogRecord record = to_file();
  record.socket = true;
  record.open = false;
  record.problem.assign("nobody reads it");
  record.problem_since_unix_milliseconds = 1'767'323'045'000;
  segment.control().flow_log.write(record);
  const Json document = flow_log_document(segment.view());
  EXPECT_EQ(document["kind"], "socket");
  EXPECT_EQ(document["open"], false);
  EXPECT_EQ(document["problem"], "nobody reads it");
  EXPECT_EQ(document["problem_since"], "2026-01-02T03:04:05.000Z");
}

TEST(FlowLogDocument, StaysWithItsFiguresWhenItIsSwitchedOff) {
  ScratchSegment segment(2);
  segment.worker(1).totals.flows_logged.set(9);
  dataplane::FlowLogRecord record{};
  record.written = 9;
  segment.control().flow_log.write(record);
  const Json document = flow_log_document(segment.view());
  ASSERT_FALSE(document.is_null());
  EXPECT_EQ(document["enabled"], false);
  EXPECT_EQ(document["written"], 9);
}

TEST(FlowLogDocument, IsAPartOfStatus) {
  ScratchSegment segment;
  segment.control().flow_log.write(to_file());
  const Json status = status_document(segment.view(), {true, false, 0}, 0);
  EXPECT_EQ(status["flow_log"]["waiting"], 17) << "status has it";
}

}  // namespace
}  // namespace report
