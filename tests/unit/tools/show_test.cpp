// Golden tables: documents as the daemon writes them, and what an operator reads.
#include "tools/spillwayctl/show.h"

#include <gtest/gtest.h>

#include "tools/spillwayctl/quantity.h"
#include "tools/spillwayctl/table.h"

namespace tools {
namespace {

const std::uint64_t now = *unix_milliseconds("2026-01-02T03:10:00.000Z");

View plain() {
  return {.now_unix_milliseconds = now,
          .colours = false,
          .wide = false,
          .earlier = nullptr,
          .seconds = 0};
}

Json three_targets() {
  return Json::parse(R"({"instance": "edge-1", "stale": false, "targets": [
    {"target_group": "web", "address": "10.0.1.11", "port": 8080, "weight": 1, "zone": "a",
     "state": "healthy", "reason": "", "detail": "HTTP 200 in 3 ms",
     "since": "2026-01-02T03:04:05.000Z", "takes_new_flows": true, "new_flows": 1234567,
     "active_flows": 321, "packets_to_target": 5000000, "bytes_to_target": 987654321,
     "packets_to_client": 9000000, "bytes_to_client": 12345678901, "client_resets": 4,
     "target_resets": 0, "elb_resets": 1, "picked_up_flows": 2, "port_allocation_errors": 0,
     "drain_ends": null},
    {"target_group": "web", "address": "10.0.1.12", "port": 8080, "weight": 1, "zone": "b",
     "state": "unhealthy", "reason": "Target.Timeout", "detail": "no answer within 6 s",
     "since": "2026-01-02T03:09:50.500Z", "takes_new_flows": false, "new_flows": 17,
     "active_flows": 0, "packets_to_target": 0, "bytes_to_target": 0, "packets_to_client": 0,
     "bytes_to_client": 0, "client_resets": 0, "target_resets": 0, "elb_resets": 0,
     "picked_up_flows": 0, "port_allocation_errors": 0, "drain_ends": null},
    {"target_group": "dns", "address": "10.0.1.113", "port": 53, "weight": 100, "zone": "",
     "state": "draining", "reason": "Target.DeregistrationInProgress", "detail": "",
     "since": "2026-01-02T03:09:00.000Z", "takes_new_flows": false, "new_flows": 5,
     "active_flows": 1, "packets_to_target": 0, "bytes_to_target": 1500, "packets_to_client": 0,
     "bytes_to_client": 99, "client_resets": 0, "target_resets": 0, "elb_resets": 0,
     "picked_up_flows": 0, "port_allocation_errors": 3,
     "drain_ends": "2026-01-02T03:14:00.000Z"}]})");
}

TEST(ShowTargets, IsATable) {
  EXPECT_EQ(
      show_targets(three_targets(), plain()),
      // clang-format off
"GROUP  TARGET          ZONE  WEIGHT  STATE         FOR  ACTIVE   NEW  TO-TARGET  TO-CLIENT  PORT-ERRORS  WHY\n"
"web    10.0.1.11:8080  a          1  healthy    5m 55s     321  1.2M     988 MB    12.3 GB\n"
"web    10.0.1.12:8080  b          1  unhealthy    9.5s       0    17        0 B        0 B               Target.Timeout: no answer within 6 s\n"
"dns    10.0.1.113:53            100  draining    1m 0s       1     5     1.5 kB       99 B            3  Target.DeregistrationInProgress, drain ends in 4m 0s\n");
  // clang-format on
}

TEST(ShowTargets, WideShowsPacketsAndResets) {
  View view = plain();
  view.wide = true;
  Json document = three_targets();
  document["targets"].erase(1);
  document["targets"].erase(1);
  EXPECT_EQ(show_targets(document, view),
            // clang-format off
"GROUP  TARGET          ZONE  WEIGHT  STATE       FOR  ACTIVE   NEW  TO-TARGET  TO-CLIENT  PACKETS-TO-TARGET  PACKETS-TO-CLIENT  RESETS  PICKED-UP\n"
"web    10.0.1.11:8080  a          1  healthy  5m 55s     321  1.2M     988 MB    12.3 GB               5.0M               9.0M   4/0/1          2\n");
  // clang-format on
}

