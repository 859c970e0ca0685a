// Forwarding between ring ports by 1, 2 and 4 workers, on ports with one queue and with many: what
// goes in comes out once, through whichever worker, and every counter law holds.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "tests/system/nic/rig.h"

namespace nic::test {
namespace {

using dataplane::Totals;
using dataplane::Verdict;

class RingTest : public testing::Test {
 protected:
  static std::uint8_t workers() { return static_cast<std::uint8_t>(runtime().workers()); }
  static const MbufPool& pool(Rig& rig) { return rig.forwarder->ports()[0]->pool(); }

  /// Gives `count` frames to port `in`, queue by queue, and collects what comes out of `out`.
  static std::set<std::uint32_t> exchange(Rig& rig, RingPort& in, RingPort& out, Order order,
                                          std::uint32_t count) {
    std::set<std::uint32_t> arrived;
    const auto collect = [&] {
      for (rte_mbuf* packet : out.sent()) {
        EXPECT_TRUE(arrived.insert(order_in(packet, order.grow).number).second) << "came twice";
        rte_pktmbuf_free(packet);
      }
    };
    const std::size_t queues = rig.forwarder->layout().queues(PortId{0});
    for (std::uint32_t i = 0; i < count; ++i) {
      order.number = i;
      order.owner = static_cast<std::uint8_t>(i % workers());
      in.give(i % queues, make_frame(pool(rig), order));
      // Never more under way than a hand-off ring takes, so that nothing may be lost.
      while (i + 1 - arrived.size() > 200 && !HasFailure()) collect();
    }
    EXPECT_TRUE(eventually([&] {
      collect();
      return arrived.size() == count;
    })) << arrived.size();
    return arrived;
  }
};

TEST_F(RingTest, SingleQueuePortsThroughEveryWorker) {
  RingPort front("front", 1), back("back", 1);
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  constexpr std::uint32_t count = 20'000;
  exchange(rig, front, back, {.egress = 1}, count);
  rig.stop_and_check();
  EXPECT_EQ(rig.sum(&Totals::unsent), 0u);
  EXPECT_EQ(rig.sum(&Totals::sent), count);
  // Every frame that is not worker 0's is handed to its owner.
  const std::uint64_t others = count - (count + workers() - 1) / workers();
  EXPECT_EQ(rig.sum(&Totals::handed_off), others);
  EXPECT_EQ(rig.sum(&Totals::received_hand_off), others);
  EXPECT_EQ(rig.totals(0).received_hand_off.read(), 0u);
  // Only the worker that has the queue of `back` sends without a relay.
  if (workers() > 1) {
    EXPECT_EQ(rig.totals(1).relayed.read(), count - rig.totals(1).sent.read());
    EXPECT_GT(rig.totals(1).relayed.read(), 0u);
  }
  EXPECT_EQ(rig.sum(&Totals::relay_unsent), 0u);
}

TEST_F(RingTest, AQueueForEveryWorker) {
  RingPort front("front", workers()), back("back", workers());
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  EXPECT_EQ(rig.forwarder->ports()[0]->queues(), workers());
  rig.start_obeying();
  exchange(rig, front, back, {.egress = 1}, 10'000);
  rig.stop_and_check();
  EXPECT_EQ(rig.sum(&Totals::sent), 10'000u);
  EXPECT_EQ(rig.sum(&Totals::relayed), 0u);     // everyone sends on its own queue
  EXPECT_EQ(rig.sum(&Totals::handed_off), 0u);  // exchange() gives each to its owner's queue
}

TEST_F(RingTest, AFrameMayGrowInFront) {
  RingPort front("front", 1), back("back", 1);
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  rte_mbuf* frame = make_frame(pool(rig), {.egress = 1, .grow = 4, .number = 7});
  front.give(0, frame);
  std::vector<rte_mbuf*> out;
  ASSERT_TRUE(eventually([&] { return !(out = back.sent()).empty(); }));
  EXPECT_EQ(out[0]->data_len, frame_size + 4);
  EXPECT_EQ(out[0]->pkt_len, frame_size + 4);
  EXPECT_EQ(out[0]->data_off, headroom - 4);
  EXPECT_EQ(order_in(out[0], 4).number, 7u);
  rte_pktmbuf_free(out[0]);
  rig.stop_and_check();
}

TEST_F(RingTest, WhatThePortDoesNotTakeIsCountedAndFreed) {
  RingPort front("front", 1), back("back", 1, 64);  // nobody reads it
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  for (std::uint32_t i = 0; i < 500; ++i) front.give(0, make_frame(pool(rig), {.egress = 1}));
  ASSERT_TRUE(eventually([&] { return rig.totals(0).received.read() == 500; }));
  // Lost where the port is full: at worker 0, or at the worker that relays for it.
  EXPECT_TRUE(eventually(
      [&] { return rig.sum(&Totals::unsent) + rig.sum(&Totals::relay_unsent) == 500 - 64; }));
  EXPECT_EQ(back.clear(), 64u);
  rig.stop_and_check();
}

TEST_F(RingTest, DropsAndPuntsWithoutAKernelPathAreFreed) {
  RingPort front("front", 1), back("back", 1);
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  for (std::uint32_t i = 0; i < 300; ++i) {
    const Verdict verdict = i % 3 == 0 ? Verdict::PuntKernel : Verdict::DropTtl;
    front.give(0, make_frame(pool(rig), {.verdict = verdict}));
  }
  ASSERT_TRUE(eventually([&] { return rig.totals(0).received.read() == 300; }));
  rig.stop_and_check();
  EXPECT_EQ(rig.totals(0).punt_unsent.read(), 100u);
  EXPECT_EQ(rig.verdicts(0, Verdict::DropTtl), 200u);
  EXPECT_TRUE(back.sent().empty());
}

TEST_F(RingTest, AFrameInTwoBuffersIsSaidToBe) {
  RingPort front("front", 1), back("back", 1);
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  rte_mbuf* head = make_frame(pool(rig), {.egress = 1});
  ASSERT_EQ(rte_pktmbuf_chain(head, make_frame(pool(rig), {.egress = 1})), 0);
  front.give(0, head);
  EXPECT_TRUE(eventually([&] { return rig.verdicts(0, Verdict::DropSegmented) == 1; }));
  rig.stop_and_check();
}

TEST_F(RingTest, PacketsOfItsOwnAreSentWholeAndCounted) {
  RingPort front("front", 1, 64);  // worker 0's, however many there are
  Rig rig({front.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  std::array<dataplane::OwnFrame, 40> frames;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].bytes.fill(static_cast<std::uint8_t>(i));
    frames[i].length = static_cast<std::uint16_t>(54 + i % 25);
    frames[i].egress = PortId{0};
  }
  QueuePair& io = rig.forwarder->queue_pair(WorkerId{0});  // no worker runs yet
  io.originate(frames, rig.totals(0));
  EXPECT_EQ(rig.totals(0).originated.read(), 40u);
  std::size_t number = 0;
  for (rte_mbuf* packet : front.sent()) {
    EXPECT_EQ(packet->data_len, frames[number].length);
    EXPECT_EQ(packet->pkt_len, frames[number].length);
    EXPECT_EQ(*rte_pktmbuf_mtod_offset(packet, const std::uint8_t*, packet->data_len - 1), number);
    rte_pktmbuf_free(packet);
    ++number;
  }
  EXPECT_EQ(number, 40u);
  for (int i = 0; i < 3; ++i) io.originate(frames, rig.totals(0));
  EXPECT_EQ(rig.totals(0).originated.read(), 40u + 64u) << "nobody reads";
  EXPECT_EQ(rig.totals(0).originated_unsent.read(), 120u - 64u);
  EXPECT_EQ(front.clear(), 64u);
  rig.start_obeying();
  rig.stop_and_check();
}

TEST_F(RingTest, AStopWithFullRingsLosesNoBuffer) {
  RingPort front("front", 1), back("back", 1, 64);
  Rig rig({front.options(), back.options()});
  ASSERT_NE(rig.forwarder, nullptr) << rig.failure;
  rig.start_obeying();
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const auto owner = static_cast<std::uint8_t>(i % workers());
    front.give(0, make_frame(pool(rig), {.egress = 1, .owner = owner}));
  }
  ASSERT_TRUE(eventually([&] { return rig.sum(&Totals::sent) > 0; }));
  const StopReport report = rig.forwarder->stop();
  // All but the ones in the test's own rings.
  EXPECT_EQ(report.pools[0].missing, front.clear() + back.clear());
}

}  // namespace
}  // namespace nic::test

int main(int argc, char** argv) { return nic::test::run_tests(argc, argv, false); }
