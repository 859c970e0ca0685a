// Targets whose flows end: by RST at the next packet (unhealthy), or whether or not one comes (the
// draining is over). And how handshakes end, which is what passive health checks count.
#include <gtest/gtest.h>

#include <cstring>

#include "dataplane/path/end_flows.h"
#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using config::Availability;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";
const std::string target = "10.0.1.11:8080";

config::Config targets(int count) {
  return standard_config(count, Mode::Nat, Algorithm::RoundRobin);
}

/// "address:port" that a frame comes from.
std::string source_of(const Bytes& frame, Family family) {
  dataplane::IpAddress address;
  const std::uint8_t* ip = frame.data() + 14;
  const std::uint8_t* ports = ip + (family == Family::V4 ? 20 : 40);
  if (family == Family::V4) {
    dataplane::Ipv4Address v4;
    std::memcpy(&v4, ip + 12, sizeof v4);
    address = v4;
  } else {
    dataplane::Ipv6Address v6;
    std::memcpy(&v6, ip + 8, sizeof v6);
    address = v6;
  }
  return with_port(address, static_cast<std::uint16_t>(ports[0] << 8 | ports[1]));
}

class Ending : public testing::Test {
 protected:
  void open(Rig& rig, const std::string& from = client, const std::string& to = target) {
    ASSERT_EQ(rig.run(tcp(from, web).flags(syn), front).verdict, ForwardToTarget);
    ASSERT_EQ(rig.run(tcp(to, from).flags(syn | ack), back).verdict, ForwardToClient);
    ASSERT_EQ(rig.run(tcp(from, web), front).verdict, ForwardToTarget);
  }
  static std::uint64_t alive(Rig& rig) { return rig.counters().totals.flows_alive.read(); }
  static void set(Rig& rig, std::size_t number, Availability availability, bool resets = false) {
    rig.facts.targets[number].availability = availability;
    rig.facts.targets[number].resets_flows = resets;
    rig.publish();
  }
  /// An ACK that asks its receiver where it is; of our own, so nothing has decremented its TTL.
  static Frame question(const std::string& from, const std::string& to, std::uint32_t sequence) {
    return tcp(from, to).flags(ack).sequence(sequence).acknowledgement(0).window(0).identification(
        0);
  }
};

TEST_F(Ending, OfBothProtocolsDatagramsMoveAndConnectionsGoOn) {
  config::Config both = targets(2);
  both.target_groups[0].protocol = dataplane::Protocols::tcp_udp();
  both.listeners[0].protocol = dataplane::Protocols::tcp_udp();
  Rig rig(both, standard_facts(both));
  const auto flows_of = [&](std::size_t number) {
    return rig.counters().targets[number].active_flows.read();
  };
  open(rig);                                                                           // target 0
  ASSERT_EQ(rig.run(udp("198.18.0.8:1", web), front).verdict, ForwardToTarget);        // target 1
  ASSERT_EQ(rig.run(udp("198.18.0.8:2", web), front).verdict, ForwardToTarget);        // target 0
  ASSERT_EQ(rig.run(udp(target, "198.18.0.8:2"), back).verdict, ForwardToClient);
  ASSERT_EQ(flows_of(0), 2u);
  ASSERT_EQ(flows_of(1), 1u);
  rig.facts.targets[0].availability = Availability::FailOpen;
  rig.facts.targets[0].moves_udp = true;
  rig.publish();
  EXPECT_EQ(rig.run(udp("198.18.0.8:2", web), front).verdict, ForwardToTarget);
  EXPECT_EQ(flows_of(0), 1u);
  EXPECT_EQ(flows_of(1), 2u) << "moved with its next datagram";
  EXPECT_EQ(rig.run(udp(target, "198.18.0.8:2"), back).verdict, DropUnknownFlow) << "late";
  EXPECT_EQ(rig.run(tcp(client, web), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(tcp(target, client), back).verdict, ForwardToClient);
  EXPECT_TRUE(rig.end_flows().empty());
  EXPECT_EQ(flows_of(0), 1u) << "the connection goes on";
  EXPECT_EQ(rig.counters().targets[0].elb_resets.read(), 0u);
}

TEST_F(Ending, AnUnhealthyTargetsFlowsGetResetWithTheirNextPacket) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::FailOpen, true);
  EXPECT_TRUE(rig.end_flows().empty()) << "nobody is told before it speaks";
  EXPECT_EQ(alive(rig), 1u);
  const Outcome to_the_client = rig.run(tcp(client, web).acknowledgement(77), front);
  EXPECT_EQ(to_the_client.verdict, ReplyResetTargetGone);
  EXPECT_EQ(to_the_client.bytes,
            to_client(tcp(web, client).flags(rst).sequence(77).acknowledgement(0).window(0)
                          .identification(0)));
  EXPECT_EQ(rig.run(tcp(target, client).acknowledgement(78), back).verdict, ReplyResetTargetGone);
  EXPECT_EQ(rig.counters().targets[0].elb_resets.read(), 2u);
  rig.advance(4'000);
  EXPECT_EQ(alive(rig), 0u) << "told, it is soon forgotten";
  rig.expect_laws();
}

