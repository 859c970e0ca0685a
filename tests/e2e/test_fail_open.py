"""target_group_health and failover: where new flows go when too few targets are healthy."""

import pytest

from support import clients, configuration, namespaces, processes, servers
from support.health import HealthPorts, check, group_of, wait_all
from support.lab import URL

ALL = ["target1", "target2", "target3"]


@pytest.fixture(autouse=True)
def health(lab, tmp_path):
    with HealthPorts(lab, tmp_path / "health") as ports:
        yield ports


def answering(lab, requests=60):
    """Who answers new connections; none of them may fail, for all servers serve."""
    report = clients.Load(lab.client, requests=requests, connections=2).run()
    assert report["failed"] == 0, report["failures"][:5]
    return sorted(report["targets"])


def routed_unhealthy(daemon):
    """UnhealthyRoutingFlowCount by target, and the group's."""
    targets = {address: target["unhealthy_routing_flows"]
               for (_, address), target in daemon.ctl.targets().items()}
    return targets, group_of(daemon)["unhealthy_routing_flows"]


def with_health(lab, **health):
    return lab.configuration(check=check(), target_group_health=health)


def minimum(**targets):
    return {"minimum_healthy_targets": targets}


def test_unhealthy_state_routing_minimum_healthy_targets_count(lab, spillway, health):
    daemon = spillway(with_health(lab, unhealthy_state_routing=minimum(count=2)))
    assert answering(lab) == ALL
    health.fail(daemon, 3)
    assert answering(lab) == ["target1", "target2"], "two are enough"
    assert not group_of(daemon)["failing_open"]
    health.fail(daemon, 2)
    assert answering(lab) == ALL, "one is too few: all get flows, the healthy one too"
    assert group_of(daemon)["failing_open"]
    daemon.wait_log(r"target group web fails open: 1 of 3 targets healthy, fewer than 2")
    assert "fail open" in daemon.ctl.table("target-groups")
    assert "because its group fails open" in daemon.ctl.table("targets")
    health.recover(daemon, 2)
    assert answering(lab) == ["target1", "target2"]
    daemon.wait_log(r"target group web fails open no more: 2 of 3")


def test_unhealthy_state_routing_minimum_healthy_targets_percentage(lab, spillway, health):
    daemon = spillway(with_health(lab, unhealthy_state_routing=minimum(percentage=60)))
    health.fail(daemon, 3)
    assert answering(lab) == ["target1", "target2"], "66 %"
    health.fail(daemon, 2)
    assert answering(lab) == ALL, "33 %"
    daemon.wait_log(r"1 of 3 targets healthy, less than 60 %")


def test_the_default_fails_open_with_no_healthy_target(lab, spillway, health):
    daemon = spillway(lab.configuration(check=check()))
    health.fail(daemon, 1, 2)
    assert answering(lab) == ["target3"]
    health.fail(daemon, 3)
    assert answering(lab) == ALL


def test_unhealthy_routing_flow_count(lab, spillway, health):
    daemon = spillway(lab.configuration(check=check()))
    before, _ = routed_unhealthy(daemon)  # until the first checks nobody is known to be healthy
    answering(lab)
    assert routed_unhealthy(daemon)[0] == before
    health.fail(daemon, 1, 2, 3)
    answering(lab, 60)
    after, sum_after = routed_unhealthy(daemon)
    assert all(after[address] - before[address] >= 15 for address in before), (before, after)
    assert sum_after == sum(after.values())
    assert sum_after - sum(before.values()) >= 60
    assert "UNHEALTHY-ROUTED" in daemon.ctl.table("targets")


def test_dns_failover_minimum_healthy_targets(lab, spillway, health):
    chosen = with_health(lab, dns_failover=minimum(count=2))
    chosen |= {"zone": "a"}
    for target, zone in zip(chosen["target_groups"][0]["targets"], "aab"):
        target["zone"] = zone
    chosen["target_groups"][0]["targets"].append(
        {"address": namespaces.target_address(3), "port": 9, "zone": "b"})
    daemon = spillway(chosen, wait=wait_all)

    def announced():
        return {zone["zone"]: zone["announced"] for zone in group_of(daemon)["zones"]}
    assert announced() == {"a": True, "b": True}
    health.fail(daemon, 2)
    assert announced() == {"a": False, "b": True}, "routing is content with one, announcing is not"
    assert not group_of(daemon)["failing_open"]
    daemon.wait_log("target group web: zone a should not be announced: 1 of 2")
    health.servers[2].kill()
    processes.wait_until(lambda: announced() == {"a": True, "b": True}, 10,
                         "all zones are bad, so all are announced")
    health.servers[2].start()
    health.recover(daemon, 2)
    daemon.wait_log("zone a may be announced again")


