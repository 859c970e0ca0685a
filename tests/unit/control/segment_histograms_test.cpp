// Memory for histograms: there for those who are, and for nobody else.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "control/segment.h"
#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/flow_figures.h"
#include "tools/report/place.h"
#include "tools/report/segment_reader.h"

namespace control {
namespace {

using dataplane::FlowHistograms;
using dataplane::ListenerId;
using dataplane::Snapshot;
using dataplane::TargetId;
using dataplane::WorkerId;

class SegmentHistogramsTest : public testing::Test {
 protected:
  ~SegmentHistogramsTest() override { shm_unlink(report::segment_name(name_).c_str()); }

  [[nodiscard]] static dataplane::InstanceRecord instance(const std::string& name) {
    dataplane::InstanceRecord record{};
    record.instance.assign(name);
    return record;
  }
  /// What the file takes of memory, in whole places.
  [[nodiscard]] std::size_t places() const {
    struct stat status {};
    EXPECT_EQ(stat(report::segment_file(name_).c_str(), &status), 0);
    const auto bytes = static_cast<std::size_t>(status.st_blocks) * 512;
    return (bytes - dataplane::histogram_blocks_offset(workers)) / sizeof(FlowHistograms);
  }
  [[nodiscard]] static Snapshot with_target(TargetId id) {
    Snapshot snapshot;
    snapshot.targets.resize(id.slot + std::size_t{1});
    snapshot.targets[id.slot].id = id;
    return snapshot;
  }
  [[nodiscard]] std::uint64_t connects(TargetId id) const {
    const auto sum = report::histogram(segment.view(), id, &FlowHistograms::connect);
    return sum ? sum->count() : 99;
  }
  void connect(TargetId id) {
    segment.measures(WorkerId{1}).add(id, ListenerId{}, &FlowHistograms::connect, 1'000'000);
  }

  static constexpr std::size_t workers = 2;
  const std::string name_ = test_support::fresh_instance_name();
  Segment segment{instance(name_), workers, 1'000};
};

TEST_F(SegmentHistogramsTest, TakeNoMemoryBeforeThereIsATarget) {
  EXPECT_EQ(places(), 0u);
  connect({8'191, 1});  // has no place: neither counted nor a page of memory
  EXPECT_EQ(places(), 0u);
  EXPECT_EQ(segment.place_histograms(with_target({8'191, 1})), 0u);
  EXPECT_EQ(places(), workers);
  connect({8'191, 1});
  EXPECT_EQ(places(), workers);
  EXPECT_EQ(connects({8'191, 1}), 1u);
}

TEST_F(SegmentHistogramsTest, StayAcrossGenerationsAndGoWithTheTarget) {
  static_cast<void>(segment.place_histograms(with_target({5, 1})));
  connect({5, 1});
  static_cast<void>(segment.place_histograms(with_target({5, 1})));
  EXPECT_EQ(connects({5, 1}), 1u);
  const Snapshot nobody;
  static_cast<void>(segment.place_histograms(nobody));
  EXPECT_EQ(connects({5, 1}), 99u);
  EXPECT_EQ(places(), 0u);
}

TEST_F(SegmentHistogramsTest, OfAnotherTargetInTheSlotBeginAnew) {
  static_cast<void>(segment.place_histograms(with_target({5, 1})));
  connect({5, 1});
  static_cast<void>(segment.place_histograms(with_target({5, 2})));
  EXPECT_EQ(connects({5, 1}), 99u);
  EXPECT_EQ(connects({5, 2}), 0u);
  connect({5, 1});  // a worker's that is behind
  EXPECT_EQ(connects({5, 2}), 0u);
}

TEST_F(SegmentHistogramsTest, ListenersHaveTheirs) {
  Snapshot snapshot;
  snapshot.listeners.resize(4);
  snapshot.listeners[3].id = ListenerId{3};
  snapshot.listeners[3].incarnation = 7;
  EXPECT_EQ(segment.place_histograms(snapshot), 0u);
  segment.measures(WorkerId{0}).add(TargetId{}, ListenerId{3}, &FlowHistograms::bytes, 1'500);
  const auto sum = report::histogram(segment.view(), ListenerId{3}, 7, &FlowHistograms::bytes);
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->sum(), 1'500u);
}

TEST_F(SegmentHistogramsTest, AreReadByOthers) {
  static_cast<void>(segment.place_histograms(with_target({5, 1})));
  connect({5, 1});
  const auto opened = report::SegmentReader::open(name_);
  const auto& reader = std::get<report::SegmentReader>(opened);
  const auto sum = report::histogram(reader.view(), {5, 1}, &FlowHistograms::connect);
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->count(), 1u);
}

}  // namespace
}  // namespace control
