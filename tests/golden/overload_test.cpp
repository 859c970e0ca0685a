// More new flows than the table or the rate has room for: refused, or sent on packet by packet.
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Verdict;

enum class Cause { Rate, Table };

constexpr int targets = 5;
constexpr std::uint64_t capacity = 64;    // flows, where the table is to be full
constexpr std::uint64_t rate_burst = 32;  // new flows that a rate of 1 lets through at once

struct Pressure {
  Family family;
  Cause cause;
};

class Overload : public testing::TestWithParam<Pressure> {
 protected:
  bool v4() const { return GetParam().family == Family::V4; }
  Verdict refusal() const { return GetParam().cause == Cause::Rate ? DropFlowRate : DropTableFull; }
  std::string client(int port = 5555) const {
    return (v4() ? "198.18.0.7:" : "[2001:db8:c::7]:") + std::to_string(port);
  }
  std::string web() const { return v4() ? "203.0.113.10:80" : "[2001:db8::10]:80"; }
  std::string dns() const { return v4() ? "203.0.113.10:53" : "[2001:db8::10]:53"; }
  std::string target(int number, int port) const {
    const std::string address = target_ip(number, GetParam().family);
    return (v4() ? address : "[" + address + "]") + ":" + std::to_string(port);
  }

  config::Config config(dataplane::Overload overload, Mode mode = Mode::Nat,
                        Algorithm algorithm = Algorithm::Maglev) const {
    config::Config config = standard_config(targets, mode, algorithm, GetParam().family);
    for (config::TargetGroup& group : config.target_groups) group.overload = overload;
    config.flows.new_per_second = GetParam().cause == Cause::Rate ? 1 : 0;
    return config;
  }
  Rig rig(const config::Config& config) const {
    return Rig(config, standard_facts(config), 1,
               GetParam().cause == Cause::Rate ? 4096 : capacity);
  }
  static std::uint64_t room() { return GetParam().cause == Cause::Rate ? rate_burst : capacity; }
  /// Opens flows until no more can be entered. They end after 120 s.
  void press(Rig& rig) {
    for (int port = 2000; alive(rig) < room(); ++port) {
      const std::string from = v4() ? "198.18.1.1:" : "[2001:db8:c::1:1]:";
      ASSERT_EQ(rig.run(udp(from + std::to_string(port), dns()), front).verdict, ForwardToTarget);
    }
  }
  static std::uint64_t alive(Rig& rig) { return rig.counters().totals.flows_alive.read(); }
  static std::uint64_t stateless(Rig& rig) { return rig.counters().totals.stateless.read(); }
  static int number_of(const Outcome& outcome) { return outcome.bytes[5]; }  // target's MAC address
  /// The target that the client's flow gets where there is room.
  int home(const Frame& opening) const {
    Rig calm = rig(config(dataplane::Overload::Refuse));
    const Outcome opened = calm.run(opening, front);
    EXPECT_EQ(opened.verdict, ForwardToTarget);
    return number_of(opened);
  }
  std::uint64_t picked_up(Rig& rig) const {
    std::uint64_t sum = 0;
    for (const auto& counters : rig.counters().targets) sum += counters.picked_up_flows.read();
    return sum;
  }
};

TEST_P(Overload, RefusesWithACountAndKeepsWhatIsThere) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    Rig balancer = rig(config(dataplane::Overload::Refuse, mode));
    const Outcome opened = balancer.run(tcp(client(), web()).flags(syn), front);
    press(balancer);
    const std::uint64_t before = alive(balancer);
    const std::uint64_t local_port = balancer.core().turns.local_port;
    for (int i = 0; i < 10; ++i) {
      const std::string stranger = client(6000 + i);
      EXPECT_EQ(balancer.run(tcp(stranger, web()).flags(syn), front).verdict, refusal());
      EXPECT_EQ(balancer.run(udp(stranger, dns()), front).verdict, refusal());
    }
    EXPECT_EQ(balancer.run(tcp(client(), web()).payload("x"), front).verdict, ForwardToTarget);
    EXPECT_EQ(alive(balancer), before);
    EXPECT_EQ(stateless(balancer), 0u);
    EXPECT_EQ(balancer.counters().listeners[0].rejected_flows.read(), 10u);
    EXPECT_EQ(balancer.counters().listeners[1].rejected_flows.read(), 10u);
    EXPECT_EQ(balancer.core().turns.local_port, local_port) << "none was looked for";
    balancer.expect_laws();
  }
}