// A client that waits for the rest of a download says nothing, and would wait for ever.
TEST_F(Ending, WhenAnUnhealthyTargetSpeaksItsClientIsAskedAndReset) {
  const std::uint32_t first = 0x8000'0000;  // sequence number
  for (const bool target_speaks : {true, false}) {
    Rig rig(targets(2), standard_facts(targets(2)));
    open(rig);
    open(rig, "198.18.0.8:5555", "10.0.1.12:8080");
    open(rig, "198.18.0.9:5555");
    set(rig, 0, Availability::FailOpen, true);
    EXPECT_TRUE(rig.end_flows().empty());
    const Outcome told = target_speaks ? rig.run(tcp(target, client).payload("more"), back)
                                       : rig.run(tcp(client, web).payload("more"), front);
    EXPECT_EQ(told.verdict, ReplyResetTargetGone);
    rig.advance(500);
    const std::vector<Input> sent = rig.end_flows();
    ASSERT_EQ(sent.size(), 1u) << "the other end of that flow, and nobody else";
    EXPECT_EQ(dump(sent[0].bytes),
              target_speaks ? dump(to_client(question(web, client, first)))
                            : dump(to_target(1, question(client, target, first))));
    const Outcome answer = target_speaks ? rig.run(tcp(client, web).acknowledgement(77), front)
                                         : rig.run(tcp(target, client).acknowledgement(77), back);
    EXPECT_EQ(answer.verdict, ReplyResetTargetGone);
    rig.advance(4'000);
    EXPECT_TRUE(rig.end_flows().empty());
    EXPECT_EQ(alive(rig), 2u) << "two have not spoken";
    rig.expect_laws();
  }
}

TEST_F(Ending, AFlowWithoutAPacketOutlivesItsTargetsBadTime) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::FailOpen, true);
  rig.advance(20'000);
  set(rig, 0, Availability::Serving);
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ForwardToTarget);
  rig.advance(300'000);
  EXPECT_EQ(alive(rig), 1u);
}

TEST_F(Ending, WhileTheGroupFailsOpenNothingIsReset) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  rig.facts.targets[1].availability = Availability::FailOpen;
  rig.facts.targets[1].resets_flows = true;
  set(rig, 0, Availability::FailOpen, true);
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ForwardToTarget);
  set(rig, 1, Availability::Serving);
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ReplyResetTargetGone);
}

TEST_F(Ending, WithoutTerminationAnUnhealthyTargetKeepsItsFlows) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::FailOpen, false);
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(tcp(target, client).payload("x"), back).verdict, ForwardToClient);
}

TEST_F(Ending, UdpFlowsOfAnUnhealthyTargetMoveWithTheNextDatagram) {
  Rig rig(targets(2), standard_facts(targets(2)));
  EXPECT_EQ(rig.run(udp(client, dns), front).bytes,
            to_target(1, udp(client, "10.0.1.11:5353").ttl(63)));
  set(rig, 2, Availability::FailOpen, true);
  EXPECT_EQ(rig.run(udp(client, dns), front).bytes,
            to_target(2, udp(client, "10.0.1.12:5353").ttl(63)));
  set(rig, 2, Availability::Serving);
  EXPECT_EQ(rig.run(udp(client, dns), front).bytes,
            to_target(2, udp(client, "10.0.1.12:5353").ttl(63)))
      << "it does not move back";
  EXPECT_EQ(alive(rig), 1u);
  rig.expect_laws();
}

