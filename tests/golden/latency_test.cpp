// What is measured of flows: connect, response and its turns, duration and bytes, to the tick, by a
// clock that the test sets.
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tests {
namespace {

using enum dataplane::Verdict;
using dataplane::Algorithm;
using dataplane::FlowHistograms;
using dataplane::Histogram;
using dataplane::HistogramSum;
using dataplane::Mode;

const std::string client = "198.18.0.7:5555";
const std::string web = "203.0.113.10:80";
const std::string dns = "203.0.113.10:53";
const std::string target = "10.0.1.11:8080";
const std::string name_server = "10.0.1.11:5353";

config::Config one_target() { return standard_config(1, Mode::Nat, Algorithm::RoundRobin); }
constexpr dataplane::TargetId web_target{0, 1};
constexpr dataplane::TargetId dns_target{1, 1};
constexpr dataplane::ListenerId web_listener{0};

class Latency : public testing::Test {
 protected:
  void wait(std::uint64_t microseconds) { rig.now.nanoseconds += microseconds * 1'000; }
  void from_client(const Frame& frame) {
    EXPECT_EQ(rig.run(frame, front).verdict, ForwardToTarget);
  }
  void from_target(const Frame& frame) {
    EXPECT_EQ(rig.run(frame, back).verdict, ForwardToClient);
  }
  void open() {
    from_client(tcp(client, web).flags(syn));
    from_target(tcp(target, client).flags(syn | ack));
    from_client(tcp(client, web));
  }
  [[nodiscard]] Frame request() const { return tcp(client, web).flags(ack).payload("GET /"); }
  [[nodiscard]] Frame answer() const { return tcp(target, client).flags(ack).payload("200 OK"); }
  HistogramSum of(Histogram FlowHistograms::*measure) { return rig.measured(web_target, measure); }
  /// There is one value, this one: to a tick and as exactly as its bucket says.
  void expect_only(Histogram FlowHistograms::*measure, std::uint64_t nanoseconds) {
    for (const HistogramSum& sum : {of(measure), rig.measured(web_listener, measure)}) {
      EXPECT_EQ(sum.count(), 1u);
      EXPECT_NEAR(static_cast<double>(sum.sum()), static_cast<double>(nanoseconds), 2'048);
      const auto median = static_cast<double>(sum.percentile(500));
      EXPECT_NEAR(median, static_cast<double>(nanoseconds),
                  0.016 * static_cast<double>(nanoseconds) + 2'048);
    }
  }

  Rig rig{one_target(), standard_facts(one_target())};
};

TEST_F(Latency, ConnectIsFromTheSynToItsSynAck) {
  from_client(tcp(client, web).flags(syn));
  wait(20'000);
  from_target(tcp(target, client).flags(syn | ack));
  expect_only(&FlowHistograms::connect, 20'000'000);
  wait(5'000);
  from_target(tcp(target, client).flags(syn | ack));  // again: the client's ACK was lost
  wait(5'000);
  from_client(tcp(client, web));
  expect_only(&FlowHistograms::connect, 20'000'000);
  EXPECT_EQ(of(&FlowHistograms::response).count(), 0u);
}

TEST_F(Latency, OfASynThatIsSentAgainTheFirstCounts) {
  from_client(tcp(client, web).flags(syn));
  wait(1'000'000);
  from_client(tcp(client, web).flags(syn));
  wait(300);
  from_target(tcp(target, client).flags(syn | ack));
  expect_only(&FlowHistograms::connect, 1'000'300'000);
}

TEST_F(Latency, ATargetThatRefusesHasNoConnectTime) {
  from_client(tcp(client, web).flags(syn));
  wait(100);
  from_target(tcp(target, client).flags(rst | ack));
  EXPECT_EQ(of(&FlowHistograms::connect).count(), 0u);
}

TEST_F(Latency, ResponseIsFromTheFirstDataToTheFirstData) {
  open();
  wait(50'000);
  from_client(request());
  wait(1'000);
  from_client(request());  // its second segment
  wait(1'000);
  from_target(tcp(target, client));  // received
  wait(38'000);
  from_target(answer());
  wait(10'000);
  from_target(answer());  // goes on
  wait(10'000);
  from_client(tcp(client, web));
  expect_only(&FlowHistograms::response, 40'000'000);
}

TEST_F(Latency, EachTurnIsMeasured) {
  open();
  std::uint64_t sum = 0;
  for (std::uint64_t turn = 1; turn <= 50; ++turn) {
    from_client(request());
    wait(turn * 1'000);
    sum += turn * 1'000'000;
    from_target(answer());
    wait(1'000);
    from_client(tcp(client, web));
    wait(100'000);  // what the client thinks is nobody's latency
  }
  const HistogramSum measured = of(&FlowHistograms::response);
  EXPECT_EQ(measured.count(), 50u);
  EXPECT_NEAR(static_cast<double>(measured.sum()), static_cast<double>(sum), 50 * 2'048.0);
  EXPECT_NEAR(static_cast<double>(measured.percentile(500)), 25e6, 0.02 * 25e6);
  EXPECT_NEAR(static_cast<double>(measured.percentile(990)), 50e6, 0.02 * 50e6);
  rig.expect_laws();
}

TEST_F(Latency, ATargetThatSpeaksFirstAnswersNobody) {
  open();
  wait(5'000);
  from_target(answer());  // its greeting
  EXPECT_EQ(of(&FlowHistograms::response).count(), 0u);
  from_client(request());
  wait(7'000);
  from_target(answer());
  expect_only(&FlowHistograms::response, 7'000'000);
}

TEST_F(Latency, OneByteIsAProbeAndNoRequest) {
  open();
  from_client(tcp(client, web).flags(ack).payload("x"));
  from_target(tcp(target, client));
  wait(60'000'000);
  from_client(request());
  wait(2'000);
  from_target(answer());
  expect_only(&FlowHistograms::response, 2'000'000);
}

TEST_F(Latency, AResetInTheMiddleIsNoAnswer) {
  open();
  from_client(request());
  wait(3'000);
  from_target(tcp(target, client).flags(rst | ack));
  EXPECT_EQ(of(&FlowHistograms::response).count(), 0u);
  from_client(tcp(client, web).flags(syn));  // anew, on the same ports
  wait(4'000);
  from_target(tcp(target, client).flags(syn | ack));
  wait(4'000);
  from_client(tcp(client, web));
  wait(4'000);
  from_target(answer());
  EXPECT_EQ(of(&FlowHistograms::response).count(), 0u) << "the old connection's wait is gone";
}

TEST_F(Latency, ARequestWithFinIsAnsweredToo) {
  open();
  from_client(tcp(client, web).flags(fin | ack).payload("GET /"));
  wait(9'000);
  from_target(tcp(target, client).flags(fin | ack).payload("200 OK"));
  expect_only(&FlowHistograms::response, 9'000'000);
}

TEST_F(Latency, DatagramsTakeTurns) {
  for (int turn = 0; turn < 3; ++turn) {
    from_client(udp(client, dns).payload("?"));
    wait(6'000);
    from_target(udp(name_server, client).payload("!"));
    wait(1'000);
  }
  const HistogramSum sum = rig.measured(dns_target, &FlowHistograms::response);
  EXPECT_EQ(sum.count(), 3u);
  EXPECT_NEAR(static_cast<double>(sum.sum()), 18e6, 3 * 2'048.0);
  EXPECT_EQ(rig.counters().target_udp[dns_target.slot].new_flows.read(), 1u);
  EXPECT_EQ(rig.counters().listeners[1].active_flows_udp.read(), 1u);
  EXPECT_EQ(rig.counters().listeners[0].new_flows_udp.read(), 0u);
}

TEST_F(Latency, AnIdleFlowLastedToItsLastPacketAndCarriedAllItsBytes) {
  open();
  wait(10'000'000);
  from_client(request());
  wait(20'000'000);
  from_target(answer());
  wait(1'000'000);
  const std::uint64_t carried = rig.counters().targets[0].bytes_to_target.read() +
                                rig.counters().targets[0].bytes_to_client.read();
  rig.advance(360'000);
  ASSERT_EQ(rig.counters().totals.flows_alive.read(), 0u);
  const HistogramSum duration = of(&FlowHistograms::duration);
  EXPECT_EQ(duration.count(), 1u);
  EXPECT_NEAR(static_cast<double>(duration.sum()), 30e6, 200) << "microseconds";
  EXPECT_EQ(of(&FlowHistograms::bytes).sum(), carried);
  EXPECT_EQ(rig.measured(web_listener, &FlowHistograms::bytes).count(), 1u);
}

// A target's ACKs keep a flow alive although its entry's time is the request's.
TEST_F(Latency, AFlowWhoseClientWaitsIsNotIdleWhileItsTargetAcknowledges) {
  open();
  from_client(request());
  rig.advance(349'000);
  from_target(tcp(target, client));
  rig.advance(349'000);
  EXPECT_EQ(rig.counters().totals.flows_alive.read(), 1u);
  from_target(answer());
  EXPECT_EQ(of(&FlowHistograms::response).count(), 1u);
  EXPECT_NEAR(static_cast<double>(of(&FlowHistograms::response).sum()), 698e9, 2'048);
}

TEST_F(Latency, AnotherIncarnationBeginsAnewAndReloadsDoNot) {
  open();
  from_client(request());
  wait(1'000);
  from_target(answer());
  rig.publish();
  EXPECT_EQ(of(&FlowHistograms::response).count(), 1u);
  for (config::TargetFact& fact : rig.facts.targets) {
    if (fact.id == web_target) fact.id.incarnation = 2;
  }
  rig.publish();
  EXPECT_EQ(of(&FlowHistograms::response).count(), 0u);
}

}  // namespace
}  // namespace tests