TEST_P(Overload, NoTargetIsSaidAllTheSame) {
  Rig balancer = rig(config(dataplane::Overload::Refuse));
  press(balancer);
  balancer.config.target_groups[0].targets.clear();
  balancer.facts.targets.erase(balancer.facts.targets.begin(),
                               balancer.facts.targets.begin() + targets);
  balancer.publish();
  EXPECT_EQ(balancer.run(tcp(client(), web()).flags(syn), front).verdict, ReplyResetNoTarget);
}

TEST_P(Overload, ForwardsTcpWithoutAFlow) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  const Frame opening = tcp(client(), web()).flags(syn);
  const int to = home(opening);
  press(balancer);
  const std::uint64_t before = alive(balancer);
  const std::string at = target(to, 8080);
  const auto out = [&](Frame frame) {
    frame.source = endpoint(client());
    frame.destination = endpoint(at);
    return to_target(to, frame.ttl(63));
  };
  const auto in = [&](Frame frame) {
    frame.source = endpoint(web());
    frame.destination = endpoint(client());
    return to_client(frame.ttl(63));
  };
  const auto both = [&](std::uint8_t client_flags, std::uint8_t target_flags, const char* said) {
    const Frame asks = tcp(client(), web()).flags(client_flags).payload(said);
    const Outcome asked = balancer.run({from_client(asks)}).front();
    EXPECT_EQ(asked.verdict, ForwardToTarget);
    EXPECT_EQ(asked.port, back);
    EXPECT_EQ(asked.bytes, out(asks)) << dump(asked.bytes);
    const Frame answers = tcp(at, client()).flags(target_flags).payload(said);
    const Outcome answered = balancer.run({from_target(to, answers)}).front();
    EXPECT_EQ(answered.verdict, ForwardToClient);
    EXPECT_EQ(answered.port, front);
    EXPECT_EQ(answered.bytes, in(answers)) << dump(answered.bytes);
  };
  both(syn, syn | ack, "");
  both(ack, ack, "");
  both(psh | ack, psh | ack, "an odd number");
  both(fin | ack, fin | ack, "");
  both(rst, rst | ack, "");
  EXPECT_EQ(alive(balancer), before);
  EXPECT_EQ(stateless(balancer), 10u);
  EXPECT_EQ(balancer.counters().listeners[0].rejected_flows.read(), 0u);
  EXPECT_EQ(balancer.counters().targets[static_cast<std::size_t>(to - 1)].packets_to_target.read(),
            5u);
  balancer.expect_laws();
}

TEST_P(Overload, ForwardsUdpWithoutAFlow) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  const Frame question = udp(client(), dns()).payload("question");
  const int to = home(question);
  press(balancer);
  const std::uint64_t before = alive(balancer);
  const std::string at = target(to, 5353);
  for (const bool sum : {true, false}) {
    if (!sum && !v4()) continue;  // IPv6 does not have it (RFC 8200, 8.1)
    const auto dressed = [&](Frame frame) { return sum ? frame : frame.no_udp_checksum(); };
    EXPECT_EQ(balancer.run({from_client(dressed(question))}).front().bytes,
              to_target(to, dressed(udp(client(), at).payload("question")).ttl(63)));
    EXPECT_EQ(
        balancer.run({from_target(to, dressed(udp(at, client()).payload("answer")))}).front().bytes,
        to_client(dressed(udp(dns(), client()).payload("answer")).ttl(63)));
  }
  EXPECT_EQ(alive(balancer), before);
  EXPECT_EQ(stateless(balancer), v4() ? 4u : 2u);
  balancer.expect_laws();
}

