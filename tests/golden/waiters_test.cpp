// Waiters: who keeps their turn in the surge queue, whatever becomes of targets meanwhile, and what
// is known of clients that have waited.
#include <gtest/gtest.h>

#include <map>

#include "tests/golden/surge.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::LimitId;
using std::chrono::milliseconds;
using surge::name_of;
using surge::sequence_of;
using surge::spreading;

class Waiters : public surge::Fixture {
 protected:
  /// By its client's port or address, which is its sequence number, too.
  Outcome open(Rig& rig, int port, int host = 7) const {
    const auto number = static_cast<std::uint32_t>(host == 7 ? port : host);
    return rig.run(tcp(client(port, host), web()).flags(syn).sequence(number), front);
  }
  static void set_limits(Rig& rig, std::uint32_t limit) {
    for (config::TargetFact& target : rig.facts.targets) target.max_connections = limit;
    rig.publish();
  }
  static void expect_sequence(const std::vector<Outcome>& released, std::uint32_t wanted) {
    ASSERT_EQ(released.size(), 1u) << wanted;
    EXPECT_EQ(released[0].verdict, ForwardToTarget);
    EXPECT_EQ(sequence_of(released[0].bytes), wanted);
  }
  std::uint64_t sticky_found(Rig& rig) const {
    std::uint64_t sum = 0;
    for (int worker = 0; worker < GetParam().workers; ++worker)
      sum += rig.core(worker).turns.sticky_found;
    return sum;
  }

  /// Both targets have as many as they may; the clients at ports 4003 to 4005 wait since 0, 1000
  /// and 1200 ms; all of them get a place at target 1, which is deregistered before they have seen
  /// it. What the other target serves is set to `served`.
  std::unique_ptr<Rig> deregister_at_the_last_moment(Outcome& served) const {
    config::Config wanted = config(1, 8);
    wanted.target_groups[0].surge_queue.timeout = milliseconds(1500);
    auto balancer = rig(wanted);
    for (int port : {4001, 4002}) {
      const Outcome outcome = open(*balancer, port);
      EXPECT_EQ(outcome.verdict, ForwardToTarget);
      if (number_of(outcome) == 2) served = outcome;
    }
    EXPECT_EQ(open(*balancer, 4003).verdict, Wait);
    balancer->advance(1'000);
    EXPECT_EQ(open(*balancer, 4004).verdict, Wait);
    balancer->advance(200);
    EXPECT_EQ(open(*balancer, 4005).verdict, Wait);
    balancer->facts.targets[0].max_connections = 4;
    balancer->publish();
    balancer->facts.targets[0].availability = Availability::Draining;
    balancer->publish();
    return balancer;
  }
};

TEST_P(Waiters, KeepTheirTurnWhenTheTargetTheyGotIsDeregistered) {
  Outcome served;
  const auto balancer = deregister_at_the_last_moment(served);
  EXPECT_TRUE(balancer->give_places().empty());
  balancer->expect_laws();  // no place is kept at the target that is gone
  EXPECT_EQ(open(*balancer, 4006).verdict, Wait);
  for (const int port : {4003, 4004, 4005, 4006}) {
    EXPECT_EQ(open(*balancer, port).verdict, DropWaiting) << port;
    ASSERT_EQ(balancer->run(answer(served, rst | ack), back).verdict, ForwardToClient);
    const std::vector<Outcome> released = balancer->give_places();
    ASSERT_NO_FATAL_FAILURE(expect_sequence(released, static_cast<std::uint32_t>(port)));
    EXPECT_EQ(number_of(released[0]), 2);
    served = released[0];
  }
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_entered), 4u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_left), 0u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_wait_milliseconds), 1200u + 200u);
  balancer->expect_laws();
}

