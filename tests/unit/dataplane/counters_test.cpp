#include "dataplane/counters.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace dataplane {
namespace {

// Readers of other versions map these very bytes: a change here raises layout_version (segment.h).
TEST(Counters, LayoutIsTheDrawnOne) {
  EXPECT_EQ(sizeof(Totals), 384u);
  EXPECT_EQ(sizeof(ListenerCounters), 64u);
  EXPECT_EQ(sizeof(TargetCounters), 128u);
  EXPECT_EQ(alignof(WorkerBlock), 64u);
  EXPECT_EQ(offsetof(WorkerBlock, totals), 0u);
  EXPECT_EQ(offsetof(WorkerBlock, verdicts), 384u);
  EXPECT_EQ(offsetof(WorkerBlock, listeners), 896u);
  EXPECT_EQ(offsetof(WorkerBlock, targets), 66'432u);
  EXPECT_EQ(offsetof(WorkerBlock, rule_hits), 1'115'008u);
  EXPECT_EQ(offsetof(WorkerBlock, groups), 1'147'776u);
  EXPECT_EQ(offsetof(WorkerBlock, target_udp), 1'278'848u);
  EXPECT_EQ(sizeof(WorkerBlock), 1'803'136u);
  EXPECT_EQ(sizeof(TargetGroupCounters), 128u);
}

TEST(Counters, FieldsStayWhereTheyAre) {
  EXPECT_EQ(offsetof(Totals, generation), 0u);
  EXPECT_EQ(offsetof(Totals, received), 8u);
  EXPECT_EQ(offsetof(Totals, sent), 16u);
  EXPECT_EQ(offsetof(Totals, unsent), 24u);
  EXPECT_EQ(offsetof(Totals, punted), 32u);
  EXPECT_EQ(offsetof(Totals, handed_off), 48u);
  EXPECT_EQ(offsetof(Totals, received_hand_off), 64u);
  EXPECT_EQ(offsetof(Totals, from_kernel), 72u);
  EXPECT_EQ(offsetof(Totals, flows_alive), 88u);
  EXPECT_EQ(offsetof(Totals, flows_inserted), 96u);
  EXPECT_EQ(offsetof(Totals, flows_expired), 104u);
  EXPECT_EQ(offsetof(Totals, flows_removed), 112u);
  EXPECT_EQ(offsetof(Totals, flow_capacity), 120u);
  EXPECT_EQ(offsetof(Totals, polls), 128u);
  EXPECT_EQ(offsetof(Totals, busy_polls), 136u);
  EXPECT_EQ(offsetof(Totals, wrong_core), 160u);
  EXPECT_EQ(offsetof(Totals, local_port_turn), 168u);
  EXPECT_EQ(offsetof(Totals, flows_alive_ipv6), 176u);
  EXPECT_EQ(offsetof(Totals, flow_capacity_ipv6), 184u);
  EXPECT_EQ(offsetof(Totals, table_bytes), 192u);
  EXPECT_EQ(offsetof(Totals, table_page_bytes), 200u);
  EXPECT_EQ(offsetof(Totals, stateless), 208u);
  EXPECT_EQ(offsetof(Totals, originated), 216u);
  EXPECT_EQ(offsetof(Totals, originated_unsent), 224u);
  EXPECT_EQ(offsetof(Totals, sticky_entries), 232u);
  EXPECT_EQ(offsetof(Totals, sticky_evicted), 256u);
  EXPECT_EQ(offsetof(Totals, blocked_inbound_icmp), 264u);
  EXPECT_EQ(offsetof(Totals, blocked_outbound_udp), 304u);
  EXPECT_EQ(offsetof(Totals, flows_cut), 312u);
  EXPECT_EQ(offsetof(Totals, received_waiting), 320u);
  EXPECT_EQ(offsetof(Totals, surge_capacity), 336u);
  EXPECT_EQ(offsetof(Totals, busy_nanoseconds), 352u);
  EXPECT_EQ(offsetof(Totals, idle_nanoseconds), 360u);
  EXPECT_EQ(offsetof(Totals, flow_log_dropped), 376u);
  EXPECT_EQ(offsetof(TargetCounters, new_flows), 8u);
  EXPECT_EQ(offsetof(TargetCounters, active_flows), 16u);
  EXPECT_EQ(offsetof(TargetCounters, packets_to_target), 24u);
  EXPECT_EQ(offsetof(TargetCounters, port_allocation_errors), 88u);
  EXPECT_EQ(offsetof(TargetCounters, unhealthy_routing_flows), 112u);
  EXPECT_EQ(offsetof(TargetCounters, over_flows), 120u);
  EXPECT_EQ(offsetof(ListenerCounters, rejected_flows), 24u);
  EXPECT_EQ(offsetof(ListenerCounters, spilled_flows), 32u);
  EXPECT_EQ(offsetof(TargetGroupCounters, surge_queue_length), 8u);
  EXPECT_EQ(offsetof(TargetGroupCounters, surge_entered), 32u);
  EXPECT_EQ(offsetof(TargetGroupCounters, spillover), 72u);
  EXPECT_EQ(offsetof(ListenerCounters, new_flows_udp), 40u);
  EXPECT_EQ(offsetof(ListenerCounters, active_flows_udp), 48u);
}

TEST(Counter, CountsUpAndDown) {
  Counter counter;
  EXPECT_EQ(counter.read(), 0u);
  counter.add(5);
  counter.subtract(2);
  EXPECT_EQ(counter.read(), 3u);
  counter.set(100);
  EXPECT_EQ(counter.read(), 100u);
}

// One writer, one reader, no lock: never a torn or a falling value (ThreadSanitizer watches too).
TEST(Counter, IsReadWhileItIsWritten) {
  const auto block = std::make_unique<WorkerBlock>();
  constexpr std::uint64_t step = 0x1'0000'0001;
  constexpr std::uint64_t rounds = 200'000;
  const std::jthread writer([&block] {
    for (std::uint64_t i = 0; i < rounds; ++i) block->totals.received.add(step);
  });
  std::uint64_t last = 0;
  while (last != step * rounds) {
    const std::uint64_t value = block->totals.received.read();
    ASSERT_GE(value, last);
    ASSERT_EQ(value % step, 0u);
    last = value;
  }
}

}  // namespace
}  // namespace dataplane
