#include "control/segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "tests/support/cpp/scratch_segment.h"
#include "tools/report/documents.h"
#include "tools/report/place.h"
#include "tools/report/segment_reader.h"

namespace control {
namespace {

using dataplane::TargetId;
using dataplane::WorkerId;
using report::SegmentReader;

class SegmentTest : public testing::Test {
 protected:
  ~SegmentTest() override { shm_unlink(report::segment_name(name_).c_str()); }

  [[nodiscard]] dataplane::InstanceRecord instance() const {
    dataplane::InstanceRecord record{};
    record.instance.assign(name_);
    record.version.assign("1.2.3");
    return record;
  }
  [[nodiscard]] Segment start(std::size_t workers = 1) const {
    return Segment(instance(), workers, 1'000);
  }
  [[nodiscard]] SegmentReader reader() const {
    return std::move(std::get<SegmentReader>(SegmentReader::open(name_)));
  }
  /// What the operator reads when it cannot start; "" if it can.
  [[nodiscard]] std::string refusal() const {
    try {
      const Segment segment = start();
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  const std::string name_ = test_support::fresh_instance_name();
};

TEST_F(SegmentTest, IsReadableAsSoonAsItIsThere) {
  const Segment segment = start(3);
  const SegmentReader opened = reader();
  EXPECT_EQ(opened.view().header->pid, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(opened.view().workers.size(), 3u);
  EXPECT_EQ(opened.view().control->instance.read()->version.view(), "1.2.3");
  EXPECT_TRUE(opened.liveness(1'000).running);
  EXPECT_FALSE(opened.liveness(1'000).stale);
  EXPECT_EQ(report::total(opened.view(), &dataplane::Totals::received), 0u);
}

TEST_F(SegmentTest, IsForItsUserAndGroupOnly) {
  const mode_t before = umask(0);  // neither widened nor narrowed by the environment
  const Segment segment = start();
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(report::segment_file(name_).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
  EXPECT_EQ(static_cast<std::size_t>(status.st_size), dataplane::segment_size(1));
}

TEST_F(SegmentTest, IsNarrowEvenIfTheUmaskIsNarrower) {
  const mode_t before = umask(0077);
  const Segment segment = start();
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(report::segment_file(name_).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST_F(SegmentTest, ReadersSeeWhatWorkersAndControlWrite) {
  Segment segment = start(2);
  segment.worker(WorkerId{1}).totals.received.add(7);
  segment.worker(WorkerId{1}).targets[5].new_flows.add(2);
  const SegmentReader opened = reader();
  EXPECT_EQ(report::total(opened.view(), &dataplane::Totals::received), 7u);
  EXPECT_EQ(report::total(opened.view(), TargetId{5, 0}, &dataplane::TargetCounters::new_flows),
            2u);
  segment.beat(9'000);
  EXPECT_FALSE(opened.liveness(14'000).stale);
  EXPECT_TRUE(opened.liveness(14'001).stale);
  auto record = instance();
  record.generation = 12;
  segment.write(record);
  EXPECT_EQ(opened.view().control->instance.read()->generation, 12u);
}

TEST_F(SegmentTest, SecurityGroupsThatAreNotListedBecomeUnused) {
  Segment segment = start();
  dataplane::SecurityGroupRecord group{};
  group.used = true;
  group.name.assign("closed");
  segment.write_security_groups(std::vector{group, group});
  const auto used = [&](std::size_t slot) {
    return reader().view().control->security_groups[slot].read()->used;
  };
  EXPECT_TRUE(used(0));
  EXPECT_TRUE(used(1));
  segment.write_security_groups(std::vector{group});
  EXPECT_TRUE(used(0));
  EXPECT_FALSE(used(1));
}

TEST_F(SegmentTest, GroupsAndZonesThatAreNotListedBecomeUnused) {
  Segment segment = start();
  TargetGroupEntry web{dataplane::TargetGroupId{7}, {}};
  web.record.used = true;
  web.record.name.assign("web");
  dataplane::ZoneRecord zone{};
  zone.used = true;
  zone.name.assign("a");
  segment.write_target_groups(std::vector{web});
  segment.write_zones(std::vector{zone});
  const SegmentReader opened = reader();
  EXPECT_EQ(opened.view().control->target_groups[7].read()->name.view(), "web");
  EXPECT_EQ(opened.view().control->zones[0].read()->name.view(), "a");
  segment.write_target_groups({});
  segment.write_zones({});
  EXPECT_FALSE(opened.view().control->target_groups[7].read()->used);
  EXPECT_FALSE(opened.view().control->zones[0].read()->used);
}

// Targets remember for a minute which local ports a connection came from.
TEST_F(SegmentTest, LocalPortsGoOnWhereTheFurthestWorkerStood) {
  {
    Segment first = start(3);
    EXPECT_EQ(first.worker(WorkerId{0}).totals.local_port_turn.read(), 0u);
    first.worker(WorkerId{0}).totals.local_port_turn.set(100);
    first.worker(WorkerId{1}).totals.local_port_turn.set(4711);
    first.worker(WorkerId{1}).totals.received.set(5);
  }
  {
    Segment second = start(2);
    for (const std::uint8_t i : {std::uint8_t{0}, std::uint8_t{1}}) {
      EXPECT_EQ(second.worker(WorkerId{i}).totals.local_port_turn.read(), 4711u);
      EXPECT_EQ(second.worker(WorkerId{i}).totals.received.read(), 0u) << "nothing else is kept";
    }
  }
  Segment third = start(4);
  EXPECT_EQ(third.worker(WorkerId{3}).totals.local_port_turn.read(), 4711u);
}

TEST_F(SegmentTest, ALeftoverThatIsNoSegmentTellsNothing) {
  const std::string name = report::segment_name(name_);
  for (const bool whole : {false, true}) {
    const int file = shm_open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    ASSERT_GE(file, 0);
    // Other bytes; or the right ones in front, and then too few.
    std::vector<std::uint64_t> bytes(512, 0x4141'4141'4141'4141u);
    dataplane::SegmentHeader header{};
    header.magic.store(dataplane::segment_magic, std::memory_order_relaxed);
    header.version = dataplane::layout_version;
    header.workers = 2;
    if (whole) std::memcpy(bytes.data(), static_cast<void*>(&header), sizeof header);
    ASSERT_EQ(write(file, bytes.data(), 4096), 4096);
    close(file);
    Segment segment = start();
    EXPECT_EQ(segment.worker(WorkerId{0}).totals.local_port_turn.read(), 0u);
  }
}

TEST_F(SegmentTest, TablesAreReplacedAsAWhole) {
  Segment segment = start();
  const SegmentReader opened = reader();
  const auto& control = *opened.view().control;

  dataplane::TargetRecord first{}, second{};
  first.used = second.used = true;
  first.id = TargetId{1, 0};
  second.id = TargetId{8191, 4};
  segment.write_targets(std::vector{first, second});
  EXPECT_TRUE(control.targets[1].read()->used);
  EXPECT_TRUE(report::target(opened.view(), second.id));
  segment.write_targets(std::vector{second});
  EXPECT_FALSE(control.targets[1].read()->used);
  EXPECT_TRUE(report::target(opened.view(), second.id));
  first.port = 81;
  segment.write_target(first);
  EXPECT_EQ(control.targets[1].read()->port, 81);
  EXPECT_TRUE(report::target(opened.view(), second.id));

  ListenerEntry listener{dataplane::ListenerId{1023}, {}};
  listener.record.used = true;
  segment.write_listeners(std::vector{listener});
  EXPECT_TRUE(control.listeners[1023].read()->used);
  segment.write_listeners({});
  EXPECT_FALSE(control.listeners[1023].read()->used);

  dataplane::PortRecord port{};
  port.used = true;
  segment.write_ports(std::vector{port, port});
  EXPECT_TRUE(control.ports[1].read()->used);
  segment.write_ports(std::vector{port});
  EXPECT_TRUE(control.ports[0].read()->used);
  EXPECT_FALSE(control.ports[1].read()->used);
}

TEST_F(SegmentTest, ASecondDaemonOfThatNameIsRefused) {
  {
    const Segment segment = start();
    EXPECT_NE(refusal().find("instance " + name_ + " is already running as pid " +
                             std::to_string(getpid())),
              std::string::npos)
        << refusal();
  }
  EXPECT_EQ(refusal(), "") << "it is gone";
}

TEST_F(SegmentTest, StopIsSeenAndTheFiguresStay) {
  {
    Segment segment = start();
    segment.worker(WorkerId{0}).totals.sent.set(5);
    segment.stop();
    EXPECT_FALSE(reader().liveness(1'000).running);
  }
  const SegmentReader opened = reader();
  EXPECT_EQ(opened.view().header->stopped.read(), 1u);
  EXPECT_TRUE(opened.liveness(1'000).stale);
  EXPECT_EQ(report::total(opened.view(), &dataplane::Totals::sent), 5u);
}

TEST_F(SegmentTest, AFreshStartCountsFromZeroAndLeavesOldReadersTheirFigures) {
  std::optional<SegmentReader> old;
  {
    Segment segment = start();
    segment.worker(WorkerId{0}).totals.sent.set(5);
    old.emplace(reader());
  }
  EXPECT_FALSE(old->liveness(1'000).running);
  const Segment segment = start(2);
  EXPECT_EQ(report::total(old->view(), &dataplane::Totals::sent), 5u);
  EXPECT_FALSE(old->liveness(1'000).running) << "the new daemon's life is not the old one's";
  EXPECT_TRUE(old->follow());
  EXPECT_EQ(report::total(old->view(), &dataplane::Totals::sent), 0u);
  EXPECT_TRUE(old->liveness(1'000).running);
}

TEST_F(SegmentTest, AKilledDaemonDoesNotBlockTheNext) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Segment segment = start();
    static_cast<void>(write(ready[1], "x", 1));
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_NE(refusal().find("pid " + std::to_string(child)), std::string::npos) << refusal();
  EXPECT_TRUE(reader().liveness(1'000).running);
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(reader().liveness(1'000).running);
  EXPECT_EQ(refusal(), "");
  close(ready[0]);
  close(ready[1]);
}

TEST_F(SegmentTest, OfManyThatStartAtOnceOneWins) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> running{0};
    std::atomic<int> finished{0};
    constexpr int daemons = 8;
    std::vector<std::thread> threads;
    for (int i = 0; i < daemons; ++i) {
      threads.emplace_back([&] {
        std::optional<Segment> segment;
        try {
          segment.emplace(instance(), 1, 1'000);
          running.fetch_add(1);
        } catch (const std::runtime_error&) {  // refused, as it should be for all but one
        }
        finished.fetch_add(1);
        while (finished.load() < daemons)
          std::this_thread::yield();  // nobody ends before all tried
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(running.load(), 1);
  }
}

TEST_F(SegmentTest, SaysWhatIsMissingWhereThereIsNoRoom) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1 << 20, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = refusal();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_NE(error.find("cannot allocate /dev/shm/spillway-" + name_), std::string::npos) << error;
  EXPECT_NE(error.find("KiB in /dev/shm"), std::string::npos) << error;
  EXPECT_EQ(refusal(), "") << "what it left behind is replaced";
}

TEST_F(SegmentTest, ALeftoverOfADaemonThatDiedWhileStartingIsReplaced) {
  const int file = shm_open(report::segment_name(name_).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_GE(file, 0);
  close(file);  // named, but empty
  EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace control
