// Listeners of ranges of ports and of TCP and UDP at once, and targets that keep the port that the
// client asked for.
#include <gtest/gtest.h>

#include <string>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Protocols;
using dataplane::Verdict;

class PortRanges : public testing::TestWithParam<Family> {
 protected:
  static bool v4() { return GetParam() == Family::V4; }
  static std::string at(const std::string& address, int port) {
    return (v4() ? address : "[" + address + "]") + ":" + std::to_string(port);
  }
  static std::string client(int port = 5555) {
    return at(v4() ? "198.18.0.7" : "2001:db8:c::7", port);
  }
  static std::string games(int port) { return at(v4() ? "203.0.113.10" : "2001:db8::10", port); }
  static std::string target(int number, int port) {
    return at(target_ip(number, GetParam()), port);
  }
  static int number_of(const Outcome& outcome) { return outcome.bytes[5]; }  // target's MAC address

  /// One listener "games" of TCP and UDP on ports 5000-5999, whose targets keep the port.
  static config::Config config(int targets = 1, Mode mode = Mode::Nat,
                               Algorithm algorithm = Algorithm::Maglev) {
    config::Config config = standard_config(targets, mode, algorithm, GetParam());
    config.target_groups.resize(1);
    config.listeners.resize(1);
    config::TargetGroup& group = config.target_groups[0];
    group.name = "games";
    group.protocol = Protocols::tcp_udp();
    group.port = 0;
    for (config::Target& target : group.targets) target.port = 0;
    config::Listener& listener = config.listeners[0];
    listener.name = listener.target_group = "games";
    listener.protocol = Protocols::tcp_udp();
    listener.port = 5000;
    listener.port_last = 5999;
    return config;
  }
  static config::Listener& add(config::Config& config, const std::string& name, int first,
                               int last = 0) {
    config::Listener listener = config.listeners[0];
    listener.name = name;
    listener.port = static_cast<std::uint16_t>(first);
    listener.port_last = static_cast<std::uint16_t>(last);
    config.listeners.push_back(listener);
    return config.listeners.back();
  }
  static Rig rig(const config::Config& config, int workers = 1) {
    return Rig(config, standard_facts(config), workers);
  }
  static std::uint64_t flows(Rig& rig, std::size_t listener) {
    return rig.counters().listeners[listener].new_flows.read();
  }
};

TEST_P(PortRanges, KeepThePortBothWaysInBothProtocols) {
  Case golden{.why = "the port that the client asked for", .config = config(), .steps = {}};
  for (const int port : {5000, 5432, 5999}) {
    const std::string asked = games(port), asked_at_target = target(1, port);
    golden.steps.push_back({"SYN", from_client(tcp(client(), asked).flags(syn)), ForwardToTarget,
                            to_target(1, tcp(client(), asked_at_target).flags(syn).ttl(63)),
                            back});
    golden.steps.push_back(
        {"SYN-ACK", from_target(1, tcp(asked_at_target, client()).flags(syn | ack)),
         ForwardToClient, to_client(tcp(asked, client()).flags(syn | ack).ttl(63)), front});
    golden.steps.push_back({"datagram", from_client(udp(client(), asked).payload("move")),
                            ForwardToTarget,
                            to_target(1, udp(client(), asked_at_target).payload("move").ttl(63)),
                            back});
    golden.steps.push_back({"answer",
                            from_target(1, udp(asked_at_target, client()).payload("moved")),
                            ForwardToClient,
                            to_client(udp(asked, client()).payload("moved").ttl(63)), front});
  }
  play(golden);
}