TEST(ShowTargets, WithAnEarlierDocumentShowsRates) {
  const Json earlier = three_targets();
  Json document = three_targets();
  document["targets"][0]["new_flows"] = 1'234'567 + 3'000;
  document["targets"][0]["bytes_to_client"] = 12'345'678'901 + 24'600'000;
  document["targets"].erase(1);
  document["targets"][1]["new_flows"] = 1;  // it started anew
  View view = plain();
  view.earlier = &earlier;
  view.seconds = 2;
  EXPECT_EQ(show_targets(document, view),
            // clang-format off
"GROUP  TARGET          ZONE  WEIGHT  STATE        FOR  ACTIVE   NEW   NEW/S  TO-TARGET  TO-CLIENT  PORT-ERRORS  WHY\n"
"web    10.0.1.11:8080  a          1  healthy   5m 55s     321  1.2M  1500/s      0 B/s  12.3 MB/s\n"
"dns    10.0.1.113:53            100  draining   1m 0s       1     1     0/s      0 B/s      0 B/s            3  Target.DeregistrationInProgress, drain ends in 4m 0s\n");
  // clang-format on
}

TEST(ShowTargets, SaysWhoGetsFlowsThoughNotHealthy) {
  Json document = three_targets();
  document["targets"].erase(0);
  document["targets"].erase(1);
  document["targets"][0]["takes_new_flows"] = true;
  EXPECT_NE(show_targets(document, plain())
                .find("no answer within 6 s; gets flows because its group fails open\n"),
            std::string::npos);
}

TEST(ShowTargets, ColoursStates) {
  View view = plain();
  view.colours = true;
  const std::string text = show_targets(three_targets(), view);
  EXPECT_NE(text.find("\033[32mhealthy\033[0m  "), std::string::npos) << text;
  EXPECT_NE(text.find("\033[31munhealthy\033[0m  "), std::string::npos) << text;
  EXPECT_NE(text.find("\033[33mdraining\033[0m  "), std::string::npos) << text;
}

TEST(ShowTargets, SaysThatThereAreNone) {
  EXPECT_EQ(show_targets(Json::parse(R"({"targets": []})"), plain()), "no targets\n");
}

TEST(ShowTargetState, IsASentence) {
  const Json targets = three_targets()["targets"];
  EXPECT_EQ(show_target_state(targets[0], plain()),
            "web 10.0.1.11:8080 is healthy: 321 flows, takes new flows");
  EXPECT_EQ(show_target_state(targets[1], plain()),
            "web 10.0.1.12:8080 is unhealthy: no flows, takes no new flows");
  EXPECT_EQ(show_target_state(targets[2], plain()),
            "dns 10.0.1.113:53 is draining: 1 flow left, drain ends in 4m 0s");
  Json late = targets[2];
  late["drain_ends"] = "2026-01-02T03:09:59.000Z";
  EXPECT_EQ(show_target_state(late, plain()),
            "dns 10.0.1.113:53 is draining: 1 flow left, drain time is over");
}

TEST(ShowListeners, IsATable) {
  const Json document = Json::parse(R"({"instance": "edge-1", "stale": false, "listeners": [
    {"name": "web-in", "address": "203.0.113.10", "port": 80, "protocol": "tcp",
     "target_group": "web", "idle_timeout": 350, "new_flows": 98765, "active_flows": 321,
     "rejected_flows": 0},
    {"name": "dns", "address": "203.0.113.10", "port": 53, "protocol": "udp",
     "target_group": "dns", "idle_timeout": 120, "new_flows": 5, "active_flows": 1,
     "rejected_flows": 7}]})");
  Json spilled = document;
  spilled["listeners"][1]["spilled_flows"] = 5;
  EXPECT_NE(show_listeners(spilled, plain()).find("REJECTED  SPILLED\n"), std::string::npos);
  EXPECT_NE(show_listeners(spilled, plain()).find("       7        5\n"), std::string::npos);
  EXPECT_EQ(show_listeners(document, plain()),
            // clang-format off
"LISTENER  ADDRESS          PROTOCOL  GROUP    IDLE  ACTIVE    NEW  REJECTED\n"
"web-in    203.0.113.10:80  tcp       web    5m 50s     321  98.8k         0\n"
"dns       203.0.113.10:53  udp       dns     2m 0s       1      5         7\n");
  // clang-format on
  EXPECT_EQ(show_listeners(Json::object(), plain()), "no listeners\n");
}

