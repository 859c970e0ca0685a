// nat: the client's address is kept, the destination becomes the target's, replies come back
// through us.
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
const std::string dns_target = "10.0.1.11:5353";

config::Config one_target() { return standard_config(1, Mode::Nat, Algorithm::RoundRobin); }

std::vector<Step> handshake() {
  return {
      {"SYN", from_client(tcp(client, web).flags(syn)), ForwardToTarget,
       to_target(1, tcp(client, target).flags(syn).ttl(63)), back},
      {"SYN-ACK", from_target(1, tcp(target, client).flags(syn | ack)), ForwardToClient,
       to_client(tcp(web, client).flags(syn | ack).ttl(63)), front},
      {"ACK", from_client(tcp(client, web)), ForwardToTarget,
       to_target(1, tcp(client, target).ttl(63)), back},
  };
}

TEST(Nat, CarriesAConnectionBothWays) {
  Case golden{.why = "handshake and data", .config = one_target(), .steps = handshake()};
  golden.steps.push_back({"request with an odd number of bytes",
                          from_client(
                              tcp(client, web).flags(psh | ack).payload("GET / HTTP/1.1\r")),
                          ForwardToTarget,
                          to_target(1, tcp(client, target).flags(psh | ack).ttl(63).payload(
                                           "GET / HTTP/1.1\r")),
                          back});
  golden.steps.push_back({"answer", from_target(1, tcp(target, client).payload("200 OK")),
                          ForwardToClient, to_client(tcp(web, client).ttl(63).payload("200 OK")),
                          front});
  play(golden);
}

TEST(Nat, KeepsIpOptions) {
  const Bytes options{0x94, 0x04, 0x00, 0x00};  // router alert
  play({.why = "a header of six words",
        .config = one_target(),
        .steps = {{"SYN", from_client(tcp(client, web).flags(syn).options(options)),
                   ForwardToTarget,
                   to_target(1, tcp(client, target).flags(syn).options(options).ttl(63)), back}}});
}

TEST(Nat, UdpChecksumsAreAdjustedAndZeroStaysZero) {
  play({.why = "RFC 768: zero means none",
        .config = one_target(),
        .steps = {
            {"with checksum", from_client(udp(client, dns).payload("question")), ForwardToTarget,
             to_target(1, udp(client, dns_target).payload("question").ttl(63)), back},
            {"without", from_client(udp(client, dns).payload("question").no_udp_checksum()),
             ForwardToTarget,
             to_target(1, udp(client, dns_target).payload("question").no_udp_checksum().ttl(63)),
             back},
            {"answer", from_target(1, udp(dns_target, client).payload("answer")), ForwardToClient,
             to_client(udp(dns, client).payload("answer").ttl(63)), front},
        }});
}

