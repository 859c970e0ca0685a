// IPv6: the same flows as in IPv4, and what is different: neighbour discovery, no header checksum,
// extension headers, ICMPv6.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Family;
using dataplane::Mode;

const std::string client = "[2001:db8:c::7]:5555";
const std::string web = "[2001:db8::10]:80";
const std::string dns = "[2001:db8::10]:53";
const std::string target = "[fd00:1::b]:8080";
const std::string dns_target = "[fd00:1::b]:5353";
const std::string asker = "fd00:f::1";

config::Config config_of(Mode mode, Algorithm algorithm = Algorithm::RoundRobin, int targets = 1) {
  return standard_config(targets, mode, algorithm, Family::V6);
}

TEST(Ipv6, NatCarriesAConnectionBothWays) {
  play({.why = "handshake, data, and UDP",
        .config = config_of(Mode::Nat),
        .steps = {
            {"SYN", from_client(tcp(client, web).flags(syn)), ForwardToTarget,
             to_target(1, tcp(client, target).flags(syn).ttl(63)), back},
            {"SYN-ACK", from_target(1, tcp(target, client).flags(syn | ack)), ForwardToClient,
             to_client(tcp(web, client).flags(syn | ack).ttl(63)), front},
            {"request", from_client(tcp(client, web).payload("GET / HTTP/1.1\r")), ForwardToTarget,
             to_target(1, tcp(client, target).payload("GET / HTTP/1.1\r").ttl(63)), back},
            {"datagram", from_client(udp(client, dns).payload("question")), ForwardToTarget,
             to_target(1, udp(client, dns_target).payload("question").ttl(63)), back},
            {"answer", from_target(1, udp(dns_target, client).payload("answer")), ForwardToClient,
             to_client(udp(dns, client).payload("answer").ttl(63)), front},
        }});
}

TEST(Ipv6, FullNatTranslatesBothEnds) {
  const config::Config config = config_of(Mode::FullNat);
  Rig rig(config, standard_facts(config));
  const Outcome opened = rig.run(tcp(client, web).flags(syn), front);
  ASSERT_EQ(opened.verdict, ForwardToTarget);
  // Whatever local port it took, the rest must be right.
  const auto port = static_cast<std::uint16_t>(opened.bytes[54] << 8 | opened.bytes[55]);
  const bool first = opened.bytes[37] == 0x00;
  const std::string local = (first ? "[fd00:1::200]:" : "[fd00:1::201]:") + std::to_string(port);
  EXPECT_EQ(opened.bytes, to_target(1, tcp(local, target).flags(syn).ttl(63)));
  const Outcome answered =
      rig.run(tcp(target, local).flags(syn | ack).from_mac(target_mac(1)), back);
  EXPECT_EQ(answered.bytes, to_client(tcp(web, client).flags(syn | ack).ttl(63)));
  rig.expect_laws();
}

TEST(Ipv6, MaglevPicksUpInMidStream) {
  const config::Config config = config_of(Mode::Nat, Algorithm::Maglev, 4);
  Rig first(config, standard_facts(config));
  const Outcome opened = first.run(tcp(client, web).flags(syn), front);
  Rig restarted(config, standard_facts(config));
  const Outcome picked = restarted.run(tcp(client, web).payload("x"), front);
  ASSERT_EQ(picked.verdict, ForwardToTarget);
  EXPECT_EQ(Bytes(picked.bytes.begin() + 38, picked.bytes.begin() + 54),
            Bytes(opened.bytes.begin() + 38, opened.bytes.begin() + 54));
}

TEST(Ipv6, AnswersSolicitationsForListenerAndLocalAddresses) {
  const auto group = mac("33:33:ff:00:00:10");
  const auto ask = [&](std::string_view from, std::string_view wanted, dataplane::PortId port) {
    Frame frame = solicitation(from, "ff02::1:ff00:10", wanted, router_mac());
    return Input{frame.to_mac(group).bytes(), port};
  };
  const auto answer = [](std::string_view ours, dataplane::PortId port) {
    return advertisement(ours, asker, port_mac(port)).to_mac(router_mac()).bytes();
  };
  Frame probe = advertisement("2001:db8::10", "ff02::1", port_mac(front), false);
  play({.why = "RFC 4861, 7.2",
        .config = config_of(Mode::FullNat),
        .steps = {
            {"listener's address", ask(asker, "2001:db8::10", front), ReplyNeighbour,
             answer("2001:db8::10", front), front},
            {"local address", ask(asker, "fd00:1::200", back), ReplyNeighbour,
             answer("fd00:1::200", back), back},
            {"local address, at the other port",
             ask(asker, "fd00:1::200", front),
             DropNotOurs,
             {},
             {},
             0},
            {"somebody wants it (RFC 4862)", ask("::", "2001:db8::10", front), ReplyNeighbour,
             probe.to_mac(mac("33:33:00:00:00:01")).bytes(), front},
            {"port's own address", ask(asker, "fd00:f::2", front), PuntKernel, {}, {}, 0},
            {"somebody else's", ask(asker, "fd00:f::9", front), DropNotOurs, {}, {}, 0},
            {"advertisement to the kernel",
             arrives(advertisement(asker, "fd00:f::2", router_mac()), front),
             PuntKernel,
             {},
             {},
             0},
        }});
}