TEST_F(Ending, WhenADrainIsOverBothEndsOfAnIdleFlowAreAskedAndReset) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  rig.advance(60'000);
  set(rig, 0, Availability::Terminated);
  const std::vector<Input> sent = rig.end_flows();
  ASSERT_EQ(sent.size(), 2u);
  const bool client_first = sent[0].port == front;
  const Input& to_the_client = sent[client_first ? 0 : 1];
  const Input& to_the_target = sent[client_first ? 1 : 0];
  EXPECT_EQ(to_the_client.port, front);
  EXPECT_EQ(to_the_target.port, back);
  const std::uint32_t sequence = 0x8000'0000;
  EXPECT_EQ(dump(to_the_client.bytes), dump(to_client(question(web, client, sequence))));
  EXPECT_EQ(dump(to_the_target.bytes), dump(to_target(1, question(client, target, sequence))));

  // Their answers say which sequence number they expect, and get the RST that has it.
  const Outcome client_told = rig.run(tcp(client, web).sequence(5).acknowledgement(77), front);
  EXPECT_EQ(client_told.bytes,
            to_client(tcp(web, client).flags(rst).sequence(77).acknowledgement(0).window(0)
                          .identification(0)));
  rig.advance(500);
  const std::vector<Input> again = rig.end_flows();
  ASSERT_EQ(again.size(), 1u) << "who was told is not asked again";
  EXPECT_EQ(dump(again[0].bytes), dump(to_target(1, question(client, target, 0))));
  EXPECT_EQ(rig.run(tcp(target, client), back).verdict, ReplyResetTargetGone);
  rig.advance(500);
  EXPECT_TRUE(rig.end_flows().empty());
  rig.advance(3'000);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(rig.counters().targets[0].elb_resets.read(), 2u);
  rig.expect_laws();
}

TEST_F(Ending, EndsThatAreNotThereAnyMoreAreNotWaitedFor) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::Terminated);
  for (int half_second = 0; half_second < 10; ++half_second) {
    const std::size_t expected = alive(rig) == 0 ? 0 : 2;
    EXPECT_EQ(rig.end_flows().size(), expected);
    rig.advance(500);
  }
  EXPECT_EQ(alive(rig), 0u) << "nobody has answered";
  rig.expect_laws();
}

TEST_F(Ending, WhoSpokeBeforeItWasAskedIsToldAndTheOtherEndAsked) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::Terminated);
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ReplyResetTargetGone);
  const std::vector<Input> sent = rig.end_flows();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, back);
}

TEST_F(Ending, WhatIsOverHalfOpenOrUdpIsNotAsked) {
  Rig rig(targets(1), standard_facts(targets(1)));
  EXPECT_EQ(rig.run(tcp("198.18.0.1:1", web).flags(syn), front).verdict, ForwardToTarget);
  open(rig, "198.18.0.2:2");
  EXPECT_EQ(rig.run(tcp(target, "198.18.0.2:2").flags(rst), back).verdict, ForwardToClient);
  EXPECT_EQ(rig.run(udp(client, dns), front).verdict, ForwardToTarget);
  rig.facts.targets[1].availability = Availability::Terminated;  // of the UDP group
  set(rig, 0, Availability::Terminated);
  EXPECT_TRUE(rig.end_flows().empty());
  EXPECT_EQ(alive(rig), 1u) << "only the one that was reset, which goes by itself";
  rig.advance(4'000);
  EXPECT_EQ(alive(rig), 0u);
  rig.expect_laws();
}

TEST_F(Ending, AClientMayUseItsPortAgainWhileItsOldConnectionEnds) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::Terminated);
  EXPECT_EQ(rig.end_flows().size(), 2u);
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn), front).bytes,
            to_target(2, tcp(client, "10.0.1.12:8080").flags(syn).ttl(63)));
  EXPECT_EQ(alive(rig), 1u);
}