TEST_P(Overload, AFlowIsEnteredWhereItWasOnceThereIsRoom) {
  for (const bool client_speaks : {true, false}) {
    for (int port = 5000; port < 5004; ++port) {
      Rig balancer = rig(config(dataplane::Overload::Forward));
      const Frame opening = tcp(client(port), web()).flags(syn);
      const int to = home(opening);
      press(balancer);
      const std::string at = target(to, 8080);
      EXPECT_EQ(number_of(balancer.run(opening, front)), to);
      balancer.advance(121'500);
      EXPECT_EQ(alive(balancer), 0u);
      // What ends or half opens a connection goes on, and is no reason to enter it.
      EXPECT_EQ(balancer.run(tcp(at, client(port)).flags(syn | ack), back).verdict,
                ForwardToClient);
      EXPECT_EQ(balancer.run(tcp(client(port), web()).flags(rst), front).verdict, ForwardToTarget);
      EXPECT_EQ(alive(balancer), 0u);
      const Outcome said = client_speaks
                               ? balancer.run(tcp(client(port), web()).payload("x"), front)
                               : balancer.run(tcp(at, client(port)).payload("x"), back);
      EXPECT_EQ(alive(balancer), 1u);
      EXPECT_EQ(picked_up(balancer), 1u);
      EXPECT_TRUE(!client_speaks || number_of(said) == to);
      EXPECT_EQ(number_of(balancer.run(tcp(client(port), web()).payload("y"), front)), to);
      EXPECT_EQ(balancer.run(tcp(at, client(port)).payload("z"), back).verdict, ForwardToClient);
      EXPECT_EQ(alive(balancer), 1u);
      balancer.expect_laws();
    }
  }
}

TEST_P(Overload, ABurstMayHoldAFlowsWholeLife) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  press(balancer);
  const std::vector<Outcome> outcomes =
      balancer.run({from_client(tcp(client(), web()).flags(syn)), from_client(tcp(client(), web())),
                    from_client(tcp(client(), web()).payload("x")),
                    from_client(tcp(client(), web()).flags(rst))});
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.verdict, ForwardToTarget);
    EXPECT_EQ(number_of(outcome), number_of(outcomes[0]));
  }
  EXPECT_EQ(stateless(balancer), 4u);
  balancer.expect_laws();
}

// The RST does not enter the flow, the segment behind it does: that is no collision.
TEST_P(Overload, ABurstMayEnterAFlowBehindAPacketThatGoesWithoutIt) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  for (const Outcome& outcome : balancer.run({from_client(tcp(client(), web()).flags(rst)),
                                              from_client(tcp(client(), web()).payload("x"))})) {
    EXPECT_EQ(outcome.verdict, ForwardToTarget);
  }
  EXPECT_EQ(alive(balancer), 1u);
  EXPECT_EQ(stateless(balancer), 1u);
  balancer.expect_laws();
}

TEST_P(Overload, WithoutForwardMidStreamPacketsAreJudgedAsEver) {
  for (const Algorithm algorithm : {Algorithm::RoundRobin, Algorithm::Maglev}) {
    Rig balancer = rig(config(dataplane::Overload::Refuse, Mode::Nat, algorithm));
    press(balancer);
    const Verdict expected = algorithm == Algorithm::Maglev ? refusal() : ReplyResetUnknownFlow;
    EXPECT_EQ(balancer.run(tcp(client(), web()).payload("x"), front).verdict, expected);
    EXPECT_EQ(balancer.run(tcp(target(1, 8080), client()).payload("x"), back).verdict, expected);
    EXPECT_EQ(balancer.run(tcp(client(), web()).flags(rst), front).verdict, DropUnknownFlow);
    EXPECT_EQ(balancer.run(tcp(target(1, 8080), client()).flags(syn | ack), back).verdict,
              ReplyResetUnknownFlow);
    balancer.expect_laws();
  }
}

// Both options change with the next generation, for the very next packet.
TEST_P(Overload, ReloadsChangeIt) {
  Rig balancer = rig(config(dataplane::Overload::Refuse));
  const Frame opening = tcp(client(), web()).flags(syn);
  press(balancer);
  EXPECT_EQ(balancer.run(opening, front).verdict, refusal());
  balancer.config.target_groups[0].overload = dataplane::Overload::Forward;
  balancer.publish();
  EXPECT_EQ(balancer.run(opening, front).verdict, ForwardToTarget);
  EXPECT_EQ(stateless(balancer), 1u);
  EXPECT_EQ(balancer.run(udp(client(), dns()), front).verdict, refusal()) << "not that group's";
  balancer.config.target_groups[0].overload = dataplane::Overload::Refuse;
  balancer.publish();
  EXPECT_EQ(balancer.run(opening, front).verdict, refusal());
  if (GetParam().cause == Cause::Rate) {
    balancer.config.flows.new_per_second = 0;
    balancer.publish();
    const std::uint64_t before = alive(balancer);
    EXPECT_EQ(balancer.run(opening, front).verdict, ForwardToTarget);
    EXPECT_EQ(alive(balancer), before + 1);
  }
}

