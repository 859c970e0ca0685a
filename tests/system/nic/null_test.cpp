// The real path on ports without wires: start, poll, stop, every buffer back. Runs as root and as a
// user without any right.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "dataplane/publication.h"
#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;
using dataplane::Verdict;

PortOptions null_port(const std::string& name, const std::string& device) {
  return {.name = name, .device = device, .kernel_path = false};
}

std::shared_ptr<const dataplane::Snapshot> snapshot_of(const Forwarder& forwarder,
                                                       std::uint64_t generation) {
  auto snapshot = std::make_shared<dataplane::Snapshot>();
  snapshot->generation.number = generation;
  snapshot->workers = static_cast<std::uint8_t>(forwarder.workers());
  for (std::size_t i = 0; i < forwarder.ports().size(); ++i) {
    const Port& port = *forwarder.ports()[i];
    snapshot->ports.push_back(
        {.id = PortId{static_cast<std::uint8_t>(i)}, .mac = port.mac(), .mtu = port.mtu()});
  }
  return snapshot;
}

class NullTest : public testing::TestWithParam<Idle> {};

TEST_P(NullTest, StartsPollsReloadsAndStops) {
  Rig rig({null_port("front", "net_null0"), null_port("back", "net_null1,copy=1,size=128")},
          GetParam());
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  Forwarder& forwarder = *rig.forwarder;
  ASSERT_EQ(forwarder.ports().size(), 2u);
  EXPECT_EQ(forwarder.ports()[0]->driver(), "net_null");
  EXPECT_EQ(forwarder.ports()[0]->queues(), runtime().workers());
  EXPECT_FALSE(forwarder.ports()[0]->mac().is_zero());
  EXPECT_TRUE(forwarder.ports()[0]->link().up);
  EXPECT_GE(forwarder.table_bytes(),
            runtime().workers() * (dataplane::FlowCapacity{.v4 = 1000, .v6 = 1000}).bytes());
  EXPECT_TRUE(forwarder.table_sentence().starts_with("1 MB per worker, in pages of "))
      << forwarder.table_sentence();
  for (std::size_t i = 0; i < forwarder.workers(); ++i) {
    EXPECT_EQ(rig.totals(i).table_bytes.read() * forwarder.workers(), forwarder.table_bytes());
    EXPECT_GE(rig.totals(i).table_page_bytes.read(), 4096u);
  }

  dataplane::Publication publication(forwarder.workers(), snapshot_of(forwarder, 1));
  const dataplane::Instant before = forwarder.clock().now();
  forwarder.start(publication);
  for (std::size_t i = 0; i < forwarder.workers(); ++i) {
    EXPECT_TRUE(eventually([&] { return rig.totals(i).received.read() > 10'000; })) << i;
  }
  publication.publish(snapshot_of(forwarder, 2));
  EXPECT_TRUE(eventually([&] { return publication.oldest_applied().number == 2; }));
  EXPECT_GT(forwarder.clock().now(), before);
  EXPECT_GT(forwarder.ports()[0]->statistics().received, 0u);
  // ethdev makes figures of queues from net_null's; it never drops.
  EXPECT_EQ(forwarder.ports()[0]->dropped_by_queue(),
            std::vector<std::uint64_t>(runtime().workers(), 0));

  rig.stop_and_check();
  EXPECT_TRUE(forwarder.ports().empty());
  EXPECT_EQ(publication.oldest_applied().number, UINT64_MAX);  // no worker holds it any more
  // Nobody's frames: none is forwarded, so every one was freed.
  EXPECT_EQ(rig.sum(&Totals::sent), 0u);
}

INSTANTIATE_TEST_SUITE_P(Idles, NullTest, testing::Values(Idle::Spin, Idle::Yield, Idle::Sleep));

TEST(NullPort, StopsWithoutHavingStarted) {
  Rig rig({null_port("front", "net_null0")});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_TRUE(rig.forwarder->stop().all_back());
  EXPECT_TRUE(rig.forwarder->stop().all_back());  // a second time changes nothing
}

TEST(NullPort, TheReportNamesAMissingBuffer) {
  Rig rig({null_port("front", "net_null0")});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rte_mbuf* kept = make_frame(rig.forwarder->ports()[0]->pool(), {});
  const StopReport report = rig.forwarder->stop();
  EXPECT_FALSE(report.all_back());
  ASSERT_EQ(report.pools.size(), 1u);
  EXPECT_EQ(report.pools[0].missing, 1u);
  EXPECT_NE(report.sentence().find("1 of "), std::string::npos) << report.sentence();
  rte_pktmbuf_free(kept);
}

TEST(NullPort, LargeFramesFit) {
  PortOptions jumbo = null_port("front", "net_null0,size=9018");
  jumbo.mtu = 9000;
  Rig rig({jumbo});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_EQ(rig.forwarder->ports()[0]->mtu(), 9000);
  EXPECT_GE(rte_pktmbuf_data_room_size(rig.forwarder->ports()[0]->pool().get()), headroom + 9018);
}

TEST(NullPort, AMacOfTheOperatorsChoice) {
  PortOptions chosen = null_port("front", "net_null0");
  chosen.mac = dataplane::parse_mac("02:00:5e:10:00:01");
  Rig rig({chosen});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_EQ(rig.forwarder->ports()[0]->mac(), *chosen.mac);
}

TEST(Runtime, NeedsNoRights) {
  if (std::getenv("SPILLWAY_TEST_USER") != nullptr) {
    EXPECT_NE(geteuid(), 0u);
  }
  EXPECT_FALSE(runtime().hugepages());
}

TEST(Runtime, StartsOnlyOnce) {
  auto again = Runtime::start({});
  ASSERT_TRUE(std::holds_alternative<Failure>(again));
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, false); }
