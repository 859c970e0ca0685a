#include "tools/report/documents.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using dataplane::Be16;
using dataplane::TargetId;
using dataplane::Verdict;
using test_support::ScratchSegment;

constexpr std::uint64_t started = 1'767'323'045'000;  // 2026-01-02T03:04:05Z
constexpr Liveness alive{.running = true, .stale = false, .silent_milliseconds = 0};
constexpr Liveness dead{.running = false, .stale = true, .silent_milliseconds = 9'000};

dataplane::IpAddress address(const char* text) { return *dataplane::parse_address(text); }

dataplane::TargetRecord web_target() {
  dataplane::TargetRecord record{};
  record.used = true;
  record.id = TargetId{3, 1};
  record.state = dataplane::TargetState::Unhealthy;
  record.reason = dataplane::TargetReason::Timeout;
  record.takes_new_flows = false;
  record.port = 8080;
  record.weight = 2;
  record.target_group.assign("web");
  record.address.assign("10.0.1.11");
  record.zone.assign("a");
  record.detail.assign("no answer within 6 s");
  record.since_unix_milliseconds = started + 1'500;
  record.exclusion = dataplane::Exclusion::CrossZoneOff;
  return record;
}

dataplane::ListenerRecord web_listener() {
  dataplane::ListenerRecord record{};
  record.used = true;
  record.incarnation = 1;
  record.port = record.port_last = 80;
  record.protocol = 6;
  record.name.assign("web-in");
  record.address.assign("203.0.113.10");
  record.group_count = 1;
  record.groups[0].name.assign("web");
  record.groups[0].weight = 1;
  record.idle_seconds = 350;
  return record;
}

TEST(Documents, SecurityGroupsInTheConfigurationsOrder) {
  ScratchSegment segment(2);
  const auto add = [&](std::size_t slot, std::uint16_t number, bool inbound, std::uint64_t before) {
    dataplane::RuleRecord record{};
    record.used = true;
    record.inbound = inbound;
    record.number = number;
    record.hits_before = before;
    record.security_group.assign("web");
    record.protocol.assign("tcp");
    record.ports.assign("80-443");
    record.peer.assign("198.51.100.0/24");
    record.attached_to.assign("balancer");
    segment.control().rules[slot].write(record);
  };
  add(4095, 0, true, 100);
  add(7, 1, false, 0);
  for (std::size_t i = 0; i < 2; ++i) {
    segment.worker(i).rule_hits[4095].set(60 + i);
    segment.worker(i).totals.blocked_inbound_tcp.set(3);
    segment.worker(i).totals.blocked_outbound_icmp.set(i);
    segment.worker(i).totals.flows_cut.set(5);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    dataplane::SecurityGroupRecord record{};
    record.used = true;
    record.name.assign(i == 0 ? "web" : "closed");
    record.attached_to.assign(i == 0 ? "balancer" : "web-in");
    record.addresses = i == 0 ? 3 : 0;
    record.inbound = record.outbound = i == 0 ? 1 : 0;
    segment.control().security_groups[i].write(record);
  }
  const Json document = security_groups_document(segment.view(), alive);
  EXPECT_EQ(document["security_groups"], Json::parse(R"([
      {"name": "web", "attached_to": "balancer", "addresses": 3, "inbound_rules": 1,
       "outbound_rules": 1},
      {"name": "closed", "attached_to": "web-in", "addresses": 0, "inbound_rules": 0,
       "outbound_rules": 0}])"));
  ASSERT_EQ(document["rules"].size(), 2u);
  EXPECT_EQ(document["rules"][0], Json::parse(R"({"security_group": "web",
      "attached_to": "balancer", "direction": "inbound", "protocol": "tcp", "ports": "80-443",
      "peer": "198.51.100.0/24", "hits": 21})"));
  EXPECT_EQ(document["rules"][1]["direction"], "outbound");
  EXPECT_EQ(document["rules"][1]["hits"], 0);
  EXPECT_EQ(document["blocked_inbound"], Json::parse(R"({"icmp": 0, "tcp": 6, "udp": 0})"));
  EXPECT_EQ(document["blocked_outbound"], Json::parse(R"({"icmp": 1, "tcp": 0, "udp": 0})"));
  EXPECT_EQ(document["flows_cut"], 10);
  EXPECT_FALSE(document.contains("unreadable"));
  const Json status = status_document(segment.view(), alive, started);
  EXPECT_EQ(status["totals"]["blocked_inbound_tcp"], 6);
  EXPECT_EQ(status["totals"]["flows_cut"], 10);
}

TEST(Documents, TimesAreIsoInUtc) {
  EXPECT_EQ(iso_time(started + 678), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
}

TEST(Documents, VersionNamesInstanceAndLayout) {
  ScratchSegment segment;
  segment.set_instance("edge-1");
  EXPECT_EQ(version_document(segment.view()),
            Json::parse(R"({"instance": "edge-1", "version": "1.2.3", "layout_version": 5})"));
}

TEST(Documents, StatusHasWorkersAndTheirSums) {
  ScratchSegment segment(2);
  segment.set_instance("edge-1", started);
  for (std::size_t i = 0; i < 2; ++i) {
    auto& worker = segment.worker(i);
    worker.totals.generation.set(4 - i);
    worker.totals.received.set(100 * (i + 1));
    worker.totals.hand_off_unsent.set(i);
    worker.totals.wrong_core.set(5 + i);
    worker.totals.flows_alive.set(30);
    worker.totals.flows_alive_ipv6.set(10 + i);
    worker.totals.flow_capacity.set(3000);
    worker.totals.flow_capacity_ipv6.set(1000);
    worker.totals.table_bytes.set(160'000);
    worker.totals.table_page_bytes.set(i == 0 ? 1 << 30 : 2 << 20);
    worker.totals.stateless.set(20 + i);
    worker.totals.sticky_entries.set(7);
    worker.totals.sticky_capacity.set(i == 0 ? 1024 : 0);
    worker.totals.sticky_evicted.set(2 * i);
    worker.listeners[7].incarnation.set(1);
    worker.listeners[7].rejected_flows.set(30 + i);
    worker.verdicts[static_cast<std::size_t>(Verdict::ForwardToTarget)].set(90);
  }
  segment.worker(1).verdicts[static_cast<std::size_t>(Verdict::DropTtl)].set(3);
  dataplane::ListenerRecord listener{};
  listener.used = true;
  listener.incarnation = 1;
  segment.control().listeners[7].write(listener);
  // What a listener before this one has rejected does not count.
  segment.worker(0).listeners[8].rejected_flows.set(1000);
  const Json status = status_document(segment.view(), alive, started + 61'900);

  EXPECT_EQ(status["instance"], "edge-1");
  EXPECT_EQ(status["version"], "1.2.3");
  EXPECT_EQ(status["pid"], 4711);
  EXPECT_EQ(status["running"], true);
  EXPECT_EQ(status["workers"][1]["flows_alive_ipv6"], 11);
  EXPECT_EQ(status["totals"]["flows_alive_ipv6"], 21);
  EXPECT_EQ(status["totals"]["flow_capacity_ipv6"], 2000);
  EXPECT_EQ(status["totals"]["table_bytes"], 320'000);
  EXPECT_EQ(status["workers"][0]["table_page_bytes"], 1 << 30);
  EXPECT_EQ(status["totals"]["table_page_bytes"], 2 << 20);
  EXPECT_EQ(status["stale"], false);
  EXPECT_EQ(status["uptime_seconds"], 61);
  EXPECT_EQ(status["config_file"], "/etc/spillway/test.cfg");
  EXPECT_EQ(status["workers"].size(), 2u);
  EXPECT_EQ(status["workers"][0]["worker"], 0);
  EXPECT_EQ(status["workers"][0]["generation"], 4);
  EXPECT_EQ(status["workers"][0]["received"], 100);
  EXPECT_EQ(status["workers"][0]["verdicts"], Json::parse(R"({"ForwardToTarget": 90})"));
  EXPECT_EQ(status["workers"][1]["verdicts"],
            Json::parse(R"({"ForwardToTarget": 90, "DropTtl": 3})"));
  EXPECT_EQ(status["totals"]["generation"], 3) << "what all have reached";
  EXPECT_EQ(status["totals"]["received"], 300);
  EXPECT_EQ(status["totals"]["hand_off_unsent"], 1);
  EXPECT_EQ(status["workers"][0]["wrong_core"], 5);
  EXPECT_EQ(status["totals"]["wrong_core"], 11);
  EXPECT_EQ(status["workers"][1]["stateless"], 21);
  EXPECT_EQ(status["totals"]["stateless"], 41);
  EXPECT_EQ(status["totals"]["sticky_entries"], 14);
  EXPECT_EQ(status["totals"]["sticky_capacity"], 1024);
  EXPECT_EQ(status["totals"]["sticky_found"], 0);
  EXPECT_EQ(status["totals"]["sticky_evicted"], 2);
  EXPECT_EQ(status["workers"][1]["rejected_flows"], 31);
  EXPECT_EQ(status["totals"]["rejected_flows"], 61);
  EXPECT_EQ(status["totals"]["verdicts"], Json::parse(R"({"ForwardToTarget": 180, "DropTtl": 3})"));
  EXPECT_EQ(status["ports"], Json::array());
}

TEST(Documents, ADeadInstancesUptimeEndsWithItsLastHeartbeat) {
  ScratchSegment segment;
  segment.set_instance("edge-1", started);
  segment.header().heartbeat_unix_milliseconds.set(started + 10'000);
  const Json status = status_document(segment.view(), dead, started + 99'000);
  EXPECT_EQ(status["uptime_seconds"], 10);
  EXPECT_EQ(status["running"], false);
  EXPECT_EQ(status["stale"], true);
  EXPECT_EQ(status["stopped_cleanly"], false);
  EXPECT_EQ(status["last_heartbeat"], "2026-01-02T03:04:15.000Z");
}

TEST(Documents, StatusHasPorts) {
  ScratchSegment segment;
  dataplane::PortRecord record{};
  record.used = true;
  record.link_up = true;
  record.kernel_path = true;
  record.receive_queues = 2;
  record.transmit_queues = 4;
  record.mtu = 1500;
  record.link_megabits = 25'000;
  record.name.assign("front");
  record.device.assign("0000:3b:00.0");
  record.mac.assign("02:00:00:00:00:01");
  record.driver.assign("net_ice");
  record.steering.assign("hand_off");
  record.missed = 9;
  record.received_bytes = 6'400;
  record.no_buffer = 2;
  record.send_errors = 1;
  segment.control().ports[1].write(record);
  EXPECT_EQ(status_document(segment.view(), alive, 0)["ports"], Json::parse(R"([{
    "name": "front", "device": "0000:3b:00.0", "driver": "net_ice", "mac": "02:00:00:00:00:01",
    "link_up": true, "link_megabits": 25000, "mtu": 1500, "kernel_path": true, "receive_queues": 2,
    "transmit_queues": 4, "steering": "hand_off", "received": 0, "sent": 0, "received_bytes": 6400,
    "sent_bytes": 0, "missed": 9, "no_buffer": 2, "errors": 0, "send_errors": 1,
    "dropped_by_queue": null}])"));
  record.queue_drops_known = true;
  record.dropped_by_queue[1] = 9;
  record.dropped_by_queue[2] = 1;  // there are two queues
  segment.control().ports[1].write(record);
  EXPECT_EQ(status_document(segment.view(), alive, 0)["ports"][0]["dropped_by_queue"],
            Json::parse("[0, 9]"));
}

TEST(Documents, ListenersHaveTheirIncarnationsFigures) {
  ScratchSegment segment(2);
  segment.set_instance("edge-1");
  segment.control().listeners[7].write(web_listener());
  segment.worker(0).listeners[7].incarnation.set(1);
  segment.worker(0).listeners[7].new_flows.set(5);
  segment.worker(0).listeners[7].rejected_flows.set(2);
  segment.worker(0).listeners[7].spilled_flows.set(1);
  segment.worker(1).listeners[7].new_flows.set(1000);  // of incarnation 0
  EXPECT_EQ(listeners_document(segment.view(), alive), Json::parse(R"({
    "instance": "edge-1", "stale": false, "listeners": [{
      "name": "web-in", "address": "203.0.113.10", "port": 80, "port_last": 80,
      "protocol": "tcp", "target_group": "web", "target_groups": [{"name": "web", "weight": 1}],
      "idle_timeout": 350, "new_flows": 5, "active_flows": 0, "rejected_flows": 2,
      "spilled_flows": 1, "new_flows_udp": 0, "active_flows_udp": 0, "histograms": null}]})"));
}

TEST(Documents, ListenersMayHaveARangeBothProtocolsAndSeveralGroups) {
  ScratchSegment segment;
  dataplane::ListenerRecord record = web_listener();
  record.port_last = 5999;
  record.protocol = dataplane::Protocols::tcp_udp().number();
  record.udp_idle_seconds = 30;
  record.group_count = 2;
  record.groups[0].weight = 90;
  record.groups[1].name.assign("green");
  record.groups[1].weight = 10;
  segment.control().listeners[7].write(record);
  const Json listener = listeners_document(segment.view(), alive)["listeners"][0];
  EXPECT_EQ(listener["port_last"], 5999);
  EXPECT_EQ(listener["protocol"], "tcp_udp");
  EXPECT_EQ(listener["udp_idle_timeout"], 30);
  EXPECT_EQ(listener["target_group"], nullptr);
  EXPECT_EQ(listener["target_groups"],
            Json::parse(R"([{"name": "web", "weight": 90}, {"name": "green", "weight": 10}])"));
}

TEST(Documents, TargetsSayWhatTheirWeightIsMadeOf) {
  ScratchSegment segment;
  dataplane::TargetRecord record = web_target();
  record.configured_weight = 100;
  record.weight_is_set = true;
  record.slow_start_percent = 40;
  record.reports_weight = true;
  record.reported_percent = 0;
  segment.control().targets[3].write(record);
  const Json target = targets_document(segment.view(), alive)["targets"][0];
  EXPECT_EQ(target["weight"], 2);
  EXPECT_EQ(target["configured_weight"], 100);
  EXPECT_EQ(target["weight_is_set"], true);
  EXPECT_EQ(target["slow_start_percent"], 40);
  EXPECT_EQ(target["reported_percent"], 0);
}

TEST(Documents, UdpOfATargetIsAllNothingOrCountedApart) {
  ScratchSegment segment(2);
  dataplane::TargetRecord record = web_target();
  for (std::size_t i = 0; i < 2; ++i) {
    segment.worker(i).targets[3].incarnation.set(1);
    segment.worker(i).targets[3].packets_to_target.set(10);
    segment.worker(i).targets[3].bytes_to_client.set(1'000);
    segment.worker(i).target_udp[3].packets_to_target.set(2);
    segment.worker(i).target_udp[3].bytes_to_client.set(300);
  }
  const auto udp = [&](dataplane::Protocols protocol) {
    record.protocol = protocol.number();
    segment.control().targets[3].write(record);
    const Json target = targets_document(segment.view(), alive)["targets"][0];
    return std::pair{target["packets_to_target_udp"].get<int>(),
                     target["bytes_to_client_udp"].get<int>()};
  };
  EXPECT_EQ(udp(dataplane::Protocol::Tcp), (std::pair{0, 0}));
  EXPECT_EQ(udp(dataplane::Protocol::Udp), (std::pair{20, 2'000}));
  EXPECT_EQ(udp(dataplane::Protocols::tcp_udp()), (std::pair{4, 600}));
}

TEST(Documents, TargetsHaveStateReasonAndFigures) {
  ScratchSegment segment(2);
  segment.set_instance("edge-1");
  auto record = web_target();
  record.max_connections = 10;
  record.configured_max_connections = 100;
  segment.control().targets[3].write(record);
  record.id = TargetId{4, 0};
  record.address.assign("10.0.1.12");
  record.drain_ends_unix_milliseconds = started + 300'000;
  record.reason = dataplane::TargetReason::None;
  segment.control().targets[4].write(record);
  for (std::size_t i = 0; i < 2; ++i) {
    segment.worker(i).targets[3].incarnation.set(1);
    segment.worker(i).targets[3].bytes_to_client.set(1'000);
    segment.worker(i).targets[3].elb_resets.set(1);
    segment.worker(i).targets[3].active_flows.set(5);
    segment.worker(i).targets[3].over_flows.set(2);
    segment.worker(i).targets[3].unhealthy_routing_flows.set(3);
    segment.worker(i).target_udp[3].new_flows.set(4);
  }
  const Json document = targets_document(segment.view(), dead);
  EXPECT_EQ(document["stale"], true);
  ASSERT_EQ(document["targets"].size(), 2u);
  EXPECT_EQ(document["targets"][0], Json::parse(R"({
    "target_group": "web", "address": "10.0.1.11", "port": 8080, "weight": 2,
    "configured_weight": 0, "weight_is_set": false, "slow_start_percent": null,
    "reported_percent": null, "zone": "a",
    "state": "unhealthy", "reason": "Target.Timeout", "detail": "no answer within 6 s",
    "since": "2026-01-02T03:04:06.500Z", "takes_new_flows": false,
    "exclusion": "cross_zone_off", "new_flows": 0,
    "active_flows": 10, "packets_to_target": 0, "bytes_to_target": 0, "packets_to_client": 0,
    "bytes_to_client": 2000, "client_resets": 0, "target_resets": 0, "elb_resets": 2,
    "picked_up_flows": 0, "port_allocation_errors": 0, "handshakes_answered": 0,
    "handshakes_failed": 0, "unhealthy_routing_flows": 6, "over_flows": 4, "new_flows_udp": 8,
    "active_flows_udp": 0, "packets_to_target_udp": 0, "bytes_to_target_udp": 0,
    "packets_to_client_udp": 0, "bytes_to_client_udp": 0, "max_connections": 10, "configured_max_connections": 100,
    "connections": 6, "drain_ends": null, "histograms": null})"));
  EXPECT_EQ(document["targets"][1]["drain_ends"], "2026-01-02T03:09:05.000Z");
  EXPECT_EQ(document["targets"][1]["reason"], "");
  EXPECT_FALSE(document.contains("unreadable"));
}

TEST(Documents, AHalfWrittenRecordIsCountedNotShown) {
  ScratchSegment segment;
  segment.control().targets[3].write(web_target());
  // As a daemon that died while it wrote: the record's first word is its sequence, odd.
  auto* sequence = reinterpret_cast<std::uint64_t*>(&segment.control().targets[3]);
  *sequence += 1;
  const Json document = targets_document(segment.view(), dead);
  EXPECT_EQ(document["targets"], Json::array());
  EXPECT_EQ(document["unreadable"], 1);
}

dataplane::FlowRecord web_flow() {
  dataplane::FlowRecord flow{};
  flow.to_target = {address("192.0.2.9"),
                    address("203.0.113.10"),
                    Be16{50'000},
                    Be16{80},
                    dataplane::Protocol::Tcp,
                    {}};
  flow.to_client = {address("10.0.1.11"), address("192.0.2.9"),     Be16{8080},
                    Be16{50'000},         dataplane::Protocol::Tcp, {}};
  flow.listener = dataplane::ListenerId{7};
  flow.target = TargetId{3, 1};
  flow.phase = dataplane::Phase::Established;
  flow.packets_to_target = 3;
  flow.bytes_to_target = 180;
  flow.idle_milliseconds = 1'250;
  return flow;
}

TEST(Documents, AFlowIsNamedByTheSegmentsRecords) {
  ScratchSegment segment;
  segment.control().listeners[7].write(web_listener());
  segment.control().targets[3].write(web_target());
  EXPECT_EQ(flow_document(segment.view(), web_flow(), dataplane::WorkerId{1}), Json::parse(R"({
    "protocol": "tcp", "listener": "web-in", "client": "192.0.2.9:50000",
    "destination": "203.0.113.10:80", "local": null, "target_group": "web",
    "target": "10.0.1.11:8080", "phase": "established", "packets_to_target": 3,
    "bytes_to_target": 180, "packets_to_client": 0, "bytes_to_client": 0, "idle_seconds": 1.25, "age_seconds": 0.0,
    "worker": 1})"));
}

TEST(Documents, AFullNatFlowShowsItsLocalAddress) {
  ScratchSegment segment;
  auto flow = web_flow();
  flow.to_client.destination = address("10.0.1.2");
  flow.to_client.destination_port = Be16{1024};
  const Json document = flow_document(segment.view(), flow, dataplane::WorkerId{0});
  EXPECT_EQ(document["local"], "10.0.1.2:1024");
  EXPECT_EQ(document["listener"], "") << "its record is gone";
  EXPECT_EQ(document["target_group"], "");
}

}  // namespace
}  // namespace report
