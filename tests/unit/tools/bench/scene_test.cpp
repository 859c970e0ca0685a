#include "tools/bench/scene.h"

#include <gtest/gtest.h>

namespace tools::bench {
namespace {

using dataplane::Mode;
using dataplane::Protocol;
using dataplane::TcpHeader;

constexpr std::uint32_t flows = 300;

template <class Family>
void expect_packets_both_ways(Mode mode, Protocol protocol) {
  const Clock clock;
  Stage stage(make_world<Family>({.mode = mode}));
  Scene<Family> scene(stage, protocol, capacity_for(flows), flows, clock);
  scene.establish(0, flows);
  EXPECT_EQ(Family::table(scene.lane.core()).size(), 2 * flows);
  EXPECT_EQ(scene.lane.flows_alive(), flows);
  const Tally tally(scene.lane);
  Buffers buffers(Headers::Hot, 2 * flows);
  scene.lane.io.clear();
  for (std::uint32_t flow = 0; flow < flows; ++flow) {
    scene.offer_from_client(buffers, flow, TcpHeader::ack);
    scene.offer_from_target(buffers, flow, TcpHeader::ack);
  }
  scene.lane.run();
  EXPECT_NO_THROW(expect_forwarded(tally, 2 * flows));
  EXPECT_NO_THROW(expect_laws(scene.lane));
  EXPECT_EQ(tally.count(dataplane::Verdict::ForwardToClient), flows);
  for (std::uint32_t flow = 0; flow < flows; ++flow) {
    const std::uint8_t* answer = scene.lane.io.offered(back, flow);
    EXPECT_EQ(Family::key_of(answer), scene.plan.to_listener(flow).reversed());
    EXPECT_TRUE(Family::checksums_right(answer));
  }
}

struct Open : testing::TestWithParam<std::tuple<Mode, Protocol>> {};
INSTANTIATE_TEST_SUITE_P(Modes, Open,
                         testing::Combine(testing::Values(Mode::Nat, Mode::FullNat),
                                          testing::Values(Protocol::Tcp, Protocol::Udp)));

TEST_P(Open, FlowsCarryPacketsBothWays) {
  const auto [mode, protocol] = GetParam();
  expect_packets_both_ways<Ipv4>(mode, protocol);
  expect_packets_both_ways<Ipv6>(mode, protocol);
}

TEST(Scene, AFlowThatIsRefusedFailsTheCase) {
  const Clock clock;
  Stage stage(make_world<Ipv4>({}));
  Scene<Ipv4> scene(stage, Protocol::Tcp, 100, 200, clock);
  EXPECT_NO_THROW(scene.establish(0, 100));
  try {
    scene.establish(100, 200);
    FAIL() << "the table holds 100 flows";
  } catch (const CaseFailed& failure) {
    EXPECT_STREQ(failure.what(), "not every packet was forwarded: 100 DropTableFull");
  }
}

TEST(Scene, AMissingPacketFailsTheCase) {
  const Clock clock;
  Stage stage(make_world<Ipv4>({}));
  Scene<Ipv4> scene(stage, Protocol::Udp, 100, 10, clock);
  const Tally tally(scene.lane);
  scene.establish(0, 10);
  EXPECT_NO_THROW(expect_forwarded(tally, 10));
  EXPECT_THROW(expect_forwarded(tally, 11), CaseFailed);
  scene.lane.core().counters.totals.received.add(1);
  EXPECT_THROW(expect_laws(scene.lane), CaseFailed);
}

template <class Family>
void expect_own_flows_only() {
  for (const Mode mode : {Mode::Nat, Mode::FullNat}) {
    const Clock clock;
    Stage stage(make_world<Family>({.mode = mode, .workers = 2}));
    for (const std::uint8_t number : {std::uint8_t{0}, std::uint8_t{1}}) {
      Scene<Family> scene(stage, Protocol::Tcp, flows, flows, clock, dataplane::WorkerId{number});
      EXPECT_NO_THROW(scene.establish(0, flows)) << "not even one HandOff";
      EXPECT_EQ(scene.lane.flows_alive(), flows);
    }
  }
}

TEST(Scene, OneOfTwoWorkersGetsItsOwnFlowsOnly) {
  expect_own_flows_only<Ipv4>();
  expect_own_flows_only<Ipv6>();
}

TEST(CapacityFor, MakesTablesOfAPowerOfTwoForCsitsCounts) {
  EXPECT_EQ(capacity_for(1'008), 1'024u);
  EXPECT_EQ(capacity_for(64'512), 65'536u);
  EXPECT_EQ(capacity_for(1'032'192), 1'048'576u);
  EXPECT_EQ(capacity_for(16'515'072), 16'777'216u);
}

}  // namespace
}  // namespace tools::bench
