// Connection limits and the surge queue: who gets a place, who waits for one, who is refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/path/places.h"
#include "tests/golden/surge.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::FlowHistograms;
using dataplane::LimitId;
using dataplane::Mode;
using dataplane::Spillover;
using dataplane::Verdict;
using std::chrono::milliseconds;

using surge::ends_of;
using surge::name_of;
using surge::sequence_of;
using surge::spreading;
using surge::World;

class Surge : public surge::Fixture {};

TEST_P(Surge, WaitsInOrderOfArrivalAndGoesToTheTargetThatBecomesFree) {
  auto balancer = rig(config(1, 8));
  std::vector<Outcome> served;
  for (int port : {4001, 4002}) {
    served.push_back(balancer->run(tcp(client(port), web()).flags(syn), front));
    ASSERT_EQ(served.back().verdict, ForwardToTarget);
  }
  ASSERT_NE(number_of(served[0]), number_of(served[1])) << "another one is tried before waiting";
  for (int port : {4003, 4004, 4005}) EXPECT_EQ(open(*balancer, port), Wait) << port;
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->expect_laws();
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_queue_length), 3u);

  for (const int port : {4003, 4004, 4005}) {
    balancer->advance(100);
    // The target refuses its connection: it is over at once.
    const Outcome over = served.front();
    served.erase(served.begin());
    ASSERT_EQ(balancer->run(answer(over, rst | ack), back).verdict, ForwardToClient);
    const std::vector<Outcome> released = balancer->give_places();
    ASSERT_EQ(released.size(), 1u) << port;
    EXPECT_EQ(released[0].verdict, ForwardToTarget);
    EXPECT_EQ(number_of(released[0]), number_of(over)) << "to the freed target";
    EXPECT_EQ(released[0].bytes.size(), tcp(client(port), web()).flags(syn).bytes().size());
    EXPECT_EQ(ends_of(released[0].bytes).source.port == port, GetParam().mode == Mode::Nat);
    served.push_back(released[0]);
  }
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_admitted), 3u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_wait_milliseconds), 100u + 200u + 300u);
  const auto queue = balancer->measured(dataplane::ListenerId{0}, &FlowHistograms::queue);
  EXPECT_EQ(queue.sum(), 600'000'000u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_queue_length), 0u);
  balancer->expect_laws();
}

TEST_P(Surge, APlaceIsFreeAsSoonAsBothEndsHaveClosed) {
  auto balancer = rig(config(1, 8));
  const Outcome sent = balancer->run(tcp(client(4001), web()).flags(syn), front);
  fill(*balancer, 4002, 1);
  ASSERT_EQ(balancer->run(answer(sent, syn | ack), back).verdict, ForwardToClient);
  ASSERT_EQ(open(*balancer, 4003), Wait);
  balancer->run(tcp(client(4001), web()).flags(ack), front);
  balancer->run(tcp(client(4001), web()).flags(fin | ack), front);
  EXPECT_TRUE(balancer->give_places().empty()) << "the target may still send";
  balancer->run(answer(sent, fin | ack), back);
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(number_of(released[0]), number_of(sent));
  EXPECT_EQ(balancer->run(tcp(client(4001), web()).flags(ack), front).verdict, ForwardToTarget)
      << "the last ACK still finds its flow";
  balancer->expect_laws();
}

