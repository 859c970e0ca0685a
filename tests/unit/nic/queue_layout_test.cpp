#include "nic/queue_layout.h"

#include <gtest/gtest.h>

#include "nic/hand_off.h"

namespace nic {
namespace {

constexpr PortId front{0}, back{1};

TEST(QueueLayout, EveryWorkerHasItsQueueWhereTheDeviceHasEnough) {
  const QueueLayout layout(4, {16, 4});
  for (const PortId port : {front, back}) {
    EXPECT_EQ(layout.queues(port), 4);
    for (std::uint8_t i = 0; i < 4; ++i) {
      EXPECT_EQ(layout.owner(port, i), WorkerId{i});
      EXPECT_EQ(layout.queue_of(port, WorkerId{i}), i);
      EXPECT_EQ(layout.sender(port, WorkerId{i}), WorkerId{i});
    }
  }
}

TEST(QueueLayout, SingleQueuePortsAreSpread) {
  const QueueLayout layout(2, {1, 1});
  EXPECT_EQ(layout.owner(front, 0), WorkerId{0});
  EXPECT_EQ(layout.owner(back, 0), WorkerId{1});
  EXPECT_EQ(layout.queue_of(back, WorkerId{0}), std::nullopt);
  EXPECT_EQ(layout.sender(back, WorkerId{0}), WorkerId{1});
  EXPECT_EQ(layout.sender(front, WorkerId{1}), WorkerId{0});
}

TEST(QueueLayout, OneWorkerDoesAll) {
  const QueueLayout layout(1, {1, 8});
  EXPECT_EQ(layout.queues(back), 1);
  EXPECT_EQ(layout.sender(back, WorkerId{0}), WorkerId{0});
}

TEST(QueueLayout, EverySenderHasAQueue) {
  const auto expect_queues = [](const QueueLayout& layout, std::size_t workers, PortId port) {
    for (std::uint8_t i = 0; i < workers; ++i) {
      const WorkerId sender = layout.sender(port, WorkerId{i});
      EXPECT_TRUE(layout.queue_of(port, sender).has_value());
    }
  };
  for (std::size_t workers = 1; workers <= 9; ++workers) {
    for (std::uint16_t max = 1; max <= 9; ++max) {
      const QueueLayout layout(workers, {max, 1, 3});
      for (std::uint8_t port = 0; port < 3; ++port) expect_queues(layout, workers, PortId{port});
    }
  }
}

TEST(HandOffCapacity, IsBounded) {
  EXPECT_EQ(HandOff::capacity(1), 1024u);
  EXPECT_EQ(HandOff::capacity(8), 1024u);
  EXPECT_EQ(HandOff::capacity(16), 512u);
  EXPECT_EQ(HandOff::capacity(64), 128u);
}

}  // namespace
}  // namespace nic