/// Every packet of UDP is in both figures, whichever of the path's ways it took.
TEST_P(PortRanges, CountTheBytesOfUdpApart) {
  Rig balancer = rig(config());
  const std::string asked = games(5000), at_target = target(1, 5000);
  const auto ip_bytes = [](const Frame& frame) {
    return frame.bytes().size() - sizeof(dataplane::EthernetHeader);
  };
  const auto send = [&](const Frame& frame, dataplane::PortId port) {
    const Verdict wanted = port == front ? ForwardToTarget : ForwardToClient;
    EXPECT_EQ(balancer.run(frame, port).verdict, wanted);
    return ip_bytes(frame);
  };
  std::size_t tcp_bytes = send(tcp(client(), asked).flags(syn), front);
  tcp_bytes += send(tcp(client(), asked).flags(syn), front);
  std::size_t out = 0, back_bytes = 0;
  for (int i = 0; i < 5; ++i) {  // the first makes the flow, the others take the fast path
    out += send(udp(client(), asked).payload("move"), front);
    back_bytes += send(udp(at_target, client()).payload("you have moved"), back);
  }
  // In one burst with packets of TCP.
  const std::vector<Input> together{
      {tcp(client(), asked).flags(syn).bytes(), front},
      {udp(client(), asked).payload("on").bytes(), front},
      {udp(client(6'666), asked).payload("another's").bytes(), front},
  };
  for (const Outcome& outcome : balancer.run(together)) EXPECT_EQ(outcome.verdict, ForwardToTarget);
  tcp_bytes += ip_bytes(tcp(client(), asked).flags(syn));
  out += ip_bytes(udp(client(), asked).payload("on"));
  out += ip_bytes(udp(client(), asked).payload("another's"));

  const dataplane::UdpCounters& udp_part = balancer.counters().target_udp[0];
  const dataplane::TargetCounters& all = balancer.counters().targets[0];
  EXPECT_EQ(udp_part.packets_to_target.read(), 7u);
  EXPECT_EQ(udp_part.bytes_to_target.read(), out);
  EXPECT_EQ(udp_part.packets_to_client.read(), 5u);
  EXPECT_EQ(udp_part.bytes_to_client.read(), back_bytes);
  EXPECT_EQ(all.bytes_to_target.read(), out + tcp_bytes);
  EXPECT_EQ(all.bytes_to_client.read(), back_bytes);
}

TEST_P(PortRanges, OfOneProtocolAreNotCountedTwice) {
  config::Config only_udp = config();
  only_udp.target_groups[0].protocol = only_udp.listeners[0].protocol = dataplane::Protocol::Udp;
  Rig balancer = rig(only_udp);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(balancer.run(udp(client(), games(5000)), front).verdict, ForwardToTarget);
  }
  EXPECT_FALSE(balancer.snapshot().any_tcp_udp);
  EXPECT_EQ(balancer.counters().targets[0].packets_to_target.read(), 2u);
  EXPECT_EQ(balancer.counters().target_udp[0].packets_to_target.read(), 0u);
}

TEST_P(PortRanges, LeadToOnePortWhereTheGroupHasOne) {
  config::Config fixed = config();
  fixed.target_groups[0].port = 8080;
  fixed.target_groups[0].targets[0].port = 8080;
  play({.why = "many ports in front, one behind",
        .config = fixed,
        .steps = {{"SYN", from_client(tcp(client(), games(5001)).flags(syn)), ForwardToTarget,
                   to_target(1, tcp(client(), target(1, 8080)).flags(syn).ttl(63)), back},
                  {"SYN-ACK", from_target(1, tcp(target(1, 8080), client()).flags(syn | ack)),
                   ForwardToClient,
                   to_client(tcp(games(5001), client()).flags(syn | ack).ttl(63)), front}}});
}

TEST_P(PortRanges, BeginAndEndWhereTheySay) {
  Rig balancer = rig(config());
  for (const int port : {1, 80, 4999, 6000, 65'535}) {
    EXPECT_EQ(balancer.run(tcp(client(), games(port)).flags(syn), front).verdict, DropNoListener)
        << port;
  }
  for (const int port : {5000, 5999}) {
    EXPECT_EQ(balancer.run(tcp(client(), games(port)).flags(syn), front).verdict, ForwardToTarget);
  }
  Frame to_none = udp(client(), games(5000));
  to_none.destination.port = 0;
  EXPECT_EQ(balancer.run(to_none, front).verdict, DropNoListener);
}

TEST_P(PortRanges, AnExactPortComesFirstAndAllGetsTheRest) {
  config::Config several = config();
  add(several, "exact", 5500);
  add(several, "all", 1, 65'535);
  add(several, "second", 7000, 7999).protocol = dataplane::Protocol::Udp;
  Rig balancer = rig(several);
  const auto lands = [&](int port, std::size_t listener, bool is_tcp = true) {
    const std::uint64_t before = flows(balancer, listener);
    const Frame frame = is_tcp ? tcp(client(), games(port)).flags(syn) : udp(client(), games(port));
    return balancer.run(frame, front).verdict == ForwardToTarget &&
           flows(balancer, listener) == before + 1;
  };
  for (const bool is_tcp : {true, false}) {
    EXPECT_TRUE(lands(5499, 0, is_tcp));
    EXPECT_TRUE(lands(5500, 1, is_tcp));
    EXPECT_TRUE(lands(5501, 0, is_tcp));
    for (const int port : {1, 4999, 6000, 6999, 8000, 65'535}) {
      EXPECT_TRUE(lands(port, 2, is_tcp)) << port;
    }
  }
  EXPECT_TRUE(lands(7500, 3, false));
  EXPECT_TRUE(lands(7500, 2, true)) << "the second range is for UDP only";
  balancer.expect_laws();
}

// Without a range there is no second look-up, and one of another address says nothing about this.
TEST_P(PortRanges, AreTheirAddressesOwn) {
  config::Config two = config();
  add(two, "elsewhere", 80).address = dataplane::IpAddress(
      *dataplane::parse_address(v4() ? "203.0.113.11" : "2001:db8::11"));
  Rig balancer = rig(two);
  const std::string other = v4() ? "203.0.113.11" : "2001:db8::11";
  EXPECT_EQ(balancer.run(tcp(client(), at(other, 5000)).flags(syn), front).verdict,
            DropNoListener);
  EXPECT_EQ(balancer.run(tcp(client(), at(other, 80)).flags(syn), front).verdict,
            ForwardToTarget);
}

TEST_P(PortRanges, WorkInFullNatInOneBurst) {
  Rig balancer = rig(config(2, Mode::FullNat, Algorithm::RoundRobin));
  std::vector<Input> burst;
  for (int i = 0; i < 60; ++i) {
    const std::string to = games(5000 + i * 7 % 20);
    Frame frame = i % 3 == 0 ? udp(client(7000 + i), to) : tcp(client(7000 + i), to).flags(syn);
    burst.push_back(from_client(frame));
  }
  const std::vector<Outcome> outcomes = balancer.run(burst);
  for (std::size_t i = 0; i < burst.size(); ++i) {
    ASSERT_EQ(outcomes[i].verdict, ForwardToTarget) << i;
    const std::size_t transport = v4() ? 34 : 54;
    const Bytes& out = outcomes[i].bytes;
    const int port = out[transport + 2] << 8 | out[transport + 3];
    EXPECT_EQ(port, 5000 + static_cast<int>(i) * 7 % 20) << "kept";
    Frame answer = i % 3 == 0 ? udp(target(number_of(outcomes[i]), port), client())
                              : tcp(target(number_of(outcomes[i]), port), client());
    const dataplane::Ipv4Address local4{dataplane::Be32{
        std::uint32_t{out[26]} << 24 | out[27] << 16 | out[28] << 8 | out[29]}};
    dataplane::Ipv6Address local6;
    if (!v4()) std::copy_n(out.begin() + 22, 16, local6.bytes.begin());
    answer.destination = {v4() ? dataplane::IpAddress(local4) : dataplane::IpAddress(local6),
                          static_cast<std::uint16_t>(out[transport] << 8 | out[transport + 1])};
    const Outcome back_to_client = balancer.run({from_target(1, answer)}).front();
    EXPECT_EQ(back_to_client.verdict, ForwardToClient) << i;
  }
  balancer.expect_laws();
}

TEST_P(PortRanges, IdleTimesAreEachProtocolsOwn) {
  config::Config idle = config();
  idle.listeners[0].idle_timeout = std::chrono::seconds(200);
  idle.listeners[0].udp_idle_timeout = std::chrono::seconds(30);
  Rig balancer = rig(idle);
  ASSERT_EQ(balancer.run(tcp(client(), games(5000)), front).verdict, ForwardToTarget)
      << "picked up: established";
  ASSERT_EQ(balancer.run(udp(client(), games(5000)), front).verdict, ForwardToTarget);
  const auto alive = [&] { return balancer.counters().totals.flows_alive.read(); };
  balancer.advance(28'000);
  EXPECT_EQ(alive(), 2u);
  balancer.advance(5'000);
  EXPECT_EQ(alive(), 1u) << "the UDP flow has ended";
  balancer.advance(160'000);
  EXPECT_EQ(alive(), 1u);
  balancer.advance(12'000);
  EXPECT_EQ(alive(), 0u);
}

// After a restart: what a target sends tells the port that its client had asked for.
TEST_P(PortRanges, AReplyIsPickedUpByTheListenerThatHasItsPort) {
  config::Config several = config(3);
  add(several, "exact", 5500).target_group = "games";
  several.target_groups[0].unknown_flow = dataplane::UnknownFlow::PickUp;
  for (const int port : {5432, 5500}) {
    Rig before = rig(several);
    const int number =
        number_of(before.run(tcp(client(), games(port)).flags(syn), front));
    Rig restarted = rig(several);
    Frame answer = tcp(target(number, port), client()).payload("y");
    const Outcome outcome = restarted.run({from_target(number, answer)}).front();
    EXPECT_EQ(outcome.verdict, ForwardToClient) << port;
    EXPECT_EQ(outcome.bytes, to_client(tcp(games(port), client()).payload("y").ttl(63)));
    EXPECT_EQ(flows(restarted, port == 5500 ? 1 : 0), 1u);
  }
  Rig restarted = rig(several);
  EXPECT_EQ(restarted.run(tcp(target(1, 4999), client()).payload("y"), back).verdict, DropNotOurs)
      << "no listener has that port: it is the target's own affair";
  EXPECT_EQ(restarted.run(udp(target(1, 443), client()).payload("y"), back).verdict, DropNotOurs);
}

// Many ports in front and one behind: which one the client had asked for cannot be told.
TEST_P(PortRanges, AReplyFromOnePortForManyIsNotPickedUp) {
  config::Config fixed = config();
  fixed.target_groups[0].port = 8080;
  fixed.target_groups[0].targets[0].port = 8080;
  fixed.target_groups[0].unknown_flow = dataplane::UnknownFlow::PickUp;
  Rig balancer = rig(fixed);
  EXPECT_EQ(balancer.run(tcp(target(1, 8080), client()).payload("y"), back).verdict,
            DropUnknownFlow);
  EXPECT_EQ(balancer.run(tcp(client(), games(5001)).payload("x"), front).verdict, ForwardToTarget)
      << "the client says it";
}

TEST_P(PortRanges, ForwardWithoutFlowsBothWays) {
  config::Config without = config(3);
  without.target_groups[0].unknown_flow = dataplane::UnknownFlow::PickUp;
  without.target_groups[0].overload = dataplane::Overload::Forward;
  without.flows.new_per_second = 1;
  Rig balancer = rig(without);
  for (int i = 0; i < 200; ++i) {
    const int port = 5000 + i;
    const Outcome opened = balancer.run(tcp(client(), games(port)).flags(syn), front);
    ASSERT_EQ(opened.verdict, ForwardToTarget);
    const int number = number_of(opened);
    EXPECT_EQ(opened.bytes,
              to_target(number, tcp(client(), target(number, port)).flags(syn).ttl(63)));
    Frame answer = tcp(target(number, port), client()).flags(syn | ack);
    const Outcome answered = balancer.run({from_target(number, answer)}).front();
    EXPECT_EQ(answered.verdict, ForwardToClient);
    EXPECT_EQ(answered.bytes, to_client(tcp(games(port), client()).flags(syn | ack).ttl(63)));
  }
  EXPECT_GE(balancer.counters().totals.stateless.read(), 300u);
  balancer.expect_laws();
}

TEST_P(PortRanges, AGroupMayBeForBothProtocolsAndItsListenersForOne) {
  config::Config both = config();
  both.listeners[0].protocol = dataplane::Protocol::Tcp;
  add(both, "voice", 6000).protocol = dataplane::Protocol::Udp;
  Rig balancer = rig(both);
  EXPECT_EQ(balancer.run(tcp(client(), games(5000)).flags(syn), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer.run(udp(client(), games(5000)), front).verdict, DropNoListener);
  EXPECT_EQ(balancer.run(udp(client(), games(6000)), front).verdict, ForwardToTarget);
  EXPECT_EQ(balancer.run(tcp(client(), games(6000)).flags(syn), front).verdict, DropNoListener);
}

// Where workers share a port's traffic, a reply with a kept port reaches its flow's worker.
TEST_P(PortRanges, OnSeveralWorkers) {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    Rig balancer = rig(config(2, mode, Algorithm::RoundRobin), 3);
    for (int i = 0; i < 30; ++i) {
      const std::string from = client(4000 + i), to = games(5000 + i);
      const Outcome opened =
          balancer.run({from_client(udp(from, to).payload("x"))}, i % 3).front();
      ASSERT_EQ(opened.verdict, ForwardToTarget);
      const Outcome again =
          balancer.run({from_client(udp(from, to).payload("x"))}, (i + 1) % 3).front();
      EXPECT_EQ(again.bytes, opened.bytes);
    }
    EXPECT_EQ(balancer.counters(0).totals.flows_alive.read() +
                  balancer.counters(1).totals.flows_alive.read() +
                  balancer.counters(2).totals.flows_alive.read(),
              30u);
    balancer.expect_laws();
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, PortRanges, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return std::string(family.param == Family::V4 ? "IPv4" : "IPv6");
                         });

}  // namespace
}  // namespace tests
