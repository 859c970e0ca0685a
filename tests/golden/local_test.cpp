// What belongs to no flow: ARP, ping, the kernel's packets, and everything that is dropped with a
// reason.
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Mode;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";

config::Config full_nat() { return standard_config(1, Mode::FullNat, Algorithm::RoundRobin); }

Input raw(Bytes bytes, dataplane::PortId port = front) { return {std::move(bytes), port}; }

/// A frame with one byte changed.
Input spoilt(Input input, std::size_t offset, std::uint8_t value) {
  input.bytes[offset] = value;
  return input;
}
Input cut(Input input, std::size_t size) {
  input.bytes.resize(size);
  return input;
}

TEST(Local, AnswersArpForListenerAndLocalAddresses) {
  const auto all = dataplane::broadcast_mac;
  const MacAddress router = router_mac();
  play({.why = "ARP",
        .config = full_nat(),
        .steps = {
            {"listener's address", raw(arp(1, router, "198.51.100.1", {}, "203.0.113.10", all)),
             ReplyArp,
             arp(2, port_mac(front), "203.0.113.10", router, "198.51.100.1", router), front},
            {"local address, at its port",
             raw(arp(1, target_mac(1), "10.0.1.11", {}, "10.0.1.200", all), back), ReplyArp,
             arp(2, port_mac(back), "10.0.1.200", target_mac(1), "10.0.1.11", target_mac(1)), back},
            {"local address, at another port",
             raw(arp(1, router, "198.51.100.1", {}, "10.0.1.200", all)), DropNotOurs, {}, {}, 0},
            {"the port's own is the kernel's",
             raw(arp(1, router, "198.51.100.1", {}, "198.51.100.2", all)), PuntKernel, {}, {}, 0},
            {"a reply is the kernel's",
             raw(arp(2, router, "198.51.100.1", port_mac(front), "198.51.100.2", port_mac(front))),
             PuntKernel, {}, {}, 0},
            {"an announcement is the kernel's",
             raw(arp(1, router, "198.51.100.1", {}, "198.51.100.1", all)), PuntKernel, {}, {}, 0},
            {"somebody else's", raw(arp(1, router, "198.51.100.1", {}, "198.51.100.9", all)),
             DropNotOurs, {}, {}, 0},
        }});
}

TEST(Local, AnswersPing) {
  play({.why = "echo",
        .config = full_nat(),
        .steps = {
            {"listener's address", arrives(echo("198.18.0.7", "203.0.113.10").ttl(3), front),
             ReplyEcho,
             to_client(echo("203.0.113.10", "198.18.0.7").icmp(0, 0, 7u << 16 | 1u)), front},
            {"the port's own is the kernel's", arrives(echo("198.18.0.7", "198.51.100.2"), front),
             PuntKernel, {}, {}, 0},
            {"somebody else's", arrives(echo("198.18.0.7", "198.51.100.9"), front), DropNotOurs, {},
             {}, 0},
        }});
}

TEST(Local, WithoutAKernelPathThePortsOwnAddressIsAnsweredToo) {
  config::Config config = full_nat();
  config.ports[0].kernel_path = false;
  play({.why = "no TAP twin",
        .config = config,
        .steps = {
            {"ARP", raw(arp(1, router_mac(), "198.51.100.1", {}, "198.51.100.2",
                            dataplane::broadcast_mac)),
             ReplyArp,
             arp(2, port_mac(front), "198.51.100.2", router_mac(), "198.51.100.1", router_mac()),
             front},
            {"ping", arrives(echo("198.18.0.7", "198.51.100.2"), front), ReplyEcho,
             to_client(echo("198.51.100.2", "198.18.0.7").icmp(0, 0, 7u << 16 | 1u)), front},
            {"TCP", arrives(tcp(client, "198.51.100.2:22").flags(syn), front), DropNoListener, {},
             {}, 0},
        }});
}

TEST(Local, TheKernelGetsWhatIsThePortsOwn) {
  Frame ospf = tcp("198.51.100.1", "224.0.0.5");
  ospf.protocol = 89;
  Bytes lldp(60, 0);
  const Bytes head{0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0xcc, 1, 0x88, 0xcc};
  std::copy(head.begin(), head.end(), lldp.begin());
  play({.why = "anything an operator runs",
        .config = full_nat(),
        .steps = {
            {"ssh", arrives(tcp(client, "198.51.100.2:22").flags(syn), front), PuntKernel, {},
             {}, 0},
            {"a health check's answer", from_target(1, tcp("10.0.1.11:8080", "10.0.1.2:40000")),
             PuntKernel, {}, {}, 0},
            {"fragment to it", arrives(udp(client, "198.51.100.2:9").fragment(0x2000), front),
             PuntKernel, {}, {}, 0},
            {"multicast", arrives(ospf, front), PuntKernel, {}, {}, 0},
            {"LLDP", raw(lldp), PuntKernel, {}, {}, 0},
        }});
}

