// Who refused whom, in the counters: RejectedFlowCount by protocol, and TCP_ELB_Reset_Count of the
// target group that had nothing for a client, of the target that is gone, or of nobody.
#include <gtest/gtest.h>

#include "tests/golden/surge.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::ListenerCounters;
using dataplane::Spillover;
using std::chrono::milliseconds;

class Refusals : public surge::Fixture {
 protected:
  std::uint64_t of_listener(Rig& rig, std::size_t slot,
                            dataplane::Counter ListenerCounters::*counter) const {
    std::uint64_t total = 0;
    for (int worker = 0; worker < GetParam().workers; ++worker)
      total += (rig.counters(worker).listeners[slot].*counter).read();
    return total;
  }
  std::uint64_t target_resets(Rig& rig) const {
    std::uint64_t total = 0;
    for (int worker = 0; worker < GetParam().workers; ++worker) {
      for (const auto& target : rig.counters(worker).targets) total += target.elb_resets.read();
    }
    return total;
  }
  static void set_all(Rig& rig, Availability availability) {
    for (config::TargetFact& target : rig.facts.targets) target.availability = availability;
    rig.publish();
  }
};

TEST_P(Refusals, ResetsOfClientsThatGotNoTargetAreTheirGroups) {
  config::Config wanted = config(1, 1);
  wanted.target_groups[0].surge_queue.timeout = milliseconds(1000);
  auto balancer = rig(wanted);
  fill(*balancer, 4001, 2);
  EXPECT_EQ(open(*balancer, 4003), Wait);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 0u);
  EXPECT_EQ(open(*balancer, 4004), ReplyResetSpillover);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 1u);
  balancer->advance(1'000);
  ASSERT_EQ(balancer->give_places().at(0).verdict, ReplyResetQueueTimeout);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 2u);
  EXPECT_EQ(sum(*balancer, GetParam().workers, 1, &Counters::elb_resets), 0u) << "dns's";
  EXPECT_EQ(target_resets(*balancer), 0u);
  balancer->expect_laws();
}

TEST_P(Refusals, SoIsThatOfAGroupWithoutTargets) {
  auto balancer = rig(config(0, 0));
  set_all(*balancer, Availability::Draining);
  EXPECT_EQ(open(*balancer, 4001), ReplyResetNoTarget);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 1u);
  EXPECT_EQ(balancer->run(udp(client(4001), dns()), front).verdict, DropNoTarget);
  EXPECT_EQ(sum(*balancer, GetParam().workers, 1, &Counters::elb_resets), 0u) << "no RST";
  balancer->expect_laws();
}

TEST_P(Refusals, WhoIsRefusedWithoutAWordGotNoReset) {
  config::Config wanted = config(1, 0);
  wanted.target_groups[0].spillover = Spillover::Silent;
  auto balancer = rig(wanted);
  fill(*balancer, 4001, 2);
  EXPECT_EQ(open(*balancer, 4003), DropSpillover);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 0u);
  EXPECT_EQ(of_listener(*balancer, 0, &ListenerCounters::rejected_flows), 1u);
}

TEST_P(Refusals, AnUnknownFlowsResetIsTheGroupsThatItWouldBeWith) {
  config::Config wanted = config(0, 0);
  wanted.target_groups[0].unknown_flow = dataplane::UnknownFlow::Reset;
  auto balancer = rig(wanted);
  EXPECT_EQ(balancer->run(tcp(client(4001), web()).flags(ack), front).verdict,
            ReplyResetUnknownFlow);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 1u);
  EXPECT_EQ(target_resets(*balancer), 0u);
  EXPECT_EQ(of_listener(*balancer, 0, &ListenerCounters::rejected_flows), 0u) << "no new flow";
}

TEST_P(Refusals, ResetsOfATargetThatIsGoneAreItsOwn) {
  auto balancer = rig(config(0, 0));
  fill(*balancer, 4001, 1);
  set_all(*balancer, Availability::Terminated);
  EXPECT_EQ(balancer->run(tcp(client(4001), web()).flags(ack), front).verdict,
            ReplyResetTargetGone);
  EXPECT_EQ(target_resets(*balancer), 1u);
  EXPECT_EQ(web_sum(*balancer, &Counters::elb_resets), 0u) << "readers add the targets' to it";
}

TEST_P(Refusals, RejectedFlowsAreCountedByProtocol) {
  config::Config wanted = config(0, 0);
  wanted.target_groups.resize(1);
  wanted.target_groups[0].protocol = dataplane::Protocols::tcp_udp();
  wanted.listeners.resize(1);
  wanted.listeners[0].protocol = dataplane::Protocols::tcp_udp();
  auto balancer = rig(wanted);
  set_all(*balancer, Availability::Draining);
  EXPECT_EQ(open(*balancer, 4001), ReplyResetNoTarget);
  for (int port : {4002, 4003})
    EXPECT_EQ(balancer->run(udp(client(port), web()), front).verdict, DropNoTarget);
  EXPECT_EQ(of_listener(*balancer, 0, &ListenerCounters::rejected_flows), 3u);
  EXPECT_EQ(of_listener(*balancer, 0, &ListenerCounters::rejected_flows_udp), 2u);
}

INSTANTIATE_TEST_SUITE_P(Worlds, Refusals, testing::ValuesIn(surge::spreading), surge::name_of);

}  // namespace
}  // namespace tests
