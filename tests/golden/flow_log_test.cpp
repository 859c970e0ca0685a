// What the flow log is told of flows that end: why, how long they were and how much they carried.
#include <gtest/gtest.h>

#include <vector>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::EndedFlow;
using dataplane::EndReason;
using dataplane::Family;
using dataplane::Mode;
using dataplane::Phase;

class FlowLogged : public testing::TestWithParam<Family> {
 protected:
  bool v4() const { return GetParam() == Family::V4; }
  std::string web() const { return v4() ? "203.0.113.10:80" : "[2001:db8::10]:80"; }
  std::string dns() const { return v4() ? "203.0.113.10:53" : "[2001:db8::10]:53"; }
  std::string client(int port = 4000) const {
    return (v4() ? "198.18.0.1:" : "[2001:db8:c::1]:") + std::to_string(port);
  }
  std::string target(int number = 1, int port = 8080) const {
    return v4() ? target_ip(number) + ":" + std::to_string(port)
                : "[" + target_ip(number, Family::V6) + "]:" + std::to_string(port);
  }
  config::Config config(Mode mode = Mode::Nat, int targets = 1) const {
    config::Config made = standard_config(targets, mode, Algorithm::RoundRobin, GetParam());
    made.flow_log.path = "/flows.jsonl";
    return made;
  }
  void start(const config::Config& made) {
    rig = std::make_unique<Rig>(made, standard_facts(made));
  }
  void wait(std::uint64_t microseconds) { rig->now.nanoseconds += microseconds * 1'000; }
  void from_client(std::uint8_t flags, int port = 4000) {
    EXPECT_EQ(rig->run(tcp(client(port), web()).flags(flags), front).verdict, ForwardToTarget);
  }
  void from_target(std::uint8_t flags, int port = 4000) {
    EXPECT_EQ(rig->run(tcp(target(), client(port)).flags(flags), back).verdict, ForwardToClient);
  }
  void open(int port = 4000) {
    from_client(syn, port);
    from_target(syn | ack, port);
    from_client(ack, port);
  }
  std::vector<EndedFlow> ended() {
    std::vector<EndedFlow> flows;
    rig->core().flow_log.ring().take_each(1'000,
                                          [&](const EndedFlow& one) { flows.push_back(one); });
    return flows;
  }
  /// Time passes, and exactly one flow has ended, for this reason.
  EndedFlow only(EndReason reason, std::uint64_t milliseconds = 400'000) {
    rig->advance(milliseconds);
    const std::vector<EndedFlow> flows = ended();
    EXPECT_EQ(flows.size(), 1u);
    if (flows.empty()) return {};
    EXPECT_EQ(to_string(flows.front().reason), to_string(reason));
    return flows.front();
  }

  std::unique_ptr<Rig> rig;
};

TEST_P(FlowLogged, SaysAllOfAFlowThatWasClosed) {
  start(config());
  const dataplane::Instant began = rig->now;
  from_client(syn);
  wait(3'000);
  from_target(syn | ack);
  from_client(ack);
  wait(250'000);
  from_client(fin | ack);
  from_target(fin | ack);
  const EndedFlow flow = only(EndReason::Closed, 12'000);
  EXPECT_EQ(to_string(flow.to_target.source), v4() ? "198.18.0.1" : "2001:db8:c::1");
  EXPECT_EQ(flow.to_target.source_port.value(), 4000);
  EXPECT_EQ(flow.to_target.destination_port.value(), 80);
  EXPECT_EQ(to_string(flow.to_client.source), target_ip(1, GetParam()));
  EXPECT_EQ(flow.to_client.source_port.value(), 8080);
  EXPECT_EQ(flow.to_client.destination, flow.to_target.source) << "nat";
  EXPECT_EQ(flow.target, (dataplane::TargetId{0, 1}));
  EXPECT_EQ(flow.listener, dataplane::ListenerId{0});
  EXPECT_EQ(flow.phase, Phase::Closing);
  EXPECT_EQ(flow.packets_to_target, 3u);
  EXPECT_EQ(flow.packets_to_client, 2u);
  EXPECT_EQ(flow.bytes_to_target, (v4() ? 40u : 60u) * 3u);
  EXPECT_EQ(flow.bytes_to_client, (v4() ? 40u : 60u) * 2u);
  ASSERT_TRUE(flow.connect_microseconds);
  EXPECT_NEAR(*flow.connect_microseconds, 3'000, 3);
  EXPECT_NEAR(static_cast<double>(flow.duration_microseconds), 253'000, 12'000);
  EXPECT_NEAR(static_cast<double>(flow.began.nanoseconds), static_cast<double>(began.nanoseconds),
              66'000);
  EXPECT_EQ(flow.sample_millionths, 1'000'000u);
}

TEST_P(FlowLogged, FullNatTellsTheLocalEndpoint) {
  start(config(Mode::FullNat));
  from_client(syn);
  const EndedFlow flow = only(EndReason::ConnectTimeout, 40'000);
  EXPECT_NE(flow.to_client.destination, flow.to_target.source);
  EXPECT_FALSE(flow.connect_microseconds);
}

TEST_P(FlowLogged, ReasonsFollowWhatWasSeenLast) {
  start(config());
  open();
  only(EndReason::IdleTimeout);
  open();
  from_client(rst);
  only(EndReason::ClientReset, 4'000);
  open();
  from_target(rst);
  only(EndReason::TargetReset, 4'000);
  open();
  from_target(fin | ack);
  EXPECT_EQ(only(EndReason::HalfClosedTimeout, 130'000).phase, Phase::TargetFin);
  from_client(syn);
  from_target(syn | ack);
  EXPECT_TRUE(only(EndReason::HandshakeTimeout, 40'000).connect_microseconds);
  from_client(syn);
  from_target(rst | ack);
  EXPECT_FALSE(only(EndReason::TargetReset, 4'000).connect_microseconds);
}

TEST_P(FlowLogged, AFlowThatMakesRoomForTheNextHasEndedAsItHad) {
  start(config());
  open();
  from_client(fin | ack);
  from_target(fin | ack);
  wait(5'000'000);
  from_client(syn);  // the same ports
  const EndedFlow flow = only(EndReason::Closed, 100);
  EXPECT_LT(flow.duration_microseconds, 100'000u) << "it lasted to its last packet";
}

TEST_P(FlowLogged, ATargetWhoseFlowsAreEndedByForceIsToldFromOneThatResets) {
  start(config(Mode::Nat, 2));
  open();
  EXPECT_EQ(rig->run(udp(client(), dns()).payload("x"), front).verdict, ForwardToTarget);
  for (config::TargetFact& target : rig->facts.targets) {
    target.availability = config::Availability::Terminated;
  }
  rig->publish();
  // TCP ends are told with their next packet; nothing holds a datagram at a target that is gone.
  EXPECT_EQ(rig->run(tcp(client(), web()).flags(ack), front).verdict, ReplyResetTargetGone);
  EXPECT_EQ(rig->run(tcp(target(), client()).flags(ack), back).verdict, ReplyResetTargetGone);
  rig->facts.targets.back().availability = config::Availability::Serving;
  rig->publish();
  rig->run(udp(client(), dns()).payload("y"), front);
  rig->advance(4'000);
  const std::vector<EndedFlow> flows = ended();
  ASSERT_EQ(flows.size(), 2u);
  EXPECT_EQ(to_string(flows[0].reason), "moved");
  EXPECT_EQ(to_string(flows[1].reason), "target_terminated");
}

TEST_P(FlowLogged, ADaysOldFlowHasItsWholeAge) {
  config::Config made = config();
  start(made);
  open();
  constexpr std::uint64_t hour = 3'600'000'000'000;
  for (int hours = 0; hours < 200; ++hours) {  // Birth's count goes round every 78
    rig->now.nanoseconds += hour;
    from_client(ack);
  }
  from_client(rst);
  const EndedFlow flow = only(EndReason::ClientReset, 4'000);
  EXPECT_NEAR(static_cast<double>(flow.duration_microseconds), 200.0 * 3.6e9, 20'000);
}

TEST_P(FlowLogged, AFullRingCountsWhatItLoses) {
  start(config());
  for (int port = 4000; port < 4100; ++port) open(port);
  rig->advance(400'000);
  EXPECT_EQ(ended().size(), 64u);
  EXPECT_EQ(rig->counters().totals.flows_logged.read(), 64u);
  EXPECT_EQ(rig->counters().totals.flow_log_dropped.read(), 36u);
}

TEST_P(FlowLogged, DrawsASampleOfThem) {
  config::Config made = config();
  made.flow_log.sample_millionths = 100'000;
  start(made);
  std::size_t drawn = 0;
  for (int port = 1024; port < 6024; ++port) {
    from_client(syn, port);
    if (port % 1000 != 0) continue;
    rig->advance(40'000);
    for (const EndedFlow& flow : ended()) {
      EXPECT_EQ(flow.sample_millionths, 100'000u);
      ++drawn;
    }
    drawn += rig->counters().totals.flow_log_dropped.read();
    rig->counters().totals.flow_log_dropped.set(0);
  }
  EXPECT_NEAR(static_cast<double>(drawn), 500.0, 90.0);  // four deviations
}

TEST_P(FlowLogged, BeginsAndEndsWithAReload) {
  config::Config made = config();
  made.flow_log = {};
  start(made);
  open(4000);
  rig->advance(400'000);
  EXPECT_TRUE(ended().empty());
  open(4001);  // it was opened before
  rig->config.flow_log.path = "/flows.jsonl";
  rig->publish();
  const EndedFlow flow = only(EndReason::IdleTimeout);
  EXPECT_FALSE(flow.connect_microseconds) << "was not noted";
  EXPECT_LT(flow.duration_microseconds, 100'000u);
  rig->config.flow_log = {};
  rig->publish();
  open(4002);
  rig->advance(400'000);
  EXPECT_TRUE(ended().empty());
  EXPECT_EQ(rig->counters().totals.flows_logged.read(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Families, FlowLogged, testing::Values(Family::V4, Family::V6),
                         [](const auto& one) { return one.param == Family::V4 ? "IPv4" : "IPv6"; });

}  // namespace
}  // namespace tests