// It may be forged, or not be believed by the target: then the connection would live on beside the
// next one.
TEST_P(Surge, AClientsResetGivesThePlaceBackWhenTheFlowIsForgotten) {
  auto balancer = rig(config(1, 8));
  const Outcome sent = balancer->run(tcp(client(4001), web()).flags(syn), front);
  fill(*balancer, 4002, 1);
  balancer->run(answer(sent, syn | ack), back);
  balancer->run(tcp(client(4001), web()).flags(ack), front);
  ASSERT_EQ(open(*balancer, 4003), Wait);
  balancer->run(tcp(client(4001), web()).flags(rst), front);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->run(tcp(client(4001), web()).flags(ack), front);  // it goes on
  balancer->advance(3'500);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->run(tcp(client(4001), web()).flags(rst), front);
  balancer->advance(3'500);  // reset_timeout, and a sweep
  EXPECT_EQ(balancer->give_places().size(), 1u);
  balancer->expect_laws();
}

TEST_P(Surge, ARetransmittedSynKeepsItsPlace) {
  auto balancer = rig(config(1, 8));
  fill(*balancer, 4001, 2);
  EXPECT_EQ(open(*balancer, 4003), Wait);
  EXPECT_EQ(open(*balancer, 4004), Wait);
  const Outcome again = balancer->run(tcp(client(4003), web()).flags(syn).sequence(77), front);
  EXPECT_EQ(again.verdict, DropWaiting);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_joined), 1u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_entered), 2u);
  balancer->facts.targets[0].max_connections = 2;
  balancer->publish();  // a limit that is raised: the oldest goes on
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(sequence_of(released[0].bytes), 77u) << "the newest copy is sent";
  balancer->expect_laws();
}