TEST(Local, PuntsAreRateLimited) {
  config::Config config = full_nat();
  config.punt_rate = 320;
  Rig rig(config, standard_facts(config));
  const Input ssh = arrives(tcp(client, "198.51.100.2:22").flags(syn), front);
  rig.run(std::vector<Input>(100, ssh));
  EXPECT_EQ(rig.verdicts(PuntKernel), 32u);  // a burst is a tenth of a second's worth
  EXPECT_EQ(rig.verdicts(DropPuntRate), 68u);
  rig.advance(50);
  rig.run(std::vector<Input>(100, ssh));
  EXPECT_EQ(rig.verdicts(PuntKernel), 48u);
  rig.expect_laws();
}

TEST(Local, AFloodAtOnePortDoesNotStarveTheOthersPuntsNorArp) {
  config::Config config = full_nat();
  config.punt_rate = 320;
  Rig rig(config, standard_facts(config));
  rig.run(std::vector<Input>(100, arrives(tcp(client, "198.51.100.2:22").flags(syn), front)));
  const auto flooded = rig.verdicts(DropPuntRate);
  const Input check = from_target(1, tcp("10.0.1.11:8080", "10.0.1.2:40000"));
  for (const Outcome& outcome : rig.run(std::vector<Input>(32, check))) {
    EXPECT_EQ(outcome.verdict, PuntKernel);
  }
  const Input reply = raw(
      arp(2, router_mac(), "198.51.100.1", port_mac(front), "198.51.100.2", port_mac(front)));
  for (const Outcome& outcome : rig.run(std::vector<Input>(32, reply))) {
    EXPECT_EQ(outcome.verdict, PuntKernel);
  }
  EXPECT_EQ(rig.verdicts(DropPuntRate), flooded);
}

TEST(Local, EveryDropHasItsReason) {
  const Input good = from_client(tcp(client, web).flags(syn));
  Frame gre = tcp("198.18.0.7", "203.0.113.10");
  gre.protocol = 47;
  play({.why = "reasons",
        .config = full_nat(),
        .steps = {
            {"cut in the Ethernet header", cut(good, 13), DropMalformed, {}, {}, 0},
            {"empty", raw({}), DropMalformed, {}, {}, 0},
            {"cut in the IP header", cut(good, 33), DropMalformed, {}, {}, 0},
            {"cut in the TCP header", cut(good, 53), DropMalformed, {}, {}, 0},
            {"version 5", spoilt(good, 14, 0x55), DropMalformed, {}, {}, 0},
            {"header of four words", spoilt(good, 14, 0x44), DropMalformed, {}, {}, 0},
            {"wrong header checksum", spoilt(good, 24, good.bytes[24] ^ 1), DropMalformed, {}, {},
             0},
            {"TCP header of four words", spoilt(good, 46, 0x40), DropMalformed, {}, {}, 0},
            {"TCP header longer than the packet", spoilt(good, 46, 0xf0), DropMalformed, {}, {}, 0},
            {"not to our MAC address", spoilt(good, 5, 0x77), DropNotOurs, {}, {}, 0},
            {"from a group MAC address", spoilt(good, 6, 0x03), DropMalformed, {}, {}, 0},
            {"from multicast", from_client(tcp("224.0.0.1:1", web).flags(syn)), DropSource, {}, {},
             0},
            {"from loopback", from_client(tcp("127.0.0.1:1", web).flags(syn)), DropSource, {}, {},
             0},
            {"from our own address", from_client(tcp("203.0.113.10:1", web).flags(syn)), DropSource,
             {}, {}, 0},
            {"fragment to a listener", from_client(udp(client, "203.0.113.10:53").fragment(0x2000)),
             DropFragment, {}, {}, 0},
            {"later fragment", from_client(udp(client, "203.0.113.10:53").fragment(0x0010)),
             DropFragment, {}, {}, 0},
            {"GRE to a listener", from_client(gre), DropProtocol, {}, {}, 0},
            {"no listener on the port", from_client(tcp(client, "203.0.113.10:81").flags(syn)),
             DropNoListener, {}, {}, 0},
            {"a stranger's packet", from_client(tcp(client, "192.0.2.9:80").flags(syn)),
             DropNotOurs, {}, {}, 0},
            {"TTL 1", from_client(tcp(client, web).flags(syn).ttl(1)), DropTtl, {}, {}, 0},
            {"ICMP error of no flow",
             from_client(echo("198.18.0.1", "203.0.113.10")
                             .icmp(3, 1, 0)
                             .payload(tcp(web, "198.18.9.9:1").ip_packet())),
             DropUnknownFlow, {}, {}, 0},
        }});
}

TEST(Local, UdpLengthMustFit) {
  Input wrong = from_client(udp(client, "203.0.113.10:53").payload("abcd"));
  wrong.bytes[14 + 20 + 5] = 200;
  play({.why = "UDP length", .config = full_nat(),
        .steps = {{"longer than the packet", wrong, DropMalformed, {}, {}, 0}}});
}

TEST(Local, NoNextHopIsSaid) {
  const config::Config config = full_nat();
  config::Facts facts = standard_facts(config);
  facts.neighbours.clear();
  Rig rig(config, facts);
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, DropNoNextHop);
  EXPECT_EQ(rig.counters().totals.flows_alive.read(), 0u);
}

}  // namespace
}  // namespace tests