TEST_P(Waiters, KeepTheirTimeWhenTheTargetTheyGotIsDeregistered) {
  Outcome served;
  const auto balancer = deregister_at_the_last_moment(served);
  EXPECT_TRUE(balancer->give_places().empty());
  for (const auto& [port, wait] : std::map<int, std::uint64_t>{{4003, 300}, {4004, 1000}}) {
    balancer->advance(wait - 10);
    EXPECT_TRUE(balancer->give_places().empty()) << port;
    balancer->advance(10);
    const std::vector<Outcome> released = balancer->give_places();
    ASSERT_EQ(released.size(), 1u) << port;
    EXPECT_EQ(released[0].verdict, ReplyResetQueueTimeout);
    EXPECT_EQ(surge::ends_of(released[0].bytes).destination.port, port);
  }
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_timed_out), 2u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_queue_length), 1u);
  balancer->expect_laws();
}

TEST_P(Waiters, WhoseTimeIsOverAreRefusedThoughADeregisteredTargetHadAPlace) {
  Outcome served;
  const auto balancer = deregister_at_the_last_moment(served);
  balancer->advance(2'000);
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 3u);
  for (const Outcome& outcome : released) EXPECT_EQ(outcome.verdict, ReplyResetQueueTimeout);
  balancer->expect_laws();
}

TEST_P(Waiters, GetAnotherPlaceAtOnceIfThereIsOne) {
  Outcome served;
  const auto balancer = deregister_at_the_last_moment(served);
  balancer->facts.targets[1].max_connections = 3;
  balancer->publish();
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 2u);
  for (const Outcome& outcome : released) {
    EXPECT_EQ(outcome.verdict, ForwardToTarget);
    EXPECT_EQ(number_of(outcome), 2);
    // A worker may be the first to find out, and then does not know whom others put back.
    if (GetParam().workers == 1) { EXPECT_NE(sequence_of(outcome.bytes), 4005u) << "the last"; }
  }
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_entered), 3u);
  EXPECT_EQ(web_sum(*balancer, &Counters::surge_queue_length), 1u);
  balancer->expect_laws();
}

TEST_P(Waiters, WhoCameFirstGetsThePlaceThatIsLeft) {
  for (const std::size_t gone : {0u, 1u}) {  // whichever the first one got
    const auto balancer = rig(config(1, 8));
    for (int port : {4001, 4002}) EXPECT_EQ(open(*balancer, port).verdict, ForwardToTarget);
    for (int port : {4003, 4004}) EXPECT_EQ(open(*balancer, port).verdict, Wait);
    set_limits(*balancer, 2);
    for (const LimitId id : {LimitId{0}, LimitId{1}}) {
      ASSERT_EQ(balancer->gate().limits.connections(id), 2u) << "one for each of them";
    }
    balancer->facts.targets[gone].availability = Availability::Draining;
    balancer->publish();
    const std::vector<Outcome> released = balancer->give_places();
    ASSERT_EQ(released.size(), 1u);
    if (GetParam().workers == 1) { EXPECT_EQ(sequence_of(released[0].bytes), 4003u); }
    balancer->expect_laws();
  }
}

TEST_P(Waiters, WhoWerePutBackAreRefusedWhenTheWorkerStops) {
  Outcome served;
  const auto balancer = deregister_at_the_last_moment(served);
  EXPECT_TRUE(balancer->give_places().empty());
  std::size_t refused = 0;
  for (int worker = 0; worker < GetParam().workers; ++worker)
    refused += balancer->dismiss_waiters(worker).size();
  EXPECT_EQ(refused, 3u);
  EXPECT_EQ(balancer->gate().queues.held(), 0u);
  balancer->expect_laws();
}

// Its RST was not its own, or not believed: the connection lives, however short.
TEST_P(Waiters, GetNoPlaceOfAConnectionThatGoesOnAfterAReset) {
  for (const std::uint8_t next : {ack, fin, psh}) {
    const auto balancer = rig(config(1, 8));
    const Outcome served = open(*balancer, 4001);
    ASSERT_EQ(open(*balancer, 4002).verdict, ForwardToTarget);
    balancer->run(answer(served, syn | ack), back);
    balancer->run(tcp(client(4001), web()).flags(ack), front);
    balancer->run(answer(served, rst | ack), back);
    EXPECT_EQ(balancer->run(answer(served, next | ack), back).verdict, ForwardToClient);
    EXPECT_EQ(open(*balancer, 4003).verdict, Wait) << int{next};
    EXPECT_TRUE(balancer->give_places().empty());
    balancer->expect_laws();
  }
}

