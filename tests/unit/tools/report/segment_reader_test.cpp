#include "tools/report/segment_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/place.h"

namespace report {
namespace {

using test_support::fresh_instance_name;
using test_support::ScratchSegment;

SegmentReader opened(const std::string& instance) {
  auto result = SegmentReader::open(instance);
  if (const auto* error = std::get_if<ReadError>(&result)) {
    throw std::runtime_error("cannot open: " + error->message);
  }
  return std::move(std::get<SegmentReader>(result));
}

ReadError refusal(const std::string& instance) {
  auto result = SegmentReader::open(instance);
  const auto* error = std::get_if<ReadError>(&result);
  if (error == nullptr) throw std::runtime_error("it was opened");
  return *error;
}

bool says(const ReadError& error, const std::string& words) {
  return error.message.find(words) != std::string::npos;
}

TEST(SegmentReader, SeesWhatWasWritten) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment(2);
  segment.set_instance(name);
  segment.worker(1).totals.sent.set(42);
  segment.publish(name);
  const SegmentReader reader = opened(name);
  EXPECT_EQ(reader.instance(), name);
  EXPECT_EQ(reader.view().workers.size(), 2u);
  EXPECT_EQ(total(reader.view(), &dataplane::Totals::sent), 42u);
  EXPECT_EQ(reader.view().control->instance.read()->instance.view(), name);
}

TEST(SegmentReader, SaysThatNothingRuns) {
  const ReadError error = refusal(fresh_instance_name());
  EXPECT_EQ(error.kind, ReadError::Kind::NotRunning);
  EXPECT_TRUE(says(error, "is not running")) << error.message;
  EXPECT_TRUE(says(error, "--instance")) << error.message;
}

TEST(SegmentReader, RefusesNamesThatNoInstanceCanHave) {
  EXPECT_TRUE(says(refusal("../../etc/passwd"), "cannot be an instance's name"));
}

TEST(SegmentReader, RefusesAnotherLayout) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.header().version = dataplane::layout_version + 1;
  segment.publish(name);
  const ReadError error = refusal(name);
  EXPECT_EQ(error.kind, ReadError::Kind::OtherLayout);
  EXPECT_TRUE(says(error, "layout 6 and this program reads layout 5")) << error.message;
}

TEST(SegmentReader, RefusesAnotherLayoutEvenIfItIsSmaller) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.header().version = dataplane::layout_version + 1;
  segment.publish(name, false, 8192);
  EXPECT_EQ(refusal(name).kind, ReadError::Kind::OtherLayout);
}

TEST(SegmentReader, RefusesWhatIsNoSegment) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.header().magic.store(0x1234, std::memory_order_release);
  segment.publish(name);
  EXPECT_EQ(refusal(name).kind, ReadError::Kind::NotASegment);
}

TEST(SegmentReader, SaysThatTheDaemonIsJustStarting) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.header().magic.store(0, std::memory_order_release);
  segment.publish(name);
  EXPECT_EQ(refusal(name).kind, ReadError::Kind::NotRunning);
  EXPECT_TRUE(says(refusal(name), "just starting"));
}

TEST(SegmentReader, RefusesEveryTruncation) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment(2);
  const std::size_t whole = dataplane::segment_size(2);
  for (const std::size_t size :
       {std::size_t{1}, sizeof(dataplane::SegmentHeader) - 1, sizeof(dataplane::SegmentHeader),
        dataplane::control_block_offset, dataplane::segment_size(1), whole - 1}) {
    segment.publish(name, false, size);
    EXPECT_EQ(refusal(name).kind, ReadError::Kind::Truncated) << size;
  }
  segment.publish(name, false, whole);
  EXPECT_EQ(opened(name).view().workers.size(), 2u);
}

TEST(SegmentReader, RefusesAHeaderThatContradictsItself) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment(1);
  for (const std::uint32_t workers : {0u, 2u, 65u, 0xffff'ffffu}) {
    segment.header().workers = workers;
    segment.publish(name);
    EXPECT_EQ(refusal(name).kind, ReadError::Kind::Truncated) << workers;
  }
}

TEST(SegmentReader, SaysWhatPermissionIsMissing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.publish(name);
  ASSERT_EQ(chmod(segment_file(name).c_str(), 0600), 0);  // our groups would do for 0640
  ASSERT_EQ(seteuid(65534), 0);
  const ReadError error = refusal(name);
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(error.kind, ReadError::Kind::Refused);
  EXPECT_TRUE(says(error, "no permission to read /dev/shm/spillway-" + name)) << error.message;
}

TEST(SegmentReader, TheLockTellsLifeFromDeath) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.header().heartbeat_unix_milliseconds.set(1'000);
  segment.publish(name, true);
  const SegmentReader reader = opened(name);
  EXPECT_TRUE(reader.liveness(2'000).running);
  EXPECT_FALSE(reader.liveness(2'000).stale);
  segment.let_go();
  EXPECT_FALSE(reader.liveness(2'000).running);
  EXPECT_TRUE(reader.liveness(2'000).stale);
}

TEST(SegmentReader, FollowsToTheSegmentOfANewDaemon) {
  const std::string name = fresh_instance_name();
  ScratchSegment first;
  first.worker(0).totals.sent.set(1);
  first.publish(name);
  SegmentReader reader = opened(name);
  EXPECT_FALSE(reader.follow()) << "it is still the same";

  ScratchSegment second(2);
  second.worker(0).totals.sent.set(2);
  second.publish(name);
  EXPECT_EQ(total(reader.view(), &dataplane::Totals::sent), 1u) << "the old mapping stays";
  EXPECT_TRUE(reader.follow());
  EXPECT_EQ(total(reader.view(), &dataplane::Totals::sent), 2u);
  EXPECT_EQ(reader.view().workers.size(), 2u);
  EXPECT_FALSE(reader.follow());
}

TEST(SegmentReader, StaysWithTheOldSegmentUntilTheNewOneIsComplete) {
  const std::string name = fresh_instance_name();
  ScratchSegment segment;
  segment.worker(0).totals.sent.set(1);
  segment.publish(name);
  SegmentReader reader = opened(name);
  ScratchSegment starting;
  starting.header().magic.store(0, std::memory_order_release);
  starting.publish(name);
  EXPECT_FALSE(reader.follow());
  EXPECT_EQ(total(reader.view(), &dataplane::Totals::sent), 1u);
}

}  // namespace
}  // namespace report