TEST(ShowListeners, NamesRangesAndSeveralGroups) {
  Json document = Json::parse(R"({"listeners": [
    {"name": "games", "address": "203.0.113.10", "port": 5000, "port_last": 5999,
     "protocol": "tcp_udp", "target_group": null,
     "target_groups": [{"name": "blue", "weight": 90}, {"name": "green", "weight": 10}],
     "idle_timeout": 350}, {"name": "rest", "address": "2001:db8::10", "port": 1,
     "port_last": 65535, "protocol": "tcp", "target_group": "web",
     "target_groups": [{"name": "web", "weight": 1}], "idle_timeout": 350}]})");
  EXPECT_EQ(show_listeners(document, plain()),
            // clang-format off
"LISTENER  ADDRESS                 PROTOCOL  GROUP                IDLE  ACTIVE  NEW  REJECTED\n"
"games     203.0.113.10:5000-5999  tcp_udp   blue 90, green 10  5m 50s       0    0         0\n"
"rest      [2001:db8::10]:all      tcp       web                5m 50s       0    0         0\n");
  // clang-format on
}

TEST(ShowTargets, SaysWhatAWeightIsMadeOf) {
  Json document = three_targets();
  Json& target = document["targets"][0];
  target["configured_weight"] = 100;
  target["weight_is_set"] = true;
  target["slow_start_percent"] = 40;
  target["reported_percent"] = 0;
  target["port"] = 0;
  const std::string text = show_targets(document, plain());
  EXPECT_NE(text.find("  weight set by the operator, the file has 100; slow start, at 40 % of its "
                      "weight; reports 0 % of its weight\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  10.0.1.11:same  "), std::string::npos) << text;
}

TEST(ShowWeight, IsASentence) {
  Json target = three_targets()["targets"][2];
  target["previous_weight"] = 50;
  target["configured_weight"] = 100;
  EXPECT_EQ(show_weight(target), "dns 10.0.1.113:53 weight 50 -> 100");
  target["configured_weight"] = 20;
  target["note"] = "nobody goes by it";
  EXPECT_EQ(show_weight(target),
            "dns 10.0.1.113:53 weight 50 -> 100 (the file has 20)\nnote: nobody goes by it");
}

TEST(ShowFlows, IsATable) {
  Json document = Json::parse(R"({"instance": "edge-1", "truncated": false, "flows": [
    {"protocol": "tcp", "listener": "web-in", "client": "192.0.2.9:50000",
     "destination": "203.0.113.10:80", "local": null, "target_group": "web",
     "target": "10.0.1.11:8080", "phase": "established", "packets_to_target": 3,
     "bytes_to_target": 180, "packets_to_client": 2, "bytes_to_client": 104857600,
     "idle_seconds": 1.25, "age_seconds": 45, "worker": 1}]})");
  std::vector<std::size_t> widths;
  EXPECT_EQ(show_flows(document, plain(), widths),
            // clang-format off
"PROTOCOL  CLIENT           LISTENER  DESTINATION      GROUP  TARGET          PHASE        AGE  IDLE  TO-TARGET  TO-CLIENT  WORKER\n"
"tcp       192.0.2.9:50000  web-in    203.0.113.10:80  web    10.0.1.11:8080  established  45s  1.2s      180 B     105 MB       1\n");
  // clang-format on
  document["truncated"] = true;
  document["flows"][0]["local"] = "10.0.1.2:1024";
  std::string text = show_flows(document, plain(), widths);
  EXPECT_TRUE(text.starts_with("PROTOCOL")) << "a column appears: " << text;
  EXPECT_NE(text.find("  10.0.1.2:1024  "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("--limit all lists them, other options fewer\n")) << text;
  document["truncated"] = false;
  document["flows"][0]["local"] = nullptr;
  text = show_flows(document, plain(), widths);
  EXPECT_EQ(text,
            // clang-format off
"tcp       192.0.2.9:50000  web-in    203.0.113.10:80                 web    10.0.1.11:8080  established  45s  1.2s      180 B     105 MB       1\n")
      // clang-format on
      << "aligned with the page before";
  const Json nothing = Json::parse(R"({"flows": []})");
  EXPECT_EQ(show_flows(nothing, plain(), widths), "") << "no more";
  widths.clear();
  EXPECT_EQ(show_flows(nothing, plain(), widths), "no flows\n");
}