TEST_P(Surge, WhoHasWaitedTooLongIsRefused) {
  for (const Spillover spillover : {Spillover::Reset, Spillover::Silent}) {
    config::Config wanted = config(1, 8);
    wanted.target_groups[0].surge_queue.timeout = milliseconds(1500);
    wanted.target_groups[0].spillover = spillover;
    auto balancer = rig(wanted);
    fill(*balancer, 4001, 2);
    EXPECT_EQ(open(*balancer, 4003), Wait);
    balancer->advance(1'000);
    EXPECT_EQ(open(*balancer, 4004), Wait);
    balancer->advance(490);
    EXPECT_TRUE(balancer->give_places().empty());
    balancer->advance(10);
    std::vector<Outcome> released = balancer->give_places();
    ASSERT_EQ(released.size(), 1u);
    const bool silent = spillover == Spillover::Silent;
    EXPECT_EQ(released[0].verdict, silent ? DropQueueTimeout : ReplyResetQueueTimeout);
    if (!silent) {
      EXPECT_EQ(released[0].bytes, refusal(4003));
      EXPECT_EQ(released[0].port, front);
    }
    balancer->advance(1'000);
    EXPECT_EQ(balancer->give_places().size(), 1u);
    EXPECT_EQ(web_sum(*balancer, &Counters::surge_timed_out), 2u);
    EXPECT_EQ(open(*balancer, 4003), Wait) << "who comes again begins anew";
    balancer->expect_laws();
  }
}

TEST_P(Surge, AFullQueueSpillsOver) {
  for (const Spillover spillover : {Spillover::Reset, Spillover::Silent}) {
    config::Config wanted = config(1, 3);
    wanted.target_groups[0].spillover = spillover;
    auto balancer = rig(wanted);
    fill(*balancer, 4001, 2);
    for (int port = 4003; port < 4006; ++port) EXPECT_EQ(open(*balancer, port), Wait);
    const Outcome spilled = balancer->run(tcp(client(4006), web()).flags(syn), front);
    if (spillover == Spillover::Reset) {
      EXPECT_EQ(spilled.verdict, ReplyResetSpillover);
      EXPECT_EQ(spilled.bytes, refusal(4006));
    } else {
      EXPECT_EQ(spilled.verdict, DropSpillover);
    }
    EXPECT_EQ(open(*balancer, 4004), DropWaiting) << "who waits is not spilled";
    EXPECT_EQ(web_sum(*balancer, &Counters::spillover), 1u);
    std::uint64_t rejected = 0, spilled_flows = 0, highest = 0;
    for (int worker = 0; worker < GetParam().workers; ++worker) {
      rejected += balancer->counters(worker).listeners[0].rejected_flows.read();
      spilled_flows += balancer->counters(worker).listeners[0].spilled_flows.read();
      highest =
          std::max(highest, balancer->counters(worker).groups[0].surge_queue_length_max.read());
    }
    EXPECT_EQ(rejected, 1u);
    EXPECT_EQ(spilled_flows, 1u);
    EXPECT_EQ(highest, 3u);
    balancer->expect_laws();
  }
}

TEST_P(Surge, WithoutAQueueWhoFindsNoPlaceIsRefusedAtOnce) {
  auto balancer = rig(config(2, 0));
  fill(*balancer, 4001, 4);
  EXPECT_EQ(open(*balancer, 4005), ReplyResetSpillover);
  EXPECT_EQ(balancer->gate().queues.held(), 0u);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->expect_laws();
}

TEST_P(Surge, OfOneBurstAsManyGetInAsThereArePlaces) {
  auto balancer = rig(config(3, 0));
  fill(*balancer, 4001, 2);
  for (int first : {5000, 6000}) {
    std::vector<Input> burst;
    for (int port = first; port < first + 64; ++port)
      burst.push_back(from_client(tcp(client(port), web()).flags(syn)));
    Outcome served;
    int forwarded = 0;
    for (const Outcome& outcome : balancer->run(burst)) {
      if (outcome.verdict == ForwardToTarget) {
        ++forwarded;
        served = outcome;
      } else {
        EXPECT_EQ(outcome.verdict, ReplyResetSpillover);
      }
    }
    EXPECT_EQ(forwarded, first == 5000 ? 4 : 1) << "the next burst finds the free one";
    balancer->expect_laws();
    balancer->run(answer(served, rst | ack), back);
  }
}

TEST_P(Surge, QueuesShareTheirCapacity) {
  config::Config wanted = config(1, 8);
  wanted.surge_queues.capacity = 2;
  auto balancer = rig(wanted);
  fill(*balancer, 4001, 2);
  EXPECT_EQ(open(*balancer, 4003), Wait);
  EXPECT_EQ(open(*balancer, 4004), Wait);
  EXPECT_EQ(open(*balancer, 4005), ReplyResetSpillover);
  balancer->expect_laws();
}

TEST_P(Surge, UdpAtItsLimitIsToldByIcmp) {
  config::Config wanted = config(1, 0);
  auto balancer = rig(wanted);
  balancer->tailroom = 128;
  for (int port : {4001, 4002})
    EXPECT_EQ(balancer->run(udp(client(port), dns()), front).verdict, ForwardToTarget);
  const Frame third = udp(client(4003), dns()).payload("who?");
  const Outcome refused = balancer->run(third, front);
  EXPECT_EQ(refused.verdict, ReplyProhibited);
  Frame error = v4() ? echo("203.0.113.10", "198.18.0.7") : echo("2001:db8::10", "2001:db8:c::7");
  error.icmp(v4() ? 3 : 1, v4() ? 13 : 1, 0).payload(third.ip_packet());
  EXPECT_EQ(refused.bytes, to_client(error.identification(0).flow_label(0)));
  EXPECT_EQ(balancer->run(udp(client(4001), dns()), front).verdict, ForwardToTarget)
      << "flows that are there go on";
  EXPECT_EQ(sum(*balancer, GetParam().workers, 1, &Counters::spillover), 1u);
  balancer->advance(125'000);
  EXPECT_EQ(balancer->run(third, front).verdict, ForwardToTarget) << "idle flows have ended";

  wanted.target_groups[1].spillover = Spillover::Silent;
  auto silent = rig(wanted);
  for (int port : {4001, 4002}) silent->run(udp(client(port), dns()), front);
  EXPECT_EQ(silent->run(third, front).verdict, DropSpillover);
  silent->expect_laws();
  balancer->expect_laws();
}

TEST_P(Surge, WhileNoTargetTakesFlowsClientsWait) {
  config::Config wanted = config(0, 4);
  auto balancer = rig(wanted);
  for (config::TargetFact& target : balancer->facts.targets)
    target.availability = Availability::Draining;
  balancer->publish();
  EXPECT_EQ(open(*balancer, 4001), Wait);
  EXPECT_EQ(open(*balancer, 4002), Wait);
  balancer->advance(500);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->facts.targets[1].availability = Availability::Serving;
  balancer->publish();
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 2u) << "one without a limit takes all";
  for (const Outcome& outcome : released) {
    EXPECT_EQ(outcome.verdict, ForwardToTarget);
    EXPECT_EQ(number_of(outcome), 2);
  }
  EXPECT_EQ(open(*balancer, 4003), ForwardToTarget);
  balancer->expect_laws();
}

class SurgeSpread : public Surge {};  // one client's flows go to all targets
TEST_P(SurgeSpread, ALimitCountsTheFlowsThatWereThereBefore) {
  config::Config wanted = config(0, 8);
  auto balancer = rig(wanted);
  fill(*balancer, 4001, 10);
  for (config::TargetFact& target : balancer->facts.targets) target.max_connections = 4;
  balancer->publish();
  balancer->expect_laws();
  EXPECT_EQ(open(*balancer, 4020), Wait) << "five each: above the limit";
  for (config::TargetFact& target : balancer->facts.targets) target.max_connections = 6;
  balancer->publish();
  EXPECT_EQ(balancer->give_places().size(), 1u);
  EXPECT_EQ(open(*balancer, 4021), ForwardToTarget);
  EXPECT_EQ(open(*balancer, 4022), Wait);
  balancer->expect_laws();

  for (config::TargetFact& target : balancer->facts.targets) target.max_connections = 0;
  balancer->publish();  // lifted: nobody is counted any more
  EXPECT_EQ(balancer->give_places().size(), 1u);
  for (std::uint16_t slot = 0; slot < targets; ++slot) {
    EXPECT_EQ(balancer->gate().limits.connections(LimitId{slot}), 0u);
  }
  fill(*balancer, 4030, 5);
  balancer->expect_laws();
}

TEST_P(Surge, TheGroupsLimitHoldsForAllItsTargetsTogether) {
  config::Config wanted = config(2, 8);
  wanted.target_groups[0].max_connections = 3;
  auto balancer = rig(wanted);
  std::vector<Outcome> served;
  for (int port = 4001; port < 4004; ++port) {
    served.push_back(balancer->run(tcp(client(port), web()).flags(syn), front));
    ASSERT_EQ(served.back().verdict, ForwardToTarget);
  }
  EXPECT_EQ(open(*balancer, 4004), Wait);
  EXPECT_EQ(open(*balancer, 4005), Wait);
  balancer->run(answer(served[0], rst | ack), back);
  EXPECT_EQ(balancer->give_places().size(), 1u);
  balancer->expect_laws();
  balancer->config.target_groups[0].max_connections = 0;
  balancer->publish();
  EXPECT_EQ(balancer->give_places().size(), 1u);
  EXPECT_EQ(open(*balancer, 4006), Wait) << "each has its two";
  balancer->expect_laws();
}

TEST_P(Surge, WhoWaitsForAGroupThatGoesIsRefused) {
  auto balancer = rig(config(1, 8));
  fill(*balancer, 4001, 2);
  EXPECT_EQ(open(*balancer, 4003), Wait);
  balancer->config.target_groups[0].surge_queue.length = 0;
  balancer->publish();
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].verdict, ReplyResetNoTarget);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_left), 1u);
  balancer->expect_laws();
}

