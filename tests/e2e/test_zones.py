"""zone, cross_zone, zonal_affinity and zonal shifts: which zone's targets get new flows."""

import copy
import re
import time

import pytest

from support import clients, namespaces, processes, servers
from support.health import HealthPorts, check, group_of, wait_all
from support.lab import URL


@pytest.fixture(autouse=True)
def health(lab, tmp_path):
    with HealthPorts(lab, tmp_path / "health") as ports:
        yield ports


def answering(lab, requests=60):
    report = clients.Load(lab.client, requests=requests, connections=2).run()
    assert report["failed"] == 0, report["failures"][:5]
    return sorted(report["targets"])


def zoned(lab, zones, *, top=None, **group):
    """A balancer in zone a; the targets in these zones, "-" is none."""
    chosen = lab.configuration(check=check(), **group)
    for target, zone in zip(chosen["target_groups"][0]["targets"], zones):
        if zone != "-":
            target["zone"] = zone
    return {"zone": "a"} | (top or {}) | chosen


def exclusions(daemon):
    return [daemon.ctl.target(namespaces.target_address(n))["exclusion"] for n in (1, 2, 3)]


def test_cross_zone_is_off_by_default(lab, spillway):
    daemon = spillway(zoned(lab, "aab"), wait=wait_all)
    assert answering(lab) == ["target1", "target2"]
    assert exclusions(daemon) == ["", "", "cross_zone_off"]
    assert "cross_zone is off" in daemon.ctl.table("targets")
    assert not group_of(daemon)["cross_zone"]
    assert "zone        a" in daemon.ctl.table("status")


def test_cross_zone_of_the_balancer(lab, spillway):
    daemon = spillway(zoned(lab, "aab", top={"cross_zone": True}))
    assert answering(lab) == ["target1", "target2", "target3"]
    assert group_of(daemon)["cross_zone"]


def test_cross_zone_of_the_target_group(lab, spillway):
    chosen = zoned(lab, "aab", cross_zone=True)
    daemon = spillway(chosen)
    assert answering(lab) == ["target1", "target2", "target3"]
    chosen["cross_zone"] = True
    chosen["target_groups"][0]["cross_zone"] = False
    daemon.reload(chosen)
    assert answering(lab) == ["target1", "target2"]
    chosen["target_groups"][0]["cross_zone"] = "use_load_balancer_configuration"
    daemon.reload(chosen)
    assert answering(lab) == ["target1", "target2", "target3"]


def test_a_target_without_zone_belongs_to_every_zone(lab, spillway):
    spillway(zoned(lab, "a-b"), wait=wait_all)
    assert answering(lab) == ["target1", "target2"]


def test_a_balancer_without_zone_uses_all_targets(lab, spillway):
    chosen = zoned(lab, "aab")
    del chosen["zone"]
    spillway(chosen)
    assert answering(lab) == ["target1", "target2", "target3"]


def test_thresholds_count_per_zone_when_cross_zone_is_off(lab, spillway, health):
    daemon = spillway(zoned(lab, "aab"), wait=wait_all)
    health.fail(daemon, 1, 2)
    assert answering(lab) == ["target1", "target2"], "the zone fails open, though b is healthy"
    zones = {zone["zone"]: zone for zone in group_of(daemon)["zones"]}
    assert zones["a"]["failing_open"] and not zones["a"]["announced"]
    assert not zones["b"]["failing_open"] and zones["b"]["announced"]
    listed = {zone["zone"]: zone for zone in daemon.ctl.json("zone", "list")["zones"]}
    assert (listed["a"]["zonal_health_status"], listed["b"]["zonal_health_status"]) == (0, 1)


def test_thresholds_count_over_all_zones_when_cross_zone_is_on(lab, spillway, health):
    daemon = spillway(zoned(lab, "aab", cross_zone=True))
    health.fail(daemon, 1, 2)
    assert answering(lab) == ["target3"]
    assert not group_of(daemon)["failing_open"]


def test_zonal_affinity_spills_below_minimum_local_capacity(lab, spillway, health):
    daemon = spillway(zoned(lab, "aab", cross_zone=True, zonal_affinity={
        "minimum_local_capacity": 60, "recovery_local_capacity": 90, "recovery_time": 3}),
        wait=wait_all)
    assert answering(lab) == ["target1", "target2"]
    assert exclusions(daemon) == ["", "", "zonal_affinity"]
    health.fail(daemon, 2)
    processes.wait_until(
        lambda: group_of(daemon)["zonal_affinity"] == "spills" and daemon.applied(), 5, "a spill")
    assert answering(lab) == ["target1", "target3"], "50 % of the zone's weight is healthy"
    health.recover(daemon, 2)
    assert answering(lab) == ["target1", "target2", "target3"], "recovery_time is not over"
    processes.wait_until(
        lambda: group_of(daemon)["zonal_affinity"] == "local" and daemon.applied(), 10,
        "flows stay again")
    assert answering(lab) == ["target1", "target2"]


