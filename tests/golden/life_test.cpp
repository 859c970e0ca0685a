// The life of flows: opening, closing, reuse of ports, mid-stream packets, idle times, targets that
// are gone.
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Mode;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";
const std::string target = "10.0.1.11:8080";

config::Config one_target() { return standard_config(1, Mode::Nat, Algorithm::RoundRobin); }

class Life : public testing::Test {
 protected:
  void open(Rig& rig) {
    ASSERT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
    ASSERT_EQ(rig.run(tcp(target, client).flags(syn | ack), back).verdict, ForwardToClient);
    ASSERT_EQ(rig.run(tcp(client, web), front).verdict, ForwardToTarget);
  }
  std::uint64_t alive(Rig& rig) { return rig.counters().totals.flows_alive.read(); }
};

TEST_F(Life, AnIdleEstablishedFlowEndsAfterTheListenersTimeAndNotBefore) {
  Rig rig(one_target(), standard_facts(one_target()));
  open(rig);
  rig.advance(349'000);
  EXPECT_EQ(alive(rig), 1u);
  EXPECT_EQ(rig.run(tcp(target, client).payload("x"), back).verdict, ForwardToClient);
  rig.advance(349'000);
  EXPECT_EQ(alive(rig), 1u) << "traffic in either direction keeps it";
  rig.advance(3'000);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(rig.counters().totals.flows_expired.read(), 1u);
  EXPECT_EQ(rig.run(tcp(client, web), front).verdict, ReplyResetUnknownFlow);
  rig.expect_laws();
}

TEST_F(Life, UdpFlowsEndAfterTheirsAndStartAgain) {
  Rig rig(one_target(), standard_facts(one_target()));
  EXPECT_EQ(rig.run(udp(client, dns), front).verdict, ForwardToTarget);
  rig.advance(119'000);
  EXPECT_EQ(alive(rig), 1u);
  rig.advance(2'500);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(rig.run(udp(client, dns), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.counters().totals.flows_inserted.read(), 2u);
}

TEST_F(Life, HalfOpenFlowsEndEarly) {
  Rig rig(one_target(), standard_facts(one_target()));
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
  rig.advance(32'000);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, ClosedFlowsEndEarly) {
  Rig rig(one_target(), standard_facts(one_target()));
  open(rig);
  EXPECT_EQ(rig.run(tcp(client, web).flags(fin | ack), front).verdict, ForwardToTarget);
  rig.advance(60'000);
  EXPECT_EQ(alive(rig), 1u) << "half closed: the target may still be sending";
  EXPECT_EQ(rig.run(tcp(target, client).flags(fin | ack), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.run(tcp(client, web), front).verdict, ForwardToTarget) << "the last ACK";
  rig.advance(12'000);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, SimultaneousCloseIsClosing) {
  Rig rig(one_target(), standard_facts(one_target()));
  open(rig);
  EXPECT_EQ(rig.run(tcp(target, client).flags(fin | ack), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.run(tcp(client, web).flags(fin | ack), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(tcp(target, client), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.run(tcp(client, web), front).verdict, ForwardToTarget);
  rig.advance(12'000);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, ResetIsForwardedCountedAndForgottenSoon) {
  Rig rig(one_target(), standard_facts(one_target()));
  open(rig);
  EXPECT_EQ(rig.run(tcp(target, client).flags(rst | ack), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.counters().targets[0].target_resets.read(), 1u);
  rig.advance(4'000);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, AnEndThatTalksOnAfterItsResetNeverSentIt) {
  Rig rig(one_target(), standard_facts(one_target()));
  const Frame from_client = tcp(client, web);
  const Frame from_target = tcp(target, client);
  for (const auto& [forged, talks_on, stays] :
       {std::tuple{from_client, from_client, true}, std::tuple{from_target, from_target, true},
        std::tuple{from_client, from_target, false}, std::tuple{from_target, from_client, false}}) {
    open(rig);
    const auto side = [](const Frame& frame) { return frame.source.port == 5555 ? front : back; };
    rig.run(Frame(forged).flags(rst), side(forged));
    rig.run(Frame(talks_on).flags(ack).payload("still here"), side(talks_on));
    rig.advance(4'000);
    EXPECT_EQ(alive(rig), stays ? 1u : 0u);
    rig.advance(352'000);
    EXPECT_EQ(alive(rig), 0u);
  }
}

TEST_F(Life, ASynOnAClosedFlowStartsANewOne) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  open(rig);
  EXPECT_EQ(rig.run(tcp(client, web).flags(fin | ack), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(tcp(target, client).flags(fin | ack), back).verdict, ForwardToClient);
  const Outcome again = rig.run(tcp(client, web).flags(syn).sequence(99), front);
  EXPECT_EQ(again.verdict, ForwardToTarget);
  EXPECT_EQ(again.bytes,
            to_target(2, tcp(client, "10.0.1.12:8080").flags(syn).sequence(99).ttl(63)))
      << "round robin has gone on";
  EXPECT_EQ(alive(rig), 1u);
  EXPECT_EQ(rig.counters().totals.flows_removed.read(), 1u);
  rig.expect_laws();
}

TEST_F(Life, ASynOnAnEstablishedFlowGoesToItsTarget) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  open(rig);
  // The target answers it with a challenge ACK (RFC 5961, 4): that is for the ends to settle.
  const Outcome again = rig.run(tcp(client, web).flags(syn).sequence(99), front);
  EXPECT_EQ(again.bytes, to_target(1, tcp(client, target).flags(syn).sequence(99).ttl(63)));
}

TEST_F(Life, ARetransmittedSynStaysUnlessItsTargetIsOut) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  const Frame opening = tcp(client, web).flags(syn);
  EXPECT_EQ(rig.run(opening, front).bytes,
            to_target(1, tcp(client, target).flags(syn).ttl(63)));
  EXPECT_EQ(rig.run(opening, front).bytes,
            to_target(1, tcp(client, target).flags(syn).ttl(63)));
  rig.facts.targets[0].availability = config::Availability::FailOpen;
  rig.publish();
  EXPECT_EQ(rig.run(opening, front).bytes,
            to_target(2, tcp(client, "10.0.1.12:8080").flags(syn).ttl(63)));
  EXPECT_EQ(alive(rig), 1u);
}

TEST_F(Life, ABurstMayHoldAFlowsWholeBeginning) {
  Rig rig(one_target(), standard_facts(one_target()));
  std::vector<Input> inputs;
  for (int i = 0; i < 3; ++i) inputs.push_back(from_client(udp(client, dns).payload("a")));
  for (const Outcome& outcome : rig.run(inputs)) EXPECT_EQ(outcome.verdict, ForwardToTarget);
  EXPECT_EQ(alive(rig), 1u);
  inputs = {from_client(tcp(client, web).flags(syn)), from_client(tcp(client, web).flags(rst))};
  for (const Outcome& outcome : rig.run(inputs)) EXPECT_EQ(outcome.verdict, ForwardToTarget);
  rig.advance(4'000);
  EXPECT_EQ(alive(rig), 1u) << "the reset one is gone, UDP's stays";
}

TEST_F(Life, MidStreamPacketsAreResetWithoutPickUp) {
  play({.why = "RFC 9293, 3.10.7.1",
        .config = one_target(),
        .steps = {
            {"with ACK: its number is the RST's sequence",
             from_client(tcp(client, web).sequence(10).acknowledgement(4711).payload("abc")),
             ReplyResetUnknownFlow,
             to_client(tcp(web, client).flags(rst).sequence(4711).acknowledgement(0).window(0)
                           .identification(0)),
             front},
            {"without ACK: everything it held is acknowledged",
             from_client(tcp(client, web).flags(fin).sequence(10).payload("abc")),
             ReplyResetUnknownFlow,
             to_client(tcp(web, client).flags(rst | ack).sequence(0).acknowledgement(14).window(0)
                           .identification(0)),
             front},
            {"RST is never answered", from_client(tcp(client, web).flags(rst)), DropUnknownFlow,
             {}, {}, 0},
            {"a target's segment too", from_target(1, tcp(target, client).acknowledgement(9)),
             ReplyResetUnknownFlow,
             to_target(1, tcp(client, target).flags(rst).sequence(9).acknowledgement(0).window(0)
                              .identification(0)),
             back},
        }});
}

TEST_F(Life, MaglevPicksUpInMidStream) {
  const config::Config config = standard_config(5, Mode::Nat, Algorithm::Maglev);
  Rig before(config, standard_facts(config));
  Rig after(config, standard_facts(config));  // a restarted balancer: the same targets, no flows
  for (int i = 0; i < 200; ++i) {
    const std::string from = "198.18.1.9:" + std::to_string(10'000 + i);
    const Outcome opened = before.run(tcp(from, web).flags(syn), front);
    ASSERT_EQ(opened.verdict, ForwardToTarget);
    const int number = opened.bytes[5];  // last byte of the target's MAC address
    const std::string at = target_ip(number) + ":8080";
    if (i % 2 == 0) {
      EXPECT_EQ(after.run(tcp(from, web).payload("go on"), front).bytes,
                to_target(number, tcp(from, at).payload("go on").ttl(63)));
    } else {
      // The target speaks first: the client is found by route, and by its router's MAC address.
      EXPECT_EQ(after.run(tcp(at, from).payload("go on"), back).bytes,
                to_client(tcp(web, from).payload("go on").ttl(63)));
    }
  }
  EXPECT_EQ(after.counters().totals.flows_alive.read(), 200u);
  std::uint64_t picked_up = 0;
  for (int t = 0; t < 5; ++t) {
    picked_up += after.counters().targets[static_cast<std::size_t>(t)].picked_up_flows.read();
  }
  EXPECT_EQ(picked_up, 200u);
  after.expect_laws();
}

TEST_F(Life, HalfAHandshakeIsNotPickedUp) {
  const config::Config config = standard_config(1, Mode::Nat, Algorithm::Maglev);
  Rig rig(config, standard_facts(config));
  EXPECT_EQ(rig.run(tcp(target, client).flags(syn | ack), back).verdict, ReplyResetUnknownFlow);
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn | ack), front).verdict, ReplyResetUnknownFlow);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, NoTargetIsSaidToTcpClients) {
  config::Config config = one_target();
  config.target_groups[0].targets.clear();
  config.target_groups[1].targets.clear();
  play({.why = "an empty target group",
        .config = config,
        .steps = {{"SYN", from_client(tcp(client, web).flags(syn).sequence(10)), ReplyResetNoTarget,
                   to_client(tcp(web, client).flags(rst | ack).sequence(0).acknowledgement(11)
                                 .window(0).identification(0)),
                   front},
                  {"datagram", from_client(udp(client, dns)), DropNoTarget, {}, {}, 0}}});
}

TEST_F(Life, DrainingTargetsKeepTheirFlowsAndGetNoNew) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  open(rig);
  rig.facts.targets[0].availability = config::Availability::Draining;
  rig.publish();
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).bytes,
            to_target(1, tcp(client, target).payload("x").ttl(63)));
  for (int i = 0; i < 10; ++i) {
    const std::string from = "198.18.0.9:" + std::to_string(3000 + i);
    EXPECT_EQ(rig.run(tcp(from, web).flags(syn), front).bytes,
              to_target(2, tcp(from, "10.0.1.12:8080").flags(syn).ttl(63)));
  }
}

TEST_F(Life, TerminatedTargetsFlowsAreReset) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  open(rig);
  rig.facts.targets[0].availability = config::Availability::Terminated;
  rig.publish();
  EXPECT_EQ(rig.run(tcp(client, web).acknowledgement(7), front).verdict, ReplyResetTargetGone);
  EXPECT_EQ(rig.run(tcp(target, client).acknowledgement(7), back).verdict, ReplyResetTargetGone);
  EXPECT_EQ(rig.counters().targets[0].elb_resets.read(), 2u);
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
  rig.expect_laws();
}

TEST_F(Life, UdpFlowsOfTerminatedTargetsMove) {
  config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  EXPECT_EQ(rig.run(udp(client, dns), front).bytes,
            to_target(1, udp(client, "10.0.1.11:5353").ttl(63)));
  rig.facts.targets[2].availability = config::Availability::Terminated;
  rig.publish();
  EXPECT_EQ(rig.run(udp(client, dns), front).bytes,
            to_target(2, udp(client, "10.0.1.12:5353").ttl(63)));
  rig.expect_laws();
}

TEST_F(Life, AFullTableRefusesCleanly) {
  Rig rig(one_target(), standard_facts(one_target()), 1, 64);
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const Outcome outcome =
        rig.run(udp("198.18.0.9:" + std::to_string(3000 + i), dns), front);
    if (outcome.verdict == DropTableFull) ++refused;
  }
  EXPECT_EQ(alive(rig), 64u);
  EXPECT_EQ(refused, 36);
  rig.expect_laws();
}

TEST_F(Life, TwoListenersOneTargetSameClientPortCollide) {
  config::Config config = one_target();
  config::Listener other = config.listeners[0];
  other.name = "web-2";
  other.port = 81;
  config.listeners.push_back(other);
  Rig rig(config, standard_facts(config));
  open(rig);
  EXPECT_EQ(rig.run(tcp(client, "203.0.113.10:81").flags(syn), front).verdict, DropFlowCollision);
  EXPECT_EQ(rig.run(tcp(target, client).flags(rst), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.run(tcp(client, "203.0.113.10:81").flags(syn), front).verdict, ForwardToTarget)
      << "the first one is over";
  rig.expect_laws();
}

TEST_F(Life, AFlowThatWouldCollideGoesToTheNextTarget) {
  for (const Algorithm algorithm : {Algorithm::RoundRobin, Algorithm::Maglev}) {
    config::Config config = standard_config(2, Mode::Nat, algorithm);
    for (std::uint16_t port = 81; port < 84; ++port) {
      config.listeners.push_back(config.listeners[0]);
      config.listeners.back().name = "web-" + std::to_string(port);
      config.listeners.back().port = port;
    }
    Rig rig(config, standard_facts(config));
    const auto to = [&](const char* listener) {
      const Outcome outcome = rig.run(tcp(client, listener).flags(syn), front);
      return outcome.verdict == ForwardToTarget ? int{outcome.bytes[33]} : 0;
    };
    const int first = to("203.0.113.10:80");
    const int second = to("203.0.113.10:81");
    EXPECT_EQ(first + second, 11 + 12) << "one each";
    EXPECT_EQ(to("203.0.113.10:82"), 0) << "both have a flow of that client port";
    EXPECT_EQ(rig.verdicts(DropFlowCollision), 1u);
    rig.expect_laws();
  }
}

// Packets of a flow whose listener left, or moved, still reach the worker that has the flow.
TEST_F(Life, AListenersFlowsOutliveItOnEveryWorker) {
  for (const bool moves : {false, true}) {
    config::Config config = standard_config(2, Mode::Nat, Algorithm::RoundRobin);
    Rig rig(config, standard_facts(config), 2);
    const auto from = [](int port) { return "198.18.0.7:" + std::to_string(port); };
    for (int port = 5000; port < 5016; ++port) {
      ASSERT_EQ(rig.run(tcp(from(port), web).flags(syn), front).verdict, ForwardToTarget);
    }
    ASSERT_NE(rig.counters(0).totals.flows_alive.read(), 0u);
    ASSERT_NE(rig.counters(1).totals.flows_alive.read(), 0u);
    rig.facts.lingering_addresses = {*dataplane::parse_address("203.0.113.10")};
    if (moves) {
      for (config::Listener& listener : rig.config.listeners) {
        listener.address = *dataplane::parse_address("203.0.113.11");
      }
    } else {
      rig.config.listeners.clear();
      rig.facts.listeners.clear();
    }
    rig.publish();
    for (int port = 5000; port < 5016; ++port) {
      EXPECT_EQ(rig.run(tcp(from(port), web), front).verdict, ForwardToTarget) << port;
    }
    EXPECT_EQ(rig.run(tcp(from(6000), web).flags(syn), front).verdict, DropNoListener);
    rig.expect_laws();
  }
}

// Else overload that is forwarded without flows would leave a table of dead ones behind: every
// connection whose last packets find room.
TEST_F(Life, AConnectionPickedUpByItsLastPacketsIsSoonForgotten) {
  const config::Config config = standard_config(2, Mode::Nat, Algorithm::Maglev);
  Rig rig(config, standard_facts(config));
  const Outcome last = rig.run(tcp(client, web).flags(fin | ack), front);
  ASSERT_EQ(last.verdict, ForwardToTarget);
  const std::string at = target_ip(last.bytes[5]) + ":8080";
  ASSERT_EQ(rig.run(tcp(at, client).flags(fin | ack), back).verdict, ForwardToClient);
  ASSERT_EQ(rig.run(tcp(client, web).flags(ack), front).verdict, ForwardToTarget);
  EXPECT_EQ(alive(rig), 1u);
  rig.advance(12'000);
  EXPECT_EQ(alive(rig), 0u);
}

// A segmentation fault once: the SYN claims the client's endpoint from a connection that is over,
// while another packet of that connection is on its way in the same burst.
TEST_F(Life, AConnectionThatMakesRoomMayHavePacketsInTheSameBurst) {
  config::Config config = one_target();
  config::Listener other = config.listeners[0];
  other.name = "web-2";
  other.port = 81;
  config.listeners.push_back(other);
  const Input last_words = from_client(tcp(client, web).flags(rst));
  const Input opening = from_client(tcp(client, "203.0.113.10:81").flags(syn));
  const Input error = from_client(echo("198.18.0.1", "203.0.113.10")
                                      .icmp(3, 4, 1280)
                                      .payload(tcp(web, client).ttl(60).ip_packet()));
  for (const std::vector<Input>& burst :
       {std::vector{last_words, opening}, std::vector{last_words, opening, last_words},
        std::vector{last_words, error, opening, error}}) {
    Rig rig(config, standard_facts(config));
    open(rig);
    const std::vector<Outcome> outcomes = rig.run(burst);
    for (std::size_t i = 0; i < burst.size(); ++i) {
      const auto expected = burst[i].bytes == error.bytes ? DropUnknownFlow : ForwardToTarget;
      EXPECT_EQ(to_string(outcomes[i].verdict), to_string(expected));
    }
    rig.expect_laws();
  }
}

// Its end is told to the target that it belongs to, although a SYN is right behind it.
TEST_F(Life, LastWordsInTheBurstOfTheNextConnectionDoNotJoinIt) {
  const config::Config config = standard_config(2, Mode::Nat, Algorithm::Maglev);
  Rig rig(config, standard_facts(config));
  ASSERT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
  const std::vector<Outcome> outcomes =
      rig.run({from_client(tcp(client, web).flags(rst)), from_client(tcp(client, web).flags(syn))});
  EXPECT_EQ(outcomes[0].verdict, ForwardToTarget);
  EXPECT_EQ(outcomes[1].verdict, ForwardToTarget);
  EXPECT_EQ(alive(rig), 1u);
  EXPECT_EQ(rig.counters().targets[0].client_resets.read() +
                rig.counters().targets[1].client_resets.read(),
            1u);
  rig.advance(32'000);
  EXPECT_EQ(alive(rig), 0u) << "it is half open, not picked up as established";
}

TEST_F(Life, ATerminatedTargetsPacketsStartNothing) {
  const config::Config config = standard_config(2, Mode::Nat, Algorithm::Maglev);
  Rig rig(config, standard_facts(config));
  rig.facts.targets[0].availability = config::Availability::Terminated;
  rig.publish();
  EXPECT_EQ(rig.run(tcp(target, client).payload("x"), back).verdict, DropTargetGone);
  EXPECT_EQ(alive(rig), 0u);
}

TEST_F(Life, ADamagedIcmpErrorIsNotMadeWhole) {
  Rig rig(one_target(), standard_facts(one_target()));
  open(rig);
  Input error = from_client(echo("198.18.0.1", "203.0.113.10")
                                .icmp(3, 4, 1280)
                                .payload(tcp(web, client).ttl(60).ip_packet()));
  error.bytes[41] ^= 1;  // the MTU in it
  EXPECT_EQ(rig.run({error}).front().verdict, DropMalformed);
}

}  // namespace
}  // namespace tests