Json one_worker() {
  return Json::parse(R"({"worker": 0, "generation": 7, "received": 12345678, "sent": 12000000,
    "unsent": 0, "handed_off": 0, "hand_off_unsent": 0, "received_hand_off": 0, "punted": 12,
    "punt_unsent": 0, "from_kernel": 15, "from_kernel_unsent": 0, "flows_alive": 500,
    "flows_inserted": 99000, "flows_expired": 98500, "flows_removed": 0, "flow_capacity": 1048576,
    "polls": 1000, "busy_polls": 250,
    "verdicts": {"ForwardToTarget": 12000000, "DropTtl": 3}})");
}

Json status() {
  Json document = Json::parse(R"({"instance": "edge-1", "version": "0.1.0", "pid": 4711,
    "running": true, "stale": false, "last_heartbeat": "2026-01-02T03:09:59.000Z",
    "stopped_cleanly": false, "uptime_seconds": 3725, "generation": 7, "reloads": 2,
    "reloads_refused": 1, "last_reload_error": "", "config_file": "/etc/spillway/edge.cfg",
    "ports": [{"name": "front", "device": "0000:3b:00.0", "driver": "net_ice",
      "mac": "02:00:00:00:00:01", "link_up": true, "link_megabits": 25000, "mtu": 1500,
      "kernel_path": true, "receive_queues": 2, "transmit_queues": 2, "steering": "hand_off",
      "received": 12345678, "sent": 11000000, "missed": 0, "errors": 0},
     {"name": "back", "device": "net_null0", "driver": "net_null", "mac": "02:00:00:00:00:02",
      "link_up": false, "link_megabits": 0, "mtu": 9000, "kernel_path": false,
      "receive_queues": 2, "transmit_queues": 2, "steering": "hand_off", "received": 0, "sent": 0,
      "missed": 4, "errors": 0}]})");
  document["workers"] = Json::array({one_worker()});
  document["totals"] = one_worker();
  document["totals"].erase("worker");
  return document;
}

TEST(ShowStatus, ShowsInstanceWorkersPortsAndVerdicts) {
  EXPECT_EQ(show_status(status(), plain()),
            // clang-format off
"instance    edge-1, running for 1h 2m, pid 4711, version 0.1.0\n"
"config      /etc/spillway/edge.cfg\n"
"generation  7, applied by all workers\n"
"reloads     2 applied, 1 refused\n"
"\n"
"WORKER  RECEIVED   SENT  PUNTED  FROM-KERNEL  FLOWS  CAPACITY  USED  BUSY\n"
"0          12.3M  12.0M      12           15    500      1.0M    0%   25%\n"
"\n"
"PORT   DEVICE        DRIVER    MAC                LINK   MTU  QUEUES  STEERING  KERNEL  RECEIVED   SENT  MISSED\n"
"front  0000:3b:00.0  net_ice   02:00:00:00:00:01  25G   1500     2/2  hand_off  yes        12.3M  11.0M\n"
"back   net_null0     net_null  02:00:00:00:00:02  down  9000     2/2  hand_off  no             0      0       4\n"
"\n"
"VERDICT          PACKETS  MEANING\n"
"ForwardToTarget    12.0M  " + std::string(explain(dataplane::Verdict::ForwardToTarget)) + "\n"
"DropTtl                3  " + std::string(explain(dataplane::Verdict::DropTtl)) + "\n");
  // clang-format on
}