// A payload chosen so that the checksum after the rewrite computes to zero: it must be sent as
// 0xffff.
TEST(Nat, UdpChecksumThatComputesToZeroIsSentAsOnes) {
  for (unsigned word = 0; word < 0x10000; ++word) {
    const Bytes payload{static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
    const Bytes out = to_target(1, udp(client, dns_target).payload(payload).ttl(63));
    if (out[40] != 0xff || out[41] != 0xff) continue;
    play({.why = "0xffff",
          .config = one_target(),
          .steps = {{"datagram", from_client(udp(client, dns).payload(payload)), ForwardToTarget,
                     out, back}}});
    return;
  }
  FAIL() << "no such payload";
}

TEST(Nat, EthernetPaddingIsNotForwarded) {
  Input padded = from_client(tcp(client, web).flags(syn));
  padded.bytes.resize(60, 0xee);
  play({.why = "60-byte frame around a 40-byte packet",
        .config = one_target(),
        .steps = {{"SYN", padded, ForwardToTarget,
                   to_target(1, tcp(client, target).flags(syn).ttl(63)), back}}});
}

TEST(Nat, ClientsRouterChangesInMidStream) {
  Case golden{.why = "replies go where the last packet came from",
              .config = one_target(),
              .steps = handshake()};
  const auto other = mac("02:00:00:00:cc:02");
  Frame moved = tcp(client, web).payload("x");
  golden.steps.push_back(
      {"data by another router",
       {moved.from_mac(other).to_mac(port_mac(front)).bytes(), front},
       ForwardToTarget,
       to_target(1, tcp(client, target).payload("x").ttl(63)), back});
  Frame reply = tcp(web, client).ttl(63).payload("y");
  golden.steps.push_back({"answer", from_target(1, tcp(target, client).payload("y")),
                          ForwardToClient,
                          reply.from_mac(port_mac(front)).to_mac(other).bytes(), front});
  play(golden);
}

TEST(Nat, VlanTagsInAndOut) {
  config::Config config = one_target();
  config.ports[0].vlan = 100;
  const Input untagged = from_client(tcp(client, web).flags(syn));
  play({.why = "front in VLAN 100, back untagged",
        .config = config,
        .steps = {
            {"untagged frame", untagged, DropVlan, {}, {}, 0},
            {"another VLAN", from_client(tcp(client, web).flags(syn).vlan(101)), DropVlan, {}, {},
             0},
            {"SYN, with priority bits", from_client(tcp(client, web).flags(syn).vlan(0xa064)),
             ForwardToTarget, to_target(1, tcp(client, target).flags(syn).ttl(63)), back},
            {"SYN-ACK", from_target(1, tcp(target, client).flags(syn | ack)), ForwardToClient,
             to_client(tcp(web, client).flags(syn | ack).ttl(63).vlan(100)), front},
        }});
}

TEST(Nat, IcmpErrorsFindTheirFlow) {
  Case golden{.why = "path MTU discovery works through us", .config = one_target(),
              .steps = handshake()};
  // A router on the client's side could not pass on what we sent to the client.
  Frame error = echo("198.18.0.1", "203.0.113.10");
  Frame expected = echo("198.18.0.1", "10.0.1.11");
  golden.steps.push_back(
      {"about a packet to the client",
       from_client(
           error.icmp(3, 4, 1280).payload(tcp(web, client).ttl(60).payload("z").ip_packet())),
       ForwardToTarget,
       to_target(1, expected.icmp(3, 4, 1280).ttl(63).payload(
                        tcp(target, client).ttl(60).payload("z").ip_packet())),
       back});
  // The target refuses a datagram: seen from the client, the listener does.
  golden.steps.push_back({"datagram", from_client(udp(client, dns).payload("q")), ForwardToTarget,
                          to_target(1, udp(client, dns_target).payload("q").ttl(63)), back});
  Frame refused = echo("10.0.1.11", "198.18.0.7");
  Frame seen = echo("203.0.113.10", "198.18.0.7");
  golden.steps.push_back(
      {"port unreachable",
       from_target(1, refused.icmp(3, 3, 0).payload(
                          udp(client, dns_target).payload("q").ttl(63).ip_packet())),
       ForwardToClient,
       to_client(seen.icmp(3, 3, 0).ttl(63).payload(
           udp(client, dns).payload("q").ttl(63).ip_packet())),
       front});
  play(golden);
}

TEST(Nat, TooBigForTheNextLink) {
  config::Config config = one_target();
  config.ports[1].mtu = 1000;
  const Bytes large(1200, 'x');
  const Frame datagram = udp(client, dns).payload(large);
  Bytes quote = datagram.ip_packet();
  quote.resize(548);
  Frame answer = echo("203.0.113.10", "198.18.0.7");
  play({.why = "RFC 1191",
        .config = config,
        .steps = {
            {"may not be fragmented", from_client(datagram), ReplyTooBig,
             to_client(answer.icmp(3, 4, 1000).payload(quote).identification(0)), front},
            {"may be fragmented", from_client(udp(client, dns).payload(large).fragment(0)),
             DropTooBig, {}, {}, 0},
        }});
}

// RFC 1812, 4.3.2.8. A bucket of 32 at least, refilled at the rate.
TEST(Nat, TooBigIsToldAtARate) {
  config::Config config = one_target();
  config.ports[1].mtu = 1000;
  config.icmp_error_rate = 10;
  Rig rig(config, standard_facts(config));
  const Input large = from_client(udp(client, dns).payload(Bytes(1200, 'x')));
  const std::vector<Input> many(40, large);
  rig.run(many);
  EXPECT_EQ(rig.verdicts(ReplyTooBig), 32u);
  EXPECT_EQ(rig.verdicts(DropErrorRate), 8u);
  rig.now.nanoseconds += 500'000'000;
  rig.run(many);
  EXPECT_EQ(rig.verdicts(ReplyTooBig), 32u + 5u);
  // What is passed on for others is not ours: no limit.
  Frame error = echo("10.0.1.11", "198.18.0.7");
  error.icmp(3, 3, 0).payload(udp(client, dns_target).payload("q").ttl(63).ip_packet());
  ASSERT_EQ(rig.run(udp(client, dns).payload("q"), front).verdict, ForwardToTarget);
  EXPECT_EQ(rig.run(error, back).verdict, ForwardToClient);
  rig.config.icmp_error_rate = 0;
  rig.publish();
  rig.now.nanoseconds += 500'000'000;
  EXPECT_EQ(rig.run(large.bytes, front).verdict, DropErrorRate);
  rig.expect_laws();
}

}  // namespace
}  // namespace tests