def with_standby(lab, **group):
    """Group web of targets 1 and 2, whose standby is target 3."""
    chosen = lab.configuration(check=check(), targets=(1, 2), **group)
    chosen["target_groups"].append(
        configuration.target_group("standby", targets=(3,), check=check()))
    return chosen


def slow_download(lab, daemon, megabytes):
    """A download at 8 MiB/s that has begun, and the digest of what it should get."""
    digest = servers.make_file(lab.files / "kept", megabytes)
    download = clients.download(lab.client, f"{URL}/slow/kept")
    processes.wait_until(
        lambda: any(t["active_flows"] and t["bytes_to_client"] > 100_000
                    for t in daemon.ctl.targets().values()), 10, "the download runs")
    return download, digest


def test_failover_target_group(lab, spillway, health):
    daemon = spillway(with_standby(lab, failover={
        "target_group": "standby", "recovery_time": 3,
        "recovery_healthy_targets": {"count": 2}}))
    assert answering(lab) == ["target1", "target2"]
    health.fail(daemon, 1)
    assert answering(lab) == ["target2"]
    health.fail(daemon, 2)
    processes.wait_until(lambda: group_of(daemon)["on_standby"] and daemon.applied(), 5,
                         "flows go to the standby")
    assert answering(lab) == ["target3"]
    assert "standby" in daemon.ctl.table("target-groups")
    assert not group_of(daemon, "standby")["failing_open"]
    health.recover(daemon, 1)
    assert answering(lab) == ["target3"], "one is fewer than recovery_healthy_targets"
    health.recover(daemon, 2)
    assert answering(lab) == ["target3"], "recovery_time is not over"
    processes.wait_until(lambda: not group_of(daemon)["on_standby"] and daemon.applied(), 10,
                         "flows come back")
    assert answering(lab) == ["target1", "target2"]
    daemon.wait_log("enough for 3 s: new flows come back from standby group standby")


def on_standby(daemon, health):
    """Takes the health of both targets of web, so that new flows go to the standby."""
    health.fail(daemon, 1, 2)
    processes.wait_until(lambda: group_of(daemon)["on_standby"] and daemon.applied(), 5,
                         "flows go to the standby")


def test_failover_leaves_flows_where_they_are(lab, spillway, health):
    daemon = spillway(with_standby(lab, unhealthy={"connection_termination": False},
                                   failover={"target_group": "standby", "recovery_time": 0}))
    download, digest = slow_download(lab, daemon, 80)
    on_standby(daemon, health)
    assert answering(lab) == ["target3"]
    assert download.poll() is None, "the download was over too early: this test shows nothing"
    health.recover(daemon, 1, 2)
    processes.wait_until(lambda: not group_of(daemon)["on_standby"] and daemon.applied(), 10,
                         "flows come back")
    assert clients.download_digest(download) == digest


def test_failover_does_not_save_flows_from_connection_termination(lab, spillway, health):
    """A standby is no fail-open: unhealthy targets' flows are reset, as by default everywhere.

    The client says nothing while its target is reset, and must be told all the same: not a minute
    later, when its keep-alive finds out.
    """
    daemon = spillway(with_standby(lab, failover={"target_group": "standby"}))
    download, _ = slow_download(lab, daemon, 80)
    on_standby(daemon, health)
    with pytest.raises(AssertionError, match="reset by peer"):
        clients.download_digest(download, timeout=15)


def test_failover_to_a_standby_that_is_not_healthy_is_fail_open(lab, spillway, health):
    daemon = spillway(with_standby(lab, failover={"target_group": "standby"}))
    health.fail(daemon, 3, group="standby")
    health.fail(daemon, 1, 2)
    assert answering(lab) == ["target1", "target2"]
    assert group_of(daemon)["failing_open"]
    health.recover(daemon, 3, group="standby")
    processes.wait_until(lambda: group_of(daemon)["on_standby"] and daemon.applied(), 5,
                         "the standby is healthy now")
    assert answering(lab) == ["target3"]