TEST_P(Surge, AWorkerThatStopsRefusesWhoWaitsThere) {
  auto balancer = rig(config(1, 300));
  fill(*balancer, 4001, 2);
  for (int port = 4003; port < 4153; ++port) ASSERT_EQ(open(*balancer, port), Wait);
  std::size_t refused = 0;
  for (int worker = 0; worker < GetParam().workers; ++worker) {
    for (const Outcome& outcome : balancer->dismiss_waiters(worker)) {
      EXPECT_EQ(outcome.verdict, ReplyResetNoTarget);
      ++refused;
    }
  }
  EXPECT_EQ(refused, 150u);
  EXPECT_EQ(balancer->gate().queues.held(), 0u);
  balancer->expect_laws();
}

TEST_P(Surge, NobodyOvertakesThoseWhoWait) {
  auto balancer = rig(config(1, 8));
  const Outcome sent = balancer->run(tcp(client(4001), web()).flags(syn), front);
  fill(*balancer, 4002, 1);
  EXPECT_EQ(open(*balancer, 4003), Wait);
  balancer->run(answer(sent, rst | ack), back);  // a place is free, and not handed on yet
  EXPECT_EQ(open(*balancer, 4004), Wait);
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(open(*balancer, 4003), ForwardToTarget) << "the first one's SYN again: it has a flow";
  balancer->expect_laws();
}