TEST(ShowStatus, SaysAtWhichQueuesFramesWereLost) {
  Json document = status();
  document["ports"][0]["dropped_by_queue"] = Json::parse("[0, 0]");
  document["ports"][1]["dropped_by_queue"] = nullptr;
  EXPECT_EQ(show_status(document, plain()), show_status(status(), plain())) << "nowhere";
  document["ports"][0]["dropped_by_queue"] = Json::parse("[0, 204, 0, 12]");
  const std::string text = show_status(document, plain());
  EXPECT_NE(text.find("MISSED  QUEUE-DROPS\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1: 204, 3: 12\n"), std::string::npos) << text;
}

TEST(ShowStatus, TellsWhereTheFlowLogGoesAndWhatWasLost) {
  Json document = status();
  document["flow_log"] = nullptr;
  EXPECT_EQ(show_status(document, plain()).find("flow log"), std::string::npos);
  document["flow_log"] = Json::parse(R"({"enabled": true, "kind": "file",
      "destination": "/var/log/spillway/flows", "sample": 0.25, "open": true, "problem": "",
      "problem_since": null, "written": 1234, "written_bytes": 500000,
      "dropped": {"ring": 0, "slow": 12, "unavailable": 0}, "waiting": 3, "opened": 1})");
  std::string text = show_status(document, plain());
  EXPECT_NE(text.find("flow log    25 % of flows to file /var/log/spillway/flows; 1234 lines "
                      "written, 12 lost (slow)\n"),
            std::string::npos)
      << text;
  document["flow_log"]["sample"] = 1.0;
  document["flow_log"]["kind"] = "socket";
  document["flow_log"]["open"] = false;
  document["flow_log"]["problem"] = "nobody reads it";
  document["flow_log"]["problem_since"] = "2026-01-02T03:04:05.000Z";
  text = show_status(document, plain());
  EXPECT_NE(text.find("flow log    all of flows to socket "), std::string::npos) << text;
  EXPECT_NE(text.find("\n            nobody reads it, since 2026-01-02T03:04:05.000Z\n"),
            std::string::npos)
      << text;
  document["flow_log"]["enabled"] = false;
  text = show_status(document, plain());
  EXPECT_NE(text.find("flow log    off; 1234 lines written"), std::string::npos) << text;
}

TEST(ShowStatus, ShowsBothFamiliesTablesApart) {
  Json document = status();
  for (Json* worker : {&document["workers"][0], &document["totals"]}) {
    (*worker)["flows_alive"] = 500 + 950;
    (*worker)["flow_capacity"] = 1'048'576 + 1'000;
    (*worker)["flows_alive_ipv6"] = 950;
    (*worker)["flow_capacity_ipv6"] = 1'000;
  }
  const std::string text = show_status(document, plain());
  // clang-format off
  EXPECT_NE(text.find(
"WORKER  RECEIVED   SENT  PUNTED  FROM-KERNEL  FLOWS4  FLOWS6  CAPACITY4  CAPACITY6  USED4  USED6  BUSY\n"
"0          12.3M  12.0M      12           15     500     950       1.0M       1000     0%    95%   25%\n"),
            std::string::npos) << text;
  // clang-format on
  View view = plain();
  view.colours = true;
  EXPECT_NE(show_status(document, view).find(coloured("95%", Colour::Red, true)),
            std::string::npos);
}

TEST(ShowStatus, SaysWhichPagesTheFlowTablesGot) {
  Json document = status();
  EXPECT_EQ(show_status(document, plain()).find("memory"), std::string::npos) << "an older daemon";
  document["workers"].push_back(one_worker());
  document["totals"]["table_bytes"] = 2 * 154'000'000;
  for (Json& worker : document["workers"]) worker["table_page_bytes"] = 1 << 30;
  EXPECT_NE(show_status(document, plain())
                .find("\nmemory      308 MB for flow tables, in pages of 1 GB\n"),
            std::string::npos)
      << show_status(document, plain());
  document["workers"][1]["table_page_bytes"] = 2 << 20;
  EXPECT_NE(show_status(document, plain()).find(", in pages of 1 GB and 2 MB\n"),
            std::string::npos);
  document["workers"][0]["table_page_bytes"] = 2 << 20;
  EXPECT_NE(show_status(document, plain()).find(", in pages of 2 MB\n"), std::string::npos);
  for (Json& worker : document["workers"]) worker["table_page_bytes"] = 4096;
  EXPECT_NE(show_status(document, plain()).find(", in pages of 4 kB\n"), std::string::npos);
}

