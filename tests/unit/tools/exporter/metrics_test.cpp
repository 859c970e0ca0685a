#include "tools/exporter/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/support/cpp/scratch_segment.h"
#include "tools/exporter/site.h"

namespace tools::exporter {
namespace {

using dataplane::TargetId;
using test_support::ScratchSegment;

class Metrics : public testing::Test {
 protected:
  Metrics() {
    segment_.set_instance("edge-1");
    dataplane::TargetRecord target{};
    target.used = true;
    target.id = TargetId{3, 1};
    target.state = dataplane::TargetState::Unhealthy;
    target.reason = dataplane::TargetReason::Timeout;
    target.port = 8080;
    target.target_group.assign("web");
    target.address.assign("2001:db8::1");
    target.zone.assign("a");
    segment_.control().targets[3].write(target);
    for (std::size_t worker : {0U, 1U}) {
      auto& counters = segment_.worker(worker).targets[3];
      counters.incarnation.set(1);
      counters.new_flows.set(20 + worker);
      counters.elb_resets.set(5);
      segment_.worker(worker).verdicts[1].set(100);
      segment_.worker(worker).totals.busy_nanoseconds.set(2'500'000'000);
    }
    segment_.histograms(0, TargetId{3, 1}).connect.add(2'000'000);
  }

  /// A queue of 100 that two workers know of, and a target that is at its limit.
  void add_queue() {
    dataplane::TargetGroupRecord group{};
    group.used = true;
    group.name.assign("web");
    group.incarnation = 7;
    group.surge_length = 100;
    segment_.control().target_groups[2].write(group);
    dataplane::ListenerRecord listener{};
    listener.used = true;
    listener.incarnation = 4;
    listener.name.assign("in");
    segment_.control().listeners[1].write(listener);
    auto target = *segment_.control().targets[3].read();
    target.max_connections = 10;
    segment_.control().targets[3].write(target);
    for (std::size_t worker : {0U, 1U}) {
      auto& block = segment_.worker(worker);
      auto& counters = block.groups[2];
      counters.incarnation.set(7);
      counters.surge_queue_length.set(30 + worker);
      counters.surge_queue_length_max.set(98 + worker);
      counters.surge_oldest_milliseconds.set(500 + 1'000 * worker);
      counters.surge_entered.set(200);
      counters.surge_wait_milliseconds.set(1'250);
      counters.spillover.set(40 + worker);
      block.listeners[1].incarnation.set(4);
      block.listeners[1].spilled_flows.set(40 + worker);
      block.targets[3].active_flows.set(6);
      block.targets[3].over_flows.set(1);
      block.target_udp[3].new_flows.set(3);
      block.target_udp[3].active_flows.set(1);
      block.totals.received_waiting.set(9);
      block.totals.surge_held.set(30 + worker);
    }
    segment_.worker(0).totals.surge_capacity.set(1'024);
  }

  [[nodiscard]] std::string text(bool running, HistogramChoice choice = {}) {
    Reading reading{.instance = "edge-1",
                    .now_unix_milliseconds = 5'000,
                    .view = segment_.view(),
                    .liveness = {.running = running, .stale = !running, .silent_milliseconds = 250},
                    .why = {}};
    return prometheus::TextSerializer().Serialize(metrics(reading, choice));
  }

  ScratchSegment segment_{2};
};

bool holds(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

TEST_F(Metrics, TargetsAreSummedOverWorkersUnderTheirLabels) {
  const std::string all = text(true);
  const std::string labels = R"(target_group="web",target="[2001:db8::1]:8080",zone="a")";
  EXPECT_TRUE(holds(all, "spillway_target_new_flows_total{" + labels + "} 41")) << all;
  EXPECT_TRUE(holds(all, "spillway_target_resets_total{" + labels + ",by=\"elb\"} 10"));
  EXPECT_TRUE(holds(all, "spillway_target_state{" + labels + ",state=\"unhealthy\"} 1"));
  EXPECT_TRUE(holds(all, "spillway_target_state{" + labels + ",state=\"healthy\"} 0"));
  EXPECT_TRUE(
      holds(all, "spillway_target_state_reason{" + labels + ",reason=\"Target.Timeout\"} 1"));
  EXPECT_TRUE(holds(all, "spillway_target_connect_seconds_count{" + labels + "} 1"));
  EXPECT_TRUE(holds(all, "spillway_target_connect_seconds_sum{" + labels + "} 0.002"));
}

TEST_F(Metrics, EveryVerdictAndEachWorker) {
  const std::string all = text(true);
  EXPECT_TRUE(holds(
      all, R"(spillway_verdict_packets_total{fate="forward",verdict="ForwardToTarget"} 200)"));
  for (std::size_t i = 1; i < dataplane::verdict_count; ++i) {
    const auto name = std::string(to_string(static_cast<dataplane::Verdict>(i)));
    EXPECT_NE(all.find("verdict=\"" + name + '"'), std::string::npos) << name;
  }
  EXPECT_TRUE(holds(all, R"(spillway_worker_seconds_total{worker="1",mode="busy"} 2.5)"));
}

TEST_F(Metrics, QueuesAreSummedButWhatEachWorkerSeesOfTheWhole) {
  add_queue();
  const std::string all = text(true);
  const auto of_group = [&](const std::string& name, const char* value) {
    const std::string line = "spillway_target_group_" + name + "{target_group=\"web\"} " + value;
    EXPECT_TRUE(holds(all, line)) << line;
  };
  of_group("surge_queue_length", "61");
  of_group("surge_queue_length_max", "99");
  of_group("surge_queue_capacity", "100");
  of_group("surge_oldest_seconds", "1.5");
  of_group("surge_entered_total", "400");
  of_group("surge_wait_seconds_total", "2.5");
  of_group("spillover_total", "81");
  of_group("connections", "10");
  EXPECT_EQ(all.find("spillway_target_group_max_connections"), std::string::npos) << "no limit";
  EXPECT_TRUE(holds(all, R"(spillway_listener_spilled_flows_total{listener="in"} 81)"));
  EXPECT_TRUE(holds(all, R"(spillway_worker_received_waiting_packets_total{worker="1"} 9)"));
  EXPECT_TRUE(holds(all, R"(spillway_worker_surge_held_packets{worker="0"} 30)"));
  EXPECT_TRUE(holds(all, "spillway_surge_capacity_packets 1024"));
}

TEST_F(Metrics, ConnectionsAreHeldAgainstTheirLimit) {
  add_queue();
  const std::string all = text(true);
  const std::string labels = R"({target_group="web",target="[2001:db8::1]:8080",zone="a"} )";
  EXPECT_TRUE(holds(all, "spillway_target_connections" + labels + "10")) << all;
  EXPECT_TRUE(holds(all, "spillway_target_max_connections" + labels + "10"));
  EXPECT_TRUE(holds(all, "spillway_target_active_flows" + labels + "12")) << "two are over";
  EXPECT_TRUE(holds(all, "spillway_target_new_flows_udp_total" + labels + "6"));
  EXPECT_TRUE(holds(all, "spillway_target_active_flows_udp" + labels + "2"));
}

TEST_F(Metrics, UdpIsSplitFromTheBytesOfATarget) {
  auto& udp = segment_.worker(1).target_udp[3];
  udp.bytes_to_target.set(700);
  udp.packets_to_client.set(4);
  const std::string all = text(true);
  const std::string labels =
      R"({target_group="web",target="[2001:db8::1]:8080",zone="a",direction=)";
  EXPECT_TRUE(
      holds(all, "spillway_target_processed_bytes_udp_total" + labels + "\"to_target\"} 700"))
      << all;
  EXPECT_TRUE(
      holds(all, "spillway_target_processed_packets_udp_total" + labels + "\"to_client\"} 4"));
  dataplane::TrafficRecord traffic{};
  traffic.sampled_unix_milliseconds = 1;
  traffic.processed_bytes_udp = 900;
  segment_.control().traffic.write(traffic);
  EXPECT_TRUE(holds(text(true), "spillway_processed_bytes_udp_total 900"));
}

TEST_F(Metrics, QueuesOfAPortHaveTheirDropsWhereTheDeviceKnows) {
  dataplane::PortRecord port{};
  port.used = true;
  port.receive_queues = 2;
  port.name.assign("front");
  port.dropped_by_queue[1] = 12;
  segment_.control().ports[0].write(port);
  EXPECT_EQ(text(true).find("spillway_port_queue_dropped_packets_total{"), std::string::npos);
  port.queue_drops_known = true;
  segment_.control().ports[0].write(port);
  const std::string all = text(true);
  EXPECT_TRUE(holds(all, R"(spillway_port_queue_dropped_packets_total{port="front",queue="0"} 0)"));
  EXPECT_TRUE(
      holds(all, R"(spillway_port_queue_dropped_packets_total{port="front",queue="1"} 12)"));
  EXPECT_EQ(all.find(R"(queue="2")"), std::string::npos);
}

TEST_F(Metrics, TheFlowLogHasWhatWasWrittenAndEachReasonOfLoss) {
  EXPECT_TRUE(holds(text(true), "spillway_flow_log_enabled 0"));
  dataplane::FlowLogRecord log{};
  log.used = log.open = true;
  log.written = 1'000;
  log.written_bytes = 400'000;
  log.dropped_slow = 3;
  log.dropped_unavailable = 4;
  log.waiting = 17;
  segment_.control().flow_log.write(log);
  for (std::size_t worker : {0U, 1U}) segment_.worker(worker).totals.flow_log_dropped.set(5);
  std::string all = text(true);
  EXPECT_TRUE(holds(all, "spillway_flow_log_enabled 1")) << all;
  EXPECT_TRUE(holds(all, "spillway_flow_log_open 1"));
  EXPECT_TRUE(holds(all, "spillway_flow_log_written_lines_total 1000"));
  EXPECT_TRUE(holds(all, "spillway_flow_log_written_bytes_total 400000"));
  EXPECT_TRUE(holds(all, R"(spillway_flow_log_dropped_lines_total{reason="ring"} 10)"));
  EXPECT_TRUE(holds(all, R"(spillway_flow_log_dropped_lines_total{reason="slow"} 3)"));
  EXPECT_TRUE(holds(all, R"(spillway_flow_log_dropped_lines_total{reason="unavailable"} 4)"));
  EXPECT_TRUE(holds(all, "spillway_flow_log_waiting_lines 17"));
  log.open = false;
  segment_.control().flow_log.write(log);
  EXPECT_TRUE(holds(text(true), "spillway_flow_log_open 0"));
}

TEST_F(Metrics, AQueueOfAnotherIncarnationCountsAsNothing) {
  add_queue();
  segment_.worker(0).groups[2].incarnation.set(6);
  EXPECT_TRUE(holds(text(true), R"(spillway_target_group_spillover_total{target_group="web"} 41)"));
}

TEST_F(Metrics, HistogramsCanBeLeftOut) {
  EXPECT_EQ(text(true, {.listeners = true, .targets = false}).find("connect_seconds"),
            std::string::npos);
}

TEST_F(Metrics, OfADaemonThatDoesNotRunThereAreNoFigures) {
  const std::string all = text(false);
  EXPECT_TRUE(holds(all, "spillway_up 0"));
  EXPECT_TRUE(holds(all, "spillway_stale 1"));
  EXPECT_TRUE(holds(all, "spillway_heartbeat_age_seconds 0.25"));
  EXPECT_EQ(all.find("spillway_target"), std::string::npos) << all;
}

TEST_F(Metrics, WhatEachPathAnswers) {
  const std::string name = test_support::fresh_instance_name();
  segment_.publish(name, true);
  Source source(name);
  Site site(source, {});
  EXPECT_NE(site.answer("GET", "/metrics").body.find("spillway_up 1"), std::string::npos);
  const auto status = nlohmann::json::parse(site.answer("GET", "/status.json?now").body);
  EXPECT_EQ(status["targets"][0]["address"], "2001:db8::1");
  const Answer page = site.answer("GET", "/");
  EXPECT_EQ(page.body.rfind("<!doctype html>", 0), 0U);
  EXPECT_NE(page.content_security_policy.find("script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(site.answer("GET", "/other").status, 404U);
  EXPECT_EQ(site.answer("POST", "/").status, 405U);
  segment_.let_go();
  EXPECT_NE(site.answer("GET", "/metrics").body.find("spillway_up 0"), std::string::npos);
}

TEST(Source, WithoutASegmentItSaysWhy) {
  Source source(test_support::fresh_instance_name());
  const Reading reading = source.read();
  EXPECT_FALSE(reading.view);
  EXPECT_NE(reading.why.find("is not running"), std::string::npos) << reading.why;
  EXPECT_EQ(metrics(reading, {}).size(), 2U);
}

/// Whoever adds a field adds a family.
TEST_F(Metrics, EveryFieldOfATrafficRecordIsThere) {
  dataplane::TargetGroupRecord group{};
  group.used = true;
  group.name.assign("web");
  segment_.control().target_groups[2].write(group);
  using Words = std::array<std::uint64_t, sizeof(dataplane::TrafficRecord) / 8>;
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 7'770'000 + 10 * i;
  auto traffic = std::bit_cast<dataplane::TrafficRecord>(words);
  traffic.rejected_flows = 7'900'000;  // more than of them UDP's
  segment_.control().traffic.write(traffic);
  segment_.control().group_traffic[2].write(traffic);
  // What PromQL's rate() says better; and when it was.
  const std::set<std::uint64_t> left_out{traffic.bytes_per_second, traffic.packets_per_second,
                                         traffic.new_flows_per_second,
                                         traffic.sampled_unix_milliseconds};
  // Of the balancer alone; TCP's and UDP's.
  const std::set<std::uint64_t> of_one{traffic.rejected_flows - traffic.rejected_flows_udp,
                                       traffic.rejected_flows_udp};
  const std::string scraped = text(true);
  for (const std::uint64_t word : std::bit_cast<Words>(traffic)) {
    if (left_out.contains(word) || word == traffic.rejected_flows) continue;
    const std::string value = " " + std::to_string(word) + "\n";
    const std::size_t first = scraped.find(value);
    ASSERT_NE(first, std::string::npos) << value;
    const bool twice = scraped.find(value, first + 1) != std::string::npos;
    EXPECT_EQ(twice, !of_one.contains(word)) << value;
  }
  EXPECT_NE(scraped.find("spillway_rejected_flows_total{protocol=\"tcp\"} " +
                         std::to_string(traffic.rejected_flows - traffic.rejected_flows_udp)),
            std::string::npos)
      << scraped;
}

}  // namespace
}  // namespace tools::exporter