// What docs/surge-queue.md promises where sources are forged, so that a share by source is no help.
TEST_P(Surge, AFloodOvertakesNobodyAndIsOverAfterTheTimeout) {
  config::Config wanted = config(1, 20);
  wanted.target_groups[0].surge_queue.timeout = milliseconds(3'000);
  auto balancer = rig(wanted);
  const Outcome sent = balancer->run(tcp(client(4001), web()).flags(syn), front);
  fill(*balancer, 4002, 1);
  ASSERT_EQ(open(*balancer, 4003), Wait);
  balancer->advance(500);
  const auto forge = [&] {
    int refused = 0;
    for (int host = 10; host < 110; ++host) {
      const Outcome forged = balancer->run(tcp(client(999, host), web()).flags(syn), front);
      refused += forged.verdict == ReplyResetSpillover ? 1 : 0;
    }
    return refused;
  };
  EXPECT_EQ(forge(), 81) << "19 find room";
  EXPECT_EQ(open(*balancer, 4004), ReplyResetSpillover) << "for now";
  balancer->run(answer(sent, rst | ack), back);
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(number_of(released[0]), number_of(sent));
  EXPECT_EQ(open(*balancer, 4003), ForwardToTarget) << "who came first was first";
  balancer->advance(2'900);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->advance(200);
  EXPECT_EQ(balancer->give_places().size(), 19u);
  EXPECT_EQ(open(*balancer, 4004), Wait) << "there is room again";
  balancer->expect_laws();
}

TEST_P(Surge, AStickyClientWhoseTargetIsFullGoesElsewhereOnce) {
  config::Config wanted = config(2, 8);
  wanted.target_groups[0].stickiness = {dataplane::Stickiness::SourceIp, std::chrono::seconds(600)};
  auto balancer = rig(wanted);
  std::vector<Outcome> served;
  for (int port = 4001; port < 4005; ++port) {
    served.push_back(balancer->run(tcp(client(port), web()).flags(syn), front));
    ASSERT_EQ(served.back().verdict, ForwardToTarget) << port;
  }
  const int home = number_of(served[0]);
  EXPECT_EQ(number_of(served[1]), home);
  EXPECT_NE(number_of(served[2]), home);
  EXPECT_NE(number_of(served[3]), home);
  balancer->run(answer(served[0], rst | ack), back);
  const Outcome back_home = balancer->run(tcp(client(4005), web()).flags(syn), front);
  ASSERT_EQ(back_home.verdict, ForwardToTarget);
  EXPECT_EQ(number_of(back_home), home);
  balancer->expect_laws();
}

INSTANTIATE_TEST_SUITE_P(Worlds, Surge, testing::ValuesIn(spreading), name_of);
INSTANTIATE_TEST_SUITE_P(OneTargetAClient, Surge,
                         testing::Values(World{"full_nat_source_ip_1_v6", Mode::FullNat,
                                               Algorithm::SourceIp, Family::V6, 1}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Worlds, SurgeSpread, testing::ValuesIn(spreading), name_of);

}  // namespace
}  // namespace tests