TEST(ShowStatus, ShowsPacketsOnTheWrongCoreWhereThereAreSome) {
  Json document = status();
  EXPECT_EQ(show_status(document, plain()).find("WRONG-CORE"), std::string::npos);
  document["workers"][0]["wrong_core"] = 17;
  const std::string text = show_status(document, plain());
  EXPECT_NE(text.find("WRONG-CORE  PUNTED"), std::string::npos) << text;
  EXPECT_NE(text.find("        17      12"), std::string::npos) << text;
}

TEST(ShowStatus, ShowsWhatAFloodDoesWhereThereIsOne) {
  Json document = status();
  EXPECT_EQ(show_status(document, plain()).find("STATELESS"), std::string::npos);
  EXPECT_EQ(show_status(document, plain()).find("REJECTED"), std::string::npos);
  document["workers"][0]["stateless"] = 21;
  document["workers"][0]["rejected_flows"] = 17;
  const std::string text = show_status(document, plain());
  EXPECT_NE(text.find("STATELESS  FLOWS  REJECTED  CAPACITY"), std::string::npos) << text;
  EXPECT_NE(text.find("       21    500        17      1.0M"), std::string::npos) << text;
}

TEST(ShowStatus, SaysHowManyClientsAreRememberedWhereSomeAre) {
  Json document = status();
  EXPECT_EQ(show_status(document, plain()).find("stickiness"), std::string::npos);
  document["totals"]["sticky_entries"] = 812'004;
  document["totals"]["sticky_capacity"] = 1'048'576;
  document["totals"]["sticky_found"] = 3'310'274;
  const std::string roomy = show_status(document, plain());
  EXPECT_NE(roomy.find("\nstickiness  812004 of 1048576 clients remembered; 3310274 new flows by "
                       "it\n"),
            std::string::npos)
      << roomy;
  document["totals"]["sticky_evicted"] = 5'124;
  EXPECT_NE(show_status(document, plain())
                .find("; 5124 clients forgotten for lack of room, raise sticky.capacity\n"),
            std::string::npos);
}

TEST(ShowSecurityGroups, IsATableOfRulesAndWhatWasBlocked) {
  Json document = Json::parse(R"({"rules": [
      {"security_group": "web", "attached_to": "balancer", "direction": "inbound",
       "protocol": "tcp", "ports": "80-443", "peer": "198.51.100.0/24", "hits": 1234},
      {"security_group": "office", "attached_to": "", "direction": "outbound",
       "protocol": "icmp", "ports": "", "peer": "anywhere", "hits": 0}],
      "blocked_inbound": {"icmp": 0, "tcp": 12, "udp": 3},
      "blocked_outbound": {"icmp": 0, "tcp": 0, "udp": 0}, "flows_cut": 0})");
  EXPECT_EQ(show_security_groups(document, plain()),
            "SECURITY-GROUP  ATTACHED-TO  DIRECTION  PROTOCOL  PORTS   PEER             HITS\n"
            "web             balancer     inbound    tcp       80-443  198.51.100.0/24  1234\n"
            "office          nothing      outbound   icmp              anywhere            0\n"
            "\n"
            "BLOCKED-FLOWS  ICMP  TCP  UDP\n"
            "inbound           0   12    3\n"
            "outbound          0    0    0\n");
  Json earlier = document;
  earlier["rules"][0]["hits"] = 1034;
  earlier["blocked_inbound"]["tcp"] = 2;
  document["flows_cut"] = 2;
  View view = plain();
  view.earlier = &earlier;
  view.seconds = 2;
  const std::string text = show_security_groups(document, view);
  EXPECT_NE(text.find("1234  100/s\n"), std::string::npos) << text;
  EXPECT_NE(text.find("12    3  5.0/s\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n2 flows cut, since no rule let them through any more\n"),
            std::string::npos);
}

