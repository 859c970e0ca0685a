#include "tools/report/group_documents.h"

#include <gtest/gtest.h>

#include "tests/support/cpp/scratch_segment.h"

namespace report {
namespace {

using dataplane::TargetId;
using test_support::ScratchSegment;

constexpr std::uint64_t groups_started = 1'767'323'045'000;  // 2026-01-02T03:04:05Z
constexpr Liveness groups_alive{.running = true, .stale = false, .silent_milliseconds = 0};

void write_zones(ScratchSegment& segment) {
  dataplane::ZoneRecord own{};
  own.used = own.own = own.healthy = true;
  own.targets = 2;
  own.name.assign("a");
  segment.control().zones[0].write(own);
  dataplane::ZoneRecord shifted{};
  shifted.used = shifted.shifted = true;
  shifted.targets = 3;
  shifted.name.assign("b");
  shifted.comment.assign("works");
  shifted.started_unix_milliseconds = groups_started;
  shifted.expires_unix_milliseconds = groups_started + 60'000;
  segment.control().zones[1].write(shifted);
}

TEST(GroupDocuments, ZonesHaveElbsFigures) {
  ScratchSegment segment;
  segment.set_instance("edge-1");
  EXPECT_EQ(zones_document(segment.view(), groups_alive)["zones"], Json::array());
  write_zones(segment);
  EXPECT_EQ(zones_document(segment.view(), groups_alive), Json::parse(R"({
    "instance": "edge-1", "stale": false, "zones": [
      {"zone": "a", "own": true, "targets": 2, "zonal_health_status": 1,
       "active_zonal_shift_host_count": 0, "shifted": false, "shift_started": null,
       "shift_expires": null, "comment": "", "traffic": null},
      {"zone": "b", "own": false, "targets": 3, "zonal_health_status": 0,
       "active_zonal_shift_host_count": 3, "shifted": true,
       "shift_started": "2026-01-02T03:04:05.000Z", "shift_expires": "2026-01-02T03:05:05.000Z",
       "comment": "works", "traffic": null}]})"));
}

TEST(GroupDocuments, GroupsHaveTheirTargetsSumsAndZones) {
  ScratchSegment segment(3);
  segment.set_instance("edge-1");
  write_zones(segment);
  dataplane::TargetGroupRecord group{};
  group.used = group.failing_open = group.on_standby = group.affinity = true;
  group.registered = 3;
  group.healthy = 1;
  group.minimum_count = 2;
  group.standby_since_unix_milliseconds = groups_started;
  group.name.assign("web");
  group.standby.assign("spare");
  group.zone_count = 1;
  group.zones[0] = {.registered = 3,
                    .healthy = 1,
                    .shifted = false,
                    .failing_open = true,
                    .zone_healthy = false,
                    .announced = true,
                    .zone = {}};
  group.zones[0].zone.assign("a");
  group.incarnation = 2;
  group.max_connections = 500;
  group.surge_length = 64;
  group.surge_timeout_milliseconds = 2'500;
  group.spillover_silent = true;
  segment.control().target_groups[5].write(group);
  segment.worker(2).groups[5].surge_queue_length_max.set(1000);  // of incarnation 0
  for (std::size_t worker = 0; worker < 2; ++worker) {
    auto& counters = segment.worker(worker).groups[5];
    if (worker == 0) counters.surge_queue_length_max.set(31);
    counters.incarnation.set(2);
    counters.surge_queue_length.set(3);
    counters.surge_oldest_milliseconds.set(worker == 0 ? 1'250 : 700);
    counters.surge_entered.set(100);
    counters.spillover.set(7);
  }
  for (std::uint16_t slot = 0; slot < 2; ++slot) {
    dataplane::TargetRecord target{};
    target.used = true;
    target.id = TargetId{slot, 1};
    target.target_group.assign("web");
    segment.control().targets[slot].write(target);
    for (std::size_t worker = 0; worker < 2; ++worker) {
      auto& counters = segment.worker(worker).targets[slot];
      counters.incarnation.set(1);
      counters.new_flows.set(10);
      counters.active_flows.set(2);
      counters.unhealthy_routing_flows.set(slot);
    }
  }
  EXPECT_EQ(target_groups_document(segment.view(), groups_alive), Json::parse(R"({
    "instance": "edge-1", "stale": false, "target_groups": [
      {"name": "web", "registered": 3, "healthy": 1,
       "minimum_healthy_targets": {"count": 2, "percentage": "off"}, "failing_open": true,
       "standby": "spare", "on_standby": true, "on_standby_since": "2026-01-02T03:04:05.000Z",
       "cross_zone": false, "zonal_affinity": "local", "zonal_shift_ignored": false,
       "new_flows": 40, "active_flows": 8, "unhealthy_routing_flows": 2, "own_zone": "a",
       "zones": [{"zone": "a", "registered": 3, "healthy": 1, "shifted": false,
                  "failing_open": true, "zone_healthy": false, "announced": true}],
       "max_connections": 500, "connections": 8, "surge_queue": {"length": 64, "timeout": 2.5},
       "spillover": "silent", "surge_queue_length": 6, "surge_queue_length_max": 31,
       "surge_oldest_seconds": 1.25, "surge_entered": 200, "surge_admitted": 0,
       "surge_wait_seconds": 0.0, "surge_timed_out": 0, "surge_left": 0, "surge_joined": 0,
       "spillover_count": 14, "traffic": null}]})"));
}

TEST(GroupDocuments, SumsDoNotFallWhenATargetGoes) {
  test_support::ScratchSegment segment;
  dataplane::TargetGroupRecord group{};
  group.used = true;
  group.name.assign("web");
  segment.control().target_groups[3].write(group);
  dataplane::TrafficRecord traffic{};
  traffic.new_flows = 70;
  traffic.requests = 60;
  traffic.unhealthy_routing_flows = 5;
  traffic.sampled_unix_milliseconds = 1'767'323'045'000;
  segment.control().group_traffic[3].write(traffic);
  const Json document = target_groups_document(segment.view(), groups_alive);
  const Json& web = document["target_groups"][0];
  EXPECT_EQ(web["new_flows"], 70) << "no target is left, and what it had is";
  EXPECT_EQ(web["unhealthy_routing_flows"], 5);
  EXPECT_EQ(web["traffic"]["requests"], 60);
  EXPECT_EQ(web["traffic"]["sampled"], "2026-01-02T03:04:05.000Z");
}

}  // namespace
}  // namespace report