def test_zone_shift_takes_new_flows_and_leaves_the_others(lab, spillway):
    digest = servers.make_file(lab.files / "shifted", 8)
    daemon = spillway(zoned(lab, "aab", cross_zone=True))
    downloads = []
    while daemon.ctl.target(namespaces.target_address(3))["active_flows"] == 0:
        assert len(downloads) < 6
        downloads.append(clients.download(lab.client, f"{URL}/slow/shifted"))
        begun = len(downloads)
        processes.wait_until(
            lambda: sum(t["new_flows"] for t in daemon.ctl.targets().values()) >= begun, 5,
            "the download begins")
    shifted = daemon.ctl.run("zone", "shift", "b", "--expires", "1h", "--comment", "power works")
    assert re.search(r"b +1 +no +1 +(1h 0m|59m \d+s) +power works", shifted.stdout), shifted.stdout
    processes.wait_until(daemon.applied, 5, "the workers know")
    before = daemon.ctl.target(namespaces.target_address(3))
    assert before["exclusion"] == "zonal_shift" and not before["takes_new_flows"]
    assert answering(lab) == ["target1", "target2"]
    assert "zone b is shifted away" in daemon.ctl.table("targets")
    assert "b is shifted away for" in daemon.ctl.table("status")
    zone = daemon.ctl.json("zone", "list")["zones"][1]
    assert zone["active_zonal_shift_host_count"] == 1 and zone["zonal_health_status"] == 0
    daemon.wait_log("zone b gets no new flows until .*: power works")
    for download in downloads:
        assert clients.download_digest(download) == digest
    after = daemon.ctl.target(namespaces.target_address(3))
    assert after["new_flows"] == before["new_flows"]
    daemon.ctl.run("zone", "unshift", "b")
    processes.wait_until(daemon.applied, 5, "the workers know")
    assert answering(lab) == ["target1", "target2", "target3"]


def test_zone_shift_expires_and_survives_a_reload(lab, spillway):
    chosen = zoned(lab, "aab", cross_zone=True)
    daemon = spillway(chosen)
    daemon.ctl.run("zone", "shift", "b", "--expires", "6s")
    changed = copy.deepcopy(chosen)
    changed["listeners"][0]["idle_timeout"] = 100
    daemon.reload(changed)
    assert answering(lab, 30) == ["target1", "target2"]
    daemon.wait_log("zone b gets new flows again: its shift has expired")
    processes.wait_until(daemon.applied, 5, "the workers know")
    assert answering(lab) == ["target1", "target2", "target3"]


def test_zone_shift_survives_a_restart_with_its_expiry(lab, spillway):
    daemon = spillway(zoned(lab, "aab", cross_zone=True), wait=wait_all)
    daemon.ctl.run("zone", "shift", "b", "--expires", "1h", "--comment", "power works")
    daemon.ctl.run("zone", "shift", "a", "--expires", "1s")
    before = daemon.ctl.json("zone", "list")["zones"][1]
    daemon.kill()
    time.sleep(1)  # the other shift's expiry
    wait_all(daemon.start())
    after = daemon.ctl.json("zone", "list")["zones"]
    for key in ("shifted", "shift_started", "shift_expires", "comment"):
        assert after[1][key] == before[key], key
    assert not after[0]["shifted"]
    assert answering(lab) == ["target1", "target2"]
    daemon.wait_log(r"zone b gets no new flows until .*: power works \(since before this start\)")
    daemon.wait_log("zone a gets new flows again: its shift expired at .*, before this start")
    found = daemon.ctl.json("events", "--kind", "zone")["events"]
    assert sorted((one["zone"], one["to"]) for one in found) == [
        ("a", "shift_expired"), ("b", "shifted")]
    daemon.ctl.run("zone", "unshift", "b")
    daemon.kill()
    wait_all(daemon.start())
    assert answering(lab) == ["target1", "target2", "target3"]
    assert not list(daemon.state_dir.glob("*.state"))


def test_zone_shift_that_would_leave_nothing_is_ignored(lab, spillway, health):
    daemon = spillway(zoned(lab, "aab", cross_zone=True))
    daemon.ctl.run("zone", "shift", "b", "--expires", "1h")
    health.fail(daemon, 1, 2)
    assert answering(lab) == ["target3"], "nobody else is healthy"
    assert group_of(daemon)["zonal_shift_ignored"]
    daemon.wait_log("target group web ignores the shift of zone b")


def test_zone_shift_explains_mistakes(lab, spillway):
    daemon = spillway(zoned(lab, "aab", cross_zone=True))
    for words, status, sentence in (
            (("zone", "shift", "c", "--expires", "1h"), 1, "there is no zone c; zones: a, b"),
            (("zone", "shift", "b"), 2, "--expires is missing"),
            (("zone", "shift", "b", "--expires", "4d"), 2, "from 1s to 3d"),
            (("zone", "unshift", "b"), 1, "zone b is not shifted"),
            (("zone",), 2, "needs a second word: list, shift, unshift")):
        told = daemon.ctl.run(*words, check=False)
        assert (told.returncode, sentence in told.stderr) == (status, True), told