// The listener moves to another port: flows that it has had still hold their client's address and
// port at the target.
TEST_P(Overload, AFlowThatTheTargetCouldNotTellApartIsNotForwarded) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  const int to = number_of(balancer.run(tcp(client(), web()).flags(syn), front));
  balancer.config.listeners[0].name = "web-2";
  balancer.config.listeners[0].port = 81;
  balancer.facts.listeners[0] = {"web-2", dataplane::ListenerId{2}, 1};
  // One target, so that both flows are for it.
  for (config::TargetFact& fact : balancer.facts.targets) {
    const bool other =
        fact.target_group == "web" && !(fact.address == endpoint(target(to, 1)).address);
    if (other) fact.availability = config::Availability::Draining;
  }
  balancer.publish();
  press(balancer);
  const std::string moved = v4() ? "203.0.113.10:81" : "[2001:db8::10]:81";
  EXPECT_EQ(balancer.run(tcp(client(), moved).flags(syn), front).verdict, DropFlowCollision);
  EXPECT_EQ(balancer.run(tcp(client(6000), moved).flags(syn), front).verdict, ForwardToTarget);
  // The old flow is over: the new one may take its place.
  EXPECT_EQ(balancer.run(tcp(target(to, 8080), client()).flags(rst), back).verdict,
            ForwardToClient);
  EXPECT_EQ(balancer.run(tcp(client(), moved).flags(syn), front).verdict, ForwardToTarget);
  balancer.expect_laws();
}

