#include "control/traffic_meter.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace control {
namespace {

using dataplane::TargetId;
using dataplane::TrafficRecord;

class TrafficMeterTest : public testing::Test {
 protected:
  void register_target(TargetId id, const char* zone) {
    dataplane::TargetRecord record{};
    record.used = true;
    record.id = id;
    record.target_group.assign("web");
    record.zone.assign(zone);
    segment.control().targets[id.slot].write(record);
    for (std::size_t worker = 0; worker < 2; ++worker) {
      auto& counters = segment.worker(worker).targets[id.slot];
      counters.incarnation.set(id.incarnation);
      counters.new_flows.set(0);
      counters.bytes_to_target.set(0);
      counters.bytes_to_client.set(0);
      counters.packets_to_client.set(0);
    }
  }
  void register_group_and_zones() {
    dataplane::TargetGroupRecord group{};
    group.used = true;
    group.name.assign("web");
    segment.control().target_groups[0].write(group);
    for (std::size_t i = 0; i < 2; ++i) {
      dataplane::ZoneRecord zone{};
      zone.used = true;
      zone.name.assign(i == 0 ? "a" : "b");
      segment.control().zones[i].write(zone);
    }
  }
  /// As both workers do, each half.
  void carry(TargetId id, std::uint64_t bytes) {
    for (std::size_t worker = 0; worker < 2; ++worker) {
      auto& counters = segment.worker(worker).targets[id.slot];
      counters.new_flows.add(1);
      counters.bytes_to_target.add(bytes / 4);
      counters.bytes_to_client.add(bytes / 4);
      counters.packets_to_client.add(1);
    }
  }
  void second() { meter.sample(segment.view(), now += 1'000); }

  test_support::ScratchSegment segment{2};
  TrafficMeter meter;
  std::uint64_t now = 1'000'000;
};

TEST_F(TrafficMeterTest, AddsUpTheBalancerItsGroupsAndItsZones) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  register_target({4, 1}, "b");
  second();
  carry({3, 1}, 4'000);
  carry({4, 1}, 400);
  second();
  EXPECT_EQ(meter.balancer().processed_bytes, 4'400u);
  EXPECT_EQ(meter.balancer().processed_packets, 4u);
  EXPECT_EQ(meter.balancer().new_flows, 4u);
  EXPECT_EQ(meter.balancer().bytes_per_second, 4'400u);
  EXPECT_EQ(meter.group("web").processed_bytes, 4'400u);
  EXPECT_EQ(meter.zone("a").processed_bytes, 4'000u);
  EXPECT_EQ(meter.zone("b").processed_bytes, 400u);
  EXPECT_EQ(meter.zone("c").processed_bytes, 0u);
  second();
  EXPECT_EQ(meter.balancer().bytes_per_second, 0u);
  EXPECT_EQ(meter.balancer().processed_bytes, 4'400u);
}

TEST_F(TrafficMeterTest, WhatATargetHasCarriedStaysWhenItGoesAndAnotherGetsItsSlot) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  carry({3, 1}, 4'000);
  meter.collect(segment.view());
  segment.control().targets[3].write({});
  second();
  EXPECT_EQ(meter.balancer().processed_bytes, 4'000u);
  register_target({3, 2}, "a");
  carry({3, 2}, 40);
  second();
  EXPECT_EQ(meter.balancer().processed_bytes, 4'040u);
  EXPECT_EQ(meter.zone("a").processed_bytes, 4'040u);
}

TEST_F(TrafficMeterTest, KnowsUdpByTheProtocolOfEachTargetsGroup) {
  register_group_and_zones();
  const auto with_protocol = [&](TargetId id, dataplane::Protocols protocol) {
    register_target(id, "a");
    auto record = *segment.control().targets[id.slot].read();
    record.protocol = protocol.number();
    segment.control().targets[id.slot].write(record);
    carry(id, 400);
    segment.worker(0).target_udp[id.slot].bytes_to_client.set(30);
    segment.worker(1).target_udp[id.slot].packets_to_target.set(1);
  };
  with_protocol({3, 1}, dataplane::Protocol::Tcp);
  with_protocol({4, 1}, dataplane::Protocol::Udp);
  with_protocol({5, 1}, dataplane::Protocols::tcp_udp());
  second();
  second();
  EXPECT_EQ(meter.balancer().processed_bytes, 1'200u);
  EXPECT_EQ(meter.balancer().processed_bytes_udp, 430u) << "nothing, all, and what was counted";
  EXPECT_EQ(meter.balancer().processed_packets_udp, 3u);
  EXPECT_EQ(meter.group("web").processed_bytes_udp, 430u);
  EXPECT_EQ(meter.zone("a").processed_bytes_udp, 430u);
}

TEST_F(TrafficMeterTest, TheSameTargetBackInItsSlotIsNotCountedTwice) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  carry({3, 1}, 4'000);
  second();
  const auto record = segment.control().targets[3].read();
  segment.control().targets[3].write({});
  second();
  segment.control().targets[3].write(*record);
  second();
  EXPECT_EQ(meter.balancer().processed_bytes, 4'000u);
}

TEST_F(TrafficMeterTest, ThePeakIsTheBestTenSecondsOfTheLastMinute) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  for (int i = 0; i < 10; ++i) second();
  EXPECT_EQ(meter.balancer().peak_bytes_per_second, 0u);
  carry({3, 1}, 100'000);  // within one second: 10,000 in ten
  second();
  EXPECT_EQ(meter.balancer().bytes_per_second, 100'000u);
  EXPECT_EQ(meter.balancer().peak_bytes_per_second, 10'000u);
  for (int i = 0; i < 58; ++i) {
    second();
    ASSERT_EQ(meter.balancer().peak_bytes_per_second, 10'000u) << i;
  }
  for (int i = 0; i < 5; ++i) second();
  EXPECT_EQ(meter.balancer().peak_bytes_per_second, 0u) << "more than a minute ago";
}

TEST_F(TrafficMeterTest, HasNoPeakBeforeItHasTenSeconds) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  second();
  carry({3, 1}, 100'000);
  for (int i = 0; i < 9; ++i) {
    second();
    ASSERT_EQ(meter.balancer().peak_bytes_per_second, 0u) << i;
  }
  second();
  EXPECT_EQ(meter.balancer().peak_bytes_per_second, 10'000u);
}

TEST_F(TrafficMeterTest, AClockThatIsSetBackBeginsRatesAnew) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  second();
  now -= 3'600'000;
  carry({3, 1}, 4'000);
  second();
  EXPECT_EQ(meter.balancer().bytes_per_second, 0u);
  EXPECT_EQ(meter.balancer().processed_bytes, 4'000u);
}

TEST_F(TrafficMeterTest, ActiveAreThoseThatAreNotOver) {
  register_group_and_zones();
  register_target({3, 1}, "a");
  for (std::size_t worker = 0; worker < 2; ++worker) {
    segment.worker(worker).targets[3].active_flows.set(10);
    segment.worker(worker).targets[3].over_flows.set(3);
    segment.worker(worker).target_udp[3].active_flows.set(2);
  }
  second();
  second();
  for (const TrafficRecord& record : {meter.balancer(), meter.group("web"), meter.zone("a")}) {
    EXPECT_EQ(record.active_flows, 14u);
    EXPECT_EQ(record.active_flows_udp, 4u);
  }
  EXPECT_EQ(meter.zone("b").active_flows, 0u);
  segment.control().targets[3].write({});
  second();
  EXPECT_EQ(meter.balancer().active_flows, 0u) << "now";
}

TEST_F(TrafficMeterTest, WhatAListenerHasRefusedStaysWhenItGoes) {
  dataplane::ListenerRecord listener{};
  listener.used = true;
  listener.incarnation = 4;
  segment.control().listeners[9].write(listener);
  auto& counters = segment.worker(1).listeners[9];
  counters.incarnation.set(4);
  counters.rejected_flows.set(10);
  counters.rejected_flows_udp.set(4);
  second();
  counters.rejected_flows.set(12);
  meter.collect(segment.view());
  segment.control().listeners[9].write({});
  second();
  EXPECT_EQ(meter.balancer().rejected_flows, 12u);
  EXPECT_EQ(meter.balancer().rejected_flows_udp, 4u);
  listener.incarnation = 5;  // another one, in the same slot
  segment.control().listeners[9].write(listener);
  second();
  counters.incarnation.set(5);
  counters.rejected_flows.set(1);
  second();
  EXPECT_EQ(meter.balancer().rejected_flows, 13u);
}

TEST_F(TrafficMeterTest, ResetsOfOursAreTheBalancersAndOfThoseThatHaveAGroupTheGroups) {
  using dataplane::Verdict;
  register_group_and_zones();
  register_target({3, 1}, "a");
  second();
  const auto set = [&](Verdict verdict, std::uint64_t count) {
    segment.worker(0).verdicts[static_cast<std::size_t>(verdict)].set(count);
  };
  set(Verdict::ReplyResetUnknownFlow, 1);
  set(Verdict::ReplyResetNoTarget, 10);
  set(Verdict::ReplyResetTargetGone, 100);
  set(Verdict::ReplyResetSpillover, 1'000);
  set(Verdict::ReplyResetQueueTimeout, 10'000);
  set(Verdict::ReplyProhibited, 100'000);
  segment.worker(0).targets[3].elb_resets.set(100);
  segment.worker(0).groups[0].elb_resets.set(11'010);
  second();
  second();
  EXPECT_EQ(meter.balancer().elb_resets, 11'111u);
  EXPECT_EQ(meter.group("web").elb_resets, 11'110u);
  EXPECT_EQ(meter.zone("a").elb_resets, 100u) << "who got no target is in no zone";
}

}  // namespace
}  // namespace control