TEST(Ipv6, AFalseSolicitationIsNotAnswered) {
  const auto ask = [] {
    return solicitation(asker, "ff02::1:ff00:10", "2001:db8::10", router_mac())
        .to_mac(mac("33:33:ff:00:00:10"));
  };
  Frame routed = ask();
  Input damaged{ask().bytes(), front};
  damaged.bytes[60] ^= 1;
  Frame coded = ask();
  coded.icmp(135, 1, 0);
  Frame cut = ask();
  cut.payload("");
  Frame forged = advertisement(asker, "2001:db8::10", router_mac());
  play({.why = "RFC 4861, 7.1.1",
        .config = config_of(Mode::Nat),
        .steps = {
            {"from beyond the link", {routed.ttl(254).bytes(), front}, DropMalformed, {}, {}, 0},
            {"damaged", damaged, DropMalformed, {}, {}, 0},
            {"with a code", {coded.bytes(), front}, DropMalformed, {}, {}, 0}}});
}

TEST(Ipv6, AnswersPing) {
  Frame reply = echo("2001:db8::10", "2001:db8:c::7");
  reply.icmp(129, 0, 7u << 16 | 1u);
  play({.why = "RFC 4443, 4.2",
        .config = config_of(Mode::Nat),
        .steps = {{"ping", from_client(echo("2001:db8:c::7", "2001:db8::10").ttl(9)), ReplyEcho,
                   to_client(reply), front},
                  {"ping of the port",
                   from_client(echo("2001:db8:c::7", "fd00:f::2")),
                   PuntKernel,
                   {},
                   {},
                   0}}});
}

TEST(Ipv6, TransportBehindExtensionHeaders) {
  // Destination options, padded to 8 bytes, in front of TCP.
  const Bytes options{60, 6, 0, 1, 4, 0, 0, 0, 0};
  const Bytes endless{60, 60, 200, 1, 4, 0, 0, 0, 0};
  play({.why = "RFC 8200, 4",
        .config = config_of(Mode::Nat),
        .steps = {
            {"SYN", from_client(tcp(client, web).flags(syn).options(options)), ForwardToTarget,
             to_target(1, tcp(client, target).flags(syn).options(options).ttl(63)), back},
            {"longer than the packet",
             from_client(tcp(client, web).options(endless)),
             DropMalformed,
             {},
             {},
             0},
            {"fragment", from_client(udp(client, dns).fragment(1)), DropFragment, {}, {}, 0}}});
}

TEST(Ipv6, RefusesWithReset) {
  config::Config config = config_of(Mode::Nat);
  config.target_groups[0].targets.clear();
  play({.why = "no target",
        .config = config,
        .steps = {{"SYN", from_client(tcp(client, web).flags(syn).sequence(7)), ReplyResetNoTarget,
                   to_client(tcp(web, client)
                                 .flags(rst | ack)
                                 .sequence(0)
                                 .acknowledgement(8)
                                 .window(0)
                                 .flow_label(0)),
                   front},
                  {"datagram",
                   from_client(udp(client, "[2001:db8::10]:99")),
                   DropNoListener,
                   {},
                   {},
                   0}}});
}

TEST(Ipv6, IcmpErrorsFindTheirFlow) {
  const auto opening = tcp(client, web).flags(syn);
  Frame too_big = echo("2001:db8:9::1", "2001:db8::10");
  too_big.icmp(2, 0, 1280).payload(tcp(web, client).ttl(60).ip_packet());
  Frame to_the_target = echo("2001:db8:9::1", "fd00:1::b");
  to_the_target.icmp(2, 0, 1280).payload(tcp(target, client).ttl(60).ip_packet()).ttl(63);
  Frame unreachable = echo("fd00:1::b", "2001:db8:c::7");
  unreachable.icmp(1, 4, 0).payload(tcp(client, target).ttl(60).ip_packet());
  Frame to_the_client = echo("2001:db8::10", "2001:db8:c::7");
  to_the_client.icmp(1, 4, 0).payload(tcp(client, web).ttl(60).ip_packet()).ttl(63);
  play({.why = "RFC 4443, 3",
        .config = config_of(Mode::Nat),
        .steps = {{"SYN", from_client(opening), ForwardToTarget,
                   to_target(1, tcp(client, target).flags(syn).ttl(63)), back},
                  {"packet too big, from a router", from_client(too_big), ForwardToTarget,
                   to_target(1, to_the_target), back},
                  {"port unreachable, from the target", from_target(1, unreachable),
                   ForwardToClient, to_client(to_the_client), front}}});
}