TEST(ShowSecurityGroups, HasALineForAGroupWithoutRules) {
  const Json document = Json::parse(R"({"security_groups": [
      {"name": "closed", "attached_to": "balancer", "inbound_rules": 0, "outbound_rules": 0},
      {"name": "web", "attached_to": "shop", "inbound_rules": 1, "outbound_rules": 0},
      {"name": "spare", "attached_to": "", "inbound_rules": 0, "outbound_rules": 0}],
      "rules": [
      {"security_group": "web", "attached_to": "shop", "direction": "inbound",
       "protocol": "tcp", "ports": "80", "peer": "anywhere", "hits": 7}]})");
  const std::string text = show_security_groups(document, plain());
  EXPECT_TRUE(
      text.starts_with("SECURITY-GROUP  ATTACHED-TO  DIRECTION  PROTOCOL  PORTS  PEER      HITS\n"
                       "closed          balancer     no rules\n"
                       "web             shop         inbound    tcp       80     anywhere     7\n"
                       "spare           nothing      no rules\n"
                       "\n"))
      << text;
  Json alone = document;
  alone["rules"] = Json::array();
  alone["security_groups"].erase(1);
  EXPECT_NE(show_security_groups(alone, plain()).find("closed"), std::string::npos)
      << "that is not: everything is let through";
}

TEST(ShowSecurityGroups, SaysWhatNoneMeans) {
  EXPECT_EQ(show_security_groups(Json::parse(R"({"rules": []})"), plain()),
            "no security groups: everything is let through\n");
}

TEST(ShowStatus, SumsUpSeveralWorkersAndSaysWhoIsBehind) {
  Json document = status();
  document["workers"].push_back(one_worker());
  document["workers"][1]["generation"] = 6;
  document["totals"]["generation"] = 6;
  document["totals"]["received"] = 24'691'356;
  document["last_reload_error"] = "edge.cfg:12: no such group";
  const std::string text = show_status(document, plain());
  EXPECT_NE(text.find("generation  7, workers are at 6\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nlast reload was refused: edge.cfg:12: no such group\n"),
            std::string::npos);
  EXPECT_NE(text.find("\n1          12.3M  "), std::string::npos) << text;
  EXPECT_NE(text.find("\nall        24.7M  "), std::string::npos) << text;
}

TEST(ShowStatus, SaysWhenItIsDeadStoppedOrStuck) {
  Json document = status();
  document["stale"] = true;
  EXPECT_NE(show_status(document, plain())
                .find("running, but stuck: no heartbeat since 2026-01-02T03:09:59.000Z"),
            std::string::npos);
  document["running"] = false;
  EXPECT_NE(show_status(document, plain()).find("edge-1, died after 1h 2m,"), std::string::npos);
  document["stopped_cleanly"] = true;
  EXPECT_NE(show_status(document, plain()).find("edge-1, stopped after 1h 2m,"), std::string::npos);
}

TEST(ShowStatus, WithAnEarlierDocumentShowsRates) {
  const Json earlier = status();
  Json document = status();
  for (Json* worker : {&document["workers"][0], &document["totals"]}) {
    (*worker)["received"] = 12'345'678 + 1'000'000;
    (*worker)["verdicts"]["DropTtl"] = 5;
  }
  View view = plain();
  view.earlier = &earlier;
  view.seconds = 1;
  const std::string text = show_status(document, view);
  EXPECT_NE(text.find("WORKER  RECEIVED    RATE   SENT"), std::string::npos) << text;
  EXPECT_NE(text.find("  1.0M/s  "), std::string::npos) << text;
  EXPECT_NE(text.find("DropTtl                5  2.0/s  "), std::string::npos) << text;
}

TEST(ShowStatus, AnEmptyOrForeignDocumentIsNoCrash) {
  EXPECT_NE(show_status(Json::object(), plain()).find("no packets yet\n"), std::string::npos);
  EXPECT_NE(show_status(Json::parse(R"({"workers": 3, "totals": [], "ports": {"a": 1}})"), plain()),
            "");
  Json document = status();
  document["totals"]["verdicts"]["DropOfTomorrow"] = 1;
  EXPECT_NE(show_status(document, plain()).find("a verdict of another version"), std::string::npos);
}

}  // namespace
}  // namespace tools