TEST_F(Ending, UndrainedInTimeAConnectionLivesOn) {
  Rig rig(targets(2), standard_facts(targets(2)));
  open(rig);
  set(rig, 0, Availability::Terminated);
  EXPECT_EQ(rig.end_flows().size(), 2u);
  set(rig, 0, Availability::Serving);
  EXPECT_TRUE(rig.end_flows().empty());
  EXPECT_EQ(rig.run(tcp(client, web).payload("x"), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(tcp(target, client), back).verdict, ForwardToClient);
  rig.advance(60'000);
  EXPECT_EQ(alive(rig), 1u);
}

TEST_F(Ending, ManyTargetsEndTogetherAFewFlowsAtATime) {
  constexpr int count = 100, flows = 1'000;
  Rig rig(targets(count), standard_facts(targets(count)));
  const auto from = [](int i) { return "198.18.1.1:" + std::to_string(2'000 + i); };
  for (int i = 0; i < flows; ++i) {
    open(rig, from(i), target_ip(1 + i % count) + ":8080");
  }
  for (std::size_t i = 0; i < count; i += 2) {
    rig.facts.targets[i].availability = Availability::Terminated;
  }
  rig.publish();
  dataplane::Core& core = rig.core();
  std::size_t steps = 0, asked = 0;
  do {
    const auto frames = dataplane::end_flows(core, rig.snapshot(), rig.now);
    EXPECT_LE(frames.size(), 64u);
    asked += frames.size();
    ++steps;
  } while (core.ending.running);
  EXPECT_EQ(asked, std::size_t{flows});  // half of them, both ends of each
  EXPECT_GT(steps, asked / 64);
  for (int half_second = 0; half_second < 8; ++half_second) {
    rig.advance(500);
    rig.end_flows();
  }
  EXPECT_EQ(alive(rig), std::uint64_t{flows} / 2);
  for (int i = 0; i < flows; ++i) {
    const auto expected = i % 2 == 0 ? ReplyResetUnknownFlow : ForwardToTarget;
    EXPECT_EQ(rig.run(tcp(from(i), web), front).verdict, expected);
  }
  rig.expect_laws();
}

TEST_F(Ending, Ipv6AndFullNatLikewise) {
  for (const Family family : {Family::V4, Family::V6}) {
    const bool v4 = family == Family::V4;
    const config::Config config =
        standard_config(2, Mode::FullNat, Algorithm::RoundRobin, family);
    Rig rig(config, standard_facts(config));
    const std::string from = v4 ? client : "[2001:db8:c::7]:5555";
    const std::string to = v4 ? web : "[2001:db8::10]:80";
    const Outcome opened = rig.run(tcp(from, to).flags(syn), front);
    ASSERT_EQ(opened.verdict, ForwardToTarget);
    rig.facts.targets[0].availability = Availability::Terminated;
    const std::string local = source_of(opened.bytes, family);
    const std::string at = v4 ? target : "[" + target_ip(1, family) + "]:8080";
    ASSERT_EQ(rig.run(tcp(at, local).flags(syn | ack), back).verdict, ForwardToClient) << local;
    rig.publish();
    EXPECT_EQ(rig.end_flows().size(), 2u);
    EXPECT_EQ(rig.run(tcp(from, to), front).verdict, ReplyResetTargetGone);
    EXPECT_EQ(rig.run(tcp(at, local), back).verdict, ReplyResetTargetGone);
    rig.expect_laws();
  }
}

// --- handshakes ---

struct Handshakes {
  std::uint64_t answered, failed;
  friend bool operator==(const Handshakes&, const Handshakes&) = default;
};
void PrintTo(const Handshakes& h, std::ostream* out) {
  *out << h.answered << " answered, " << h.failed << " failed";
}
Handshakes handshakes(Rig& rig) {
  const auto& counters = rig.counters().targets[0];
  return {counters.handshakes_answered.read(), counters.handshakes_failed.read()};
}

TEST_F(Ending, AnAnsweredSynIsAnsweredWhateverTheClientDoesThen) {
  Rig rig(targets(1), standard_facts(targets(1)));
  for (int i = 0; i < 10; ++i) {  // a flood from forged addresses, which answers nothing
    const std::string from = "198.18.9.9:" + std::to_string(3'000 + i);
    rig.run(tcp(from, web).flags(syn), front);
    rig.run(tcp(target, from).flags(syn | ack), back);
  }
  EXPECT_EQ(handshakes(rig), (Handshakes{10, 0}));
  rig.advance(40'000);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(handshakes(rig), (Handshakes{10, 0}));
}

TEST_F(Ending, AHandshakeFailsOnceByResetByRepetitionOrInSilence) {
  Rig rig(targets(1), standard_facts(targets(1)));
  rig.run(tcp("198.18.0.1:1", web).flags(syn), front);
  rig.run(tcp(target, "198.18.0.1:1").flags(rst | ack), back);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 1}));
  rig.run(tcp(target, "198.18.0.1:1").flags(rst | ack), back);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 1})) << "a second RST of the same";

  const Frame opening = tcp("198.18.0.2:2", web).flags(syn);
  rig.run(opening, front);
  rig.run(opening, front);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 1})) << "a copy at once says nothing";
  rig.advance(35'000);

  rig.run(opening, front);
  rig.advance(1'000);
  rig.run(opening, front);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 2}));
  rig.advance(2'000);
  rig.run(opening, front);
  rig.advance(35'000);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 2})) << "not for the third SYN, nor for the end";

  rig.run(tcp("198.18.0.3:3", web).flags(syn), front);
  rig.advance(35'000);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 3}));
}

TEST_F(Ending, AClientThatGivesUpItselfIsNobodysFault) {
  Rig rig(targets(1), standard_facts(targets(1)));
  rig.run(tcp(client, web).flags(syn), front);
  rig.run(tcp(client, web).flags(rst), front);
  rig.advance(40'000);
  EXPECT_EQ(alive(rig), 0u);
  EXPECT_EQ(handshakes(rig), (Handshakes{0, 0}));
  open(rig);
  rig.run(tcp(target, client).flags(rst), back);  // after the handshake: the application's business
  EXPECT_EQ(handshakes(rig), (Handshakes{1, 0}));
}

}  // namespace
}  // namespace tests