// --- with stickiness ---

class StickyWaiters : public Waiters {
 protected:
  std::unique_ptr<Rig> sticky_rig(std::uint32_t limit, std::uint32_t group_limit = 0) const {
    config::Config wanted = config(limit, 16);
    wanted.target_groups[0].stickiness = {dataplane::Stickiness::SourceIp,
                                          std::chrono::seconds(600)};
    wanted.target_groups[0].max_connections = group_limit;
    return rig(wanted);
  }
};

TEST_P(StickyWaiters, AreKnownAfterwards) {
  const auto balancer = sticky_rig(1);
  for (int host : {1, 2}) EXPECT_EQ(open(*balancer, 4001, host).verdict, ForwardToTarget);
  for (int host = 11; host <= 18; ++host) EXPECT_EQ(open(*balancer, 4001, host).verdict, Wait);
  set_limits(*balancer, 100);
  std::map<int, int> target_of;
  for (const Outcome& outcome : balancer->give_places()) {
    ASSERT_EQ(outcome.verdict, ForwardToTarget);
    target_of[static_cast<int>(sequence_of(outcome.bytes))] = number_of(outcome);
  }
  ASSERT_EQ(target_of.size(), 8u);
  for (int turn = 0; turn < 2; ++turn) {
    for (int host : {11, 13, 15, 17, 18, 12, 14, 16}) {
      const Outcome next = open(*balancer, 4002 + turn, host);
      ASSERT_EQ(next.verdict, ForwardToTarget);
      EXPECT_EQ(number_of(next), target_of[host]) << host;
    }
  }
  EXPECT_EQ(sticky_found(*balancer), 16u);
  balancer->expect_laws();
}

// The group's limit leaves no place beside the two that they hold.
TEST_P(StickyWaiters, OfAClientThatHasBecomeKnownGoToItsTarget) {
  const auto balancer = sticky_rig(1, 4);
  for (int host : {1, 2}) EXPECT_EQ(open(*balancer, 4001, host).verdict, ForwardToTarget);
  for (int port : {4001, 4002}) EXPECT_EQ(open(*balancer, port, 11).verdict, Wait);
  set_limits(*balancer, 3);
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 2u);
  for (const Outcome& outcome : released) ASSERT_EQ(outcome.verdict, ForwardToTarget);
  EXPECT_EQ(number_of(released[0]), number_of(released[1])) << "the first made it known";
  EXPECT_EQ(sticky_found(*balancer), 1u);
  EXPECT_EQ(open(*balancer, 4003, 11).verdict, Wait) << "the group has its four";
  balancer->expect_laws();
}

TEST_P(StickyWaiters, StayKnownWhereTheyAreThoughTheyWaitedForAnother) {
  const auto balancer = sticky_rig(1);
  const Outcome first = open(*balancer, 4001, 11);
  ASSERT_EQ(open(*balancer, 4001, 2).verdict, ForwardToTarget);
  ASSERT_EQ(open(*balancer, 4002, 11).verdict, Wait);
  const std::size_t home = number_of(first) == 1 ? 0 : 1;
  balancer->facts.targets[1 - home].max_connections = 2;
  balancer->publish();
  const std::vector<Outcome> released = balancer->give_places();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_NE(number_of(released[0]), number_of(first));
  EXPECT_EQ(sticky_found(*balancer), 0u);
  set_limits(*balancer, 10);
  EXPECT_EQ(number_of(open(*balancer, 4003, 11)), number_of(first));
  balancer->expect_laws();
}

INSTANTIATE_TEST_SUITE_P(Worlds, Waiters, testing::ValuesIn(spreading), name_of);
INSTANTIATE_TEST_SUITE_P(Worlds, StickyWaiters, testing::ValuesIn(spreading), name_of);

}  // namespace
}  // namespace tests