TEST(Ipv6, TooBigForTheNextLink) {
  const config::Config config = config_of(Mode::Nat);
  config::Facts facts = standard_facts(config);
  facts.ports[1].mtu = 1300;
  Rig rig(config, facts);
  ASSERT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, ForwardToTarget);
  const Frame large = tcp(client, web).payload(std::string(1300, 'x'));
  const Outcome outcome = rig.run(large, front);
  EXPECT_EQ(outcome.verdict, ReplyTooBig);
  Bytes quoted = large.ip_packet();
  quoted.resize(1280 - 40 - 8);
  Frame error = echo("2001:db8::10", "2001:db8:c::7");
  error.icmp(2, 0, 1300).payload(quoted).flow_label(0);
  EXPECT_EQ(outcome.bytes, to_client(error)) << dump(outcome.bytes) << dump(to_client(error));
}

// RFC 4443, 2.4 (f). One bucket a worker, for all that it answers.
TEST(Ipv6, TooBigIsToldAtARate) {
  config::Config config = config_of(Mode::Nat);
  config.icmp_error_rate = 10;
  config::Facts facts = standard_facts(config);
  facts.ports[1].mtu = 1300;
  Rig rig(config, facts);
  std::vector<Input> many;
  for (int i = 0; i < 40; ++i) {
    const std::string who = "[2001:db8:c::" + std::to_string(i + 1) + "]:5555";
    ASSERT_EQ(rig.run(tcp(who, web).flags(syn), front).verdict, ForwardToTarget);
    many.push_back(from_client(tcp(who, web).payload(std::string(1300, 'x'))));
  }
  rig.run(many);
  EXPECT_EQ(rig.verdicts(ReplyTooBig), 32u);
  EXPECT_EQ(rig.verdicts(DropErrorRate), 8u);
  rig.now.nanoseconds += 500'000'000;
  rig.run(many);
  EXPECT_EQ(rig.verdicts(ReplyTooBig), 32u + 5u);
  rig.expect_laws();
}

TEST(Ipv6, EveryDropHasItsReason) {
  Input cut = from_client(tcp(client, web).flags(syn));
  cut.bytes.resize(14 + 39);
  Input lies = from_client(tcp(client, web).flags(syn));
  lies.bytes[19] = 200;  // payload length
  play({.why = "reasons",
        .config = config_of(Mode::Nat),
        .steps = {
            {"cut in the header", cut, DropMalformed, {}, {}, 0},
            {"payload longer than the frame", lies, DropMalformed, {}, {}, 0},
            {"hop limit", from_client(udp(client, dns).ttl(1)), DropTtl, {}, {}, 0},
            {"from multicast",
             from_client(tcp("[ff02::1]:1", web).flags(syn)),
             DropSource,
             {},
             {},
             0},
            {"from loopback", from_client(tcp("[::1]:1", web).flags(syn)), DropSource, {}, {}, 0},
            {"from our own address",
             from_client(tcp("[2001:db8::10]:1", web).flags(syn)),
             DropSource,
             {},
             {},
             0},
            {"from a link-local address", from_client(tcp("[fe80::5]:1", web).flags(syn)),
             DropSource, {}, {}, 0},
            {"to nobody",
             from_client(tcp(client, "[2001:db8::99]:80").flags(syn)),
             DropNotOurs,
             {},
             {},
             0},
            {"link-local is the kernel's",
             from_client(udp("[fe80::1]:546", "[fe80::2]:546")),
             PuntKernel,
             {},
             {},
             0},
        }});
}

// ::ffff:203.0.113.10 is how we write 203.0.113.10 inside; on the wire it is nobody.
TEST(Ipv6, MappedAddressesDoNotMeetIpv4) {
  Frame frame = tcp(client, web);
  dataplane::Ipv6Address mapped = dataplane::IpAddress(ip("203.0.113.10")).v6();
  Input syn_to_mapped = from_client(frame.flags(syn));
  std::copy(mapped.bytes.begin(), mapped.bytes.end(), syn_to_mapped.bytes.begin() + 38);
  play({.why = "IPv4 listeners",
        .config = standard_config(1, Mode::Nat, Algorithm::RoundRobin),
        .steps = {{"SYN", syn_to_mapped, DropNotOurs, {}, {}, 0}}});
}

}  // namespace
}  // namespace tests