// Two groups have the target, as only a reload can leave it: what it sends is the one's flows' or
// the other's, and nobody can tell which.
TEST_P(Overload, TargetsThatAreNotTheirGroupsAloneGetNothingWithoutAFlow) {
  config::Config config = this->config(dataplane::Overload::Forward);
  config.target_groups.push_back(config.target_groups[0]);
  config.target_groups.back().name = "other";
  config.listeners.push_back(config.listeners[0]);
  config.listeners.back().name = "other";
  config.listeners.back().port = 81;
  config.listeners.back().target_group = "other";
  Rig balancer = rig(config);
  press(balancer);
  const std::string other = v4() ? "203.0.113.10:81" : "[2001:db8::10]:81";
  EXPECT_EQ(balancer.run(tcp(client(), web()).flags(syn), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer.run(tcp(client(6000), other).flags(syn), front).verdict, refusal());
  // A second listener: the same.
  balancer.config.listeners[2].target_group = "web";
  balancer.publish();
  EXPECT_EQ(balancer.run(tcp(client(), web()).flags(syn), front).verdict, refusal());
  EXPECT_EQ(balancer.run(tcp(client(), web()).flags(rst), front).verdict, DropUnknownFlow);
}

TEST_P(Overload, WhatCannotLeaveIsDecidedAsInAFlow) {
  config::Config config = this->config(dataplane::Overload::Forward);
  config.ports[0].vlan = 100;
  config.ports[1].mtu = 1300;
  Rig balancer = rig(config);
  const auto tagged = [](Frame frame) { return from_client(frame.vlan(100)); };
  for (int i = 0; alive(balancer) < room(); ++i) {
    ASSERT_EQ(balancer.run({tagged(udp(client(2000 + i), dns()))}).front().verdict,
              ForwardToTarget);
  }
  const Bytes large(1400, 'x');
  EXPECT_EQ(balancer.run({tagged(udp(client(), dns()).ttl(1))}).front().verdict, DropTtl);
  EXPECT_EQ(balancer.run({tagged(udp(client(), dns()).payload(large))}).front().verdict,
            ReplyTooBig);
  EXPECT_EQ(balancer.run({tagged(udp(client(), dns()))}).front().verdict, ForwardToTarget);
  const std::string at = target(1, 5353);
  EXPECT_EQ(balancer.run(udp(at, client()).payload("answer"), back).bytes,
            to_client(udp(dns(), client()).payload("answer").ttl(63).vlan(100)));
  // The way to the client is the route's. Without a gateway there is none.
  const std::uint64_t rejected = balancer.counters().listeners[1].rejected_flows.read();
  balancer.facts.neighbours.erase(balancer.facts.neighbours.begin());
  balancer.publish();
  EXPECT_EQ(balancer.run(udp(at, client()).payload("answer"), back).verdict, DropNoNextHop);
  EXPECT_FALSE(balancer.core().missing_hops.addresses().empty());
  EXPECT_EQ(balancer.counters().listeners[1].rejected_flows.read(), rejected);
  balancer.expect_laws();
}

TEST_P(Overload, IcmpErrorsAboutWhatWentWithoutAFlowFindTheirWay) {
  Rig balancer = rig(config(dataplane::Overload::Forward));
  const Frame question = udp(client(), dns()).payload("q");
  const int to = home(question);
  press(balancer);
  const std::string at = target(to, 5353);
  const std::string router = v4() ? "198.18.0.1" : "2001:db8:c::1";
  const std::string ours = v4() ? "203.0.113.10" : "2001:db8::10";
  const std::string theirs = target_ip(to, GetParam().family);
  const std::string him = v4() ? "198.18.0.7" : "2001:db8:c::7";
  const std::uint8_t type = v4() ? 3 : 2;  // too big
  const std::uint8_t code = v4() ? 4 : 0;
  const auto about = [](const Frame& frame) { return frame.ip_packet(); };
  // A router on the client's side could not pass on an answer.
  EXPECT_EQ(balancer
                .run({from_client(echo(router, ours)
                                      .icmp(type, code, 1280)
                                      .payload(about(udp(dns(), client()).ttl(60).payload("a"))))})
                .front()
                .bytes,
            to_target(to, echo(router, theirs)
                              .ttl(63)
                              .icmp(type, code, 1280)
                              .payload(about(udp(at, client()).ttl(60).payload("a")))));
  // The target refuses a datagram.
  const std::uint8_t refused = v4() ? 3 : 1, port = v4() ? 3 : 4;
  EXPECT_EQ(balancer
                .run({from_target(to, echo(theirs, him)
                                          .icmp(refused, port, 0)
                                          .payload(about(udp(client(), at).ttl(63).payload("q"))))})
                .front()
                .bytes,
            to_client(echo(ours, him)
                          .ttl(63)
                          .icmp(refused, port, 0)
                          .payload(about(udp(client(), dns()).ttl(63).payload("q")))));
  EXPECT_EQ(stateless(balancer), 2u);
  balancer.expect_laws();
}

INSTANTIATE_TEST_SUITE_P(Pressures, Overload,
                         testing::Values(Pressure{Family::V4, Cause::Rate},
                                         Pressure{Family::V4, Cause::Table},
                                         Pressure{Family::V6, Cause::Rate},
                                         Pressure{Family::V6, Cause::Table}),
                         [](const auto& pressure) {
                           return std::string(pressure.param.family == Family::V4 ? "v4" : "v6") +
                                  (pressure.param.cause == Cause::Rate ? "_rate" : "_table");
                         });

TEST(NewFlows, AsManyASecondAsTheRateSays) {
  config::Config config = standard_config(2, Mode::FullNat, Algorithm::RoundRobin);
  config.flows.new_per_second = 1000;
  Rig balancer(config, standard_facts(config), 1, 16'384);
  int port = 1024;
  const auto offer = [&](int flows) {
    int entered = 0;
    for (int i = 0; i < flows; ++i, ++port) {
      const auto verdict =
          balancer.run(udp("198.18.0.7:" + std::to_string(port), "203.0.113.10:53"), front).verdict;
      entered += verdict == ForwardToTarget ? 1 : 0;
    }
    return entered;
  };
  EXPECT_EQ(offer(1000), 100) << "a burst of a tenth";
  balancer.advance(50);
  EXPECT_EQ(offer(1000), 50);
  balancer.advance(1000);
  EXPECT_EQ(offer(1000), 100);
  EXPECT_EQ(balancer.verdicts(DropFlowRate), 2750u);
}

}  // namespace
}  // namespace tests
