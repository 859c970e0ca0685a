// full_nat: the target sees a local address and port of ours instead of the client's.
#include <gtest/gtest.h>

#include <set>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::Mode;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string target = "10.0.1.11:8080";

/// The source that a frame on its way to the target has.
std::string source_of(const Bytes& frame) {
  const std::uint8_t* ip = frame.data() + 14;
  return std::to_string(ip[12]) + "." + std::to_string(ip[13]) + "." + std::to_string(ip[14]) +
         "." + std::to_string(ip[15]) + ":" + std::to_string(ip[20] << 8 | ip[21]);
}

TEST(FullNat, CarriesAConnectionBothWays) {
  const config::Config config = standard_config(1, Mode::FullNat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  const Outcome opened = rig.run(tcp(client, web).flags(syn), front);
  ASSERT_EQ(opened.verdict, ForwardToTarget);
  const std::string local = source_of(opened.bytes);
  EXPECT_TRUE(local.starts_with("10.0.1.200:") || local.starts_with("10.0.1.201:")) << local;
  EXPECT_EQ(opened.bytes, to_target(1, tcp(local, target).flags(syn).ttl(63)));

  const Outcome answered = rig.run(tcp(target, local).flags(syn | ack), back);
  EXPECT_EQ(answered.verdict, ForwardToClient);
  EXPECT_EQ(answered.bytes, to_client(tcp(web, client).flags(syn | ack).ttl(63)));
  const Outcome data = rig.run(tcp(client, web).payload("hello"), front);
  EXPECT_EQ(data.bytes, to_target(1, tcp(local, target).payload("hello").ttl(63)));
  rig.expect_laws();
}

TEST(FullNat, EachConnectionHasALocalPortOfItsOwn) {
  const config::Config config = standard_config(1, Mode::FullNat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  std::set<std::string> locals;
  for (int i = 0; i < 1000; ++i) {
    const std::string from = "198.18.0.8:" + std::to_string(2000 + i);
    const Outcome opened = rig.run(tcp(from, web).flags(syn), front);
    ASSERT_EQ(opened.verdict, ForwardToTarget);
    locals.insert(source_of(opened.bytes));
  }
  EXPECT_EQ(locals.size(), 1000u);
}

TEST(FullNat, RefusesWhenNoLocalPortIsFree) {
  config::Config config = standard_config(1, Mode::FullNat, Algorithm::RoundRobin);
  config.ports[1].local_addresses.clear();
  Rig rig(config, standard_facts(config));
  EXPECT_EQ(rig.run(tcp(client, web).flags(syn), front).verdict, DropNoLocalPort);
  EXPECT_EQ(rig.counters().targets[0].port_allocation_errors.read(), 1u);
  EXPECT_EQ(rig.counters().listeners[0].rejected_flows.read(), 1u);
  rig.expect_laws();
}

TEST(FullNat, ATargetsPacketOfNoFlowIsReset) {
  const config::Config config = standard_config(1, Mode::FullNat, Algorithm::RoundRobin);
  play({.why = "after a restart the target learns that the connection is gone",
        .config = config,
        .steps = {{"data to a local port",
                   from_target(1, tcp(target, "10.0.1.200:4000").sequence(5).acknowledgement(77)),
                   ReplyResetUnknownFlow,
                   to_target(1, tcp("10.0.1.200:4000", target)
                                    .flags(rst)
                                    .sequence(77)
                                    .acknowledgement(0)
                                    .window(0)
                                    .identification(0)),
                   back}}});
}

TEST(FullNat, IcmpErrorsFindTheirFlow) {
  const config::Config config = standard_config(1, Mode::FullNat, Algorithm::RoundRobin);
  Rig rig(config, standard_facts(config));
  const std::string local = source_of(rig.run(tcp(client, web).flags(syn), front).bytes);
  Frame error = echo("10.0.1.1", endpoint(local).address == ip("10.0.1.200") ? "10.0.1.200"
                                                                            : "10.0.1.201");
  const Outcome told = rig.run(
      error.icmp(3, 4, 1400).payload(tcp(local, target).flags(syn).ttl(63).ip_packet()), back);
  Frame expected = echo("203.0.113.10", "198.18.0.7");
  EXPECT_EQ(told.verdict, ForwardToClient);
  EXPECT_EQ(told.bytes,
            to_client(expected.icmp(3, 4, 1400).ttl(63).payload(
                tcp(client, web).flags(syn).ttl(63).ip_packet())));
}

}  // namespace
}  // namespace tests
