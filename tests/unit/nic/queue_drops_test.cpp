#include "nic/queue_drops.h"

#include <gtest/gtest.h>

namespace nic {
namespace {

TEST(QueueDropFigure, IsAQueuesLossUnderTheNamesThatDriversGiveIt) {
  const auto queue = [](const char* name) { return queue_drop_figure(name).value().queue; };
  EXPECT_EQ(queue("rx_q0_errors"), 0);  // ethdev, of rte_eth_stats
  EXPECT_EQ(queue("rx_q15_errors"), 15);
  EXPECT_EQ(queue("rx_q3_drop_total"), 3);
  EXPECT_EQ(queue("rx_q63_discard_packets"), 63);
  EXPECT_EQ(queue("rx_q1_missed"), 1);
}

TEST(QueueDropFigure, IsNothingElse) {
  for (const char* name : {"rx_errors", "rx_missed_errors", "rx_q0_packets", "rx_q0_good_packets",
                           "tx_q0_errors", "rx_q_errors", "rx_q0errors", "rx_q0_", "rx_q0",
                           "rx_q99999_errors", "rx_q-1_errors", "rx_q0_errors_total", ""}) {
    EXPECT_FALSE(queue_drop_figure(name)) << name;
  }
}

TEST(QueueDropFigure, TakesTheSumBeforeAPartOfIt) {
  EXPECT_LT(queue_drop_figure("rx_q0_drop_total")->rank, queue_drop_figure("rx_q0_errors")->rank);
  EXPECT_LT(queue_drop_figure("rx_q0_missed")->rank, queue_drop_figure("rx_q0_errors")->rank);
}

TEST(QueueDrops, OfADeviceThatIsNotThereAreNotKnown) {
  EXPECT_TRUE(QueueDrops(4'000, 2).read().empty());
  EXPECT_TRUE(QueueDrops().read().empty());
}

}  // namespace
}  // namespace nic
