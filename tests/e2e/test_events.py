"""spillwayctl events: every change of a target's state, and what else happened."""

import json
import re
import subprocess

import pytest

from support import configuration, ends, namespaces, processes

SECOND = namespaces.target_address(2)
CHECK = {"protocol": "tcp", "port": ends.HEALTH_PORT, "interval": 0.2, "timeout": 0.2,
         "healthy_threshold": 2, "unhealthy_threshold": 2}


@pytest.fixture
def served(lab):
    with ends.serving(lab) as started:
        yield started


@pytest.fixture
def daemon(lab, spillway, served):
    del served
    return spillway(lab.configuration(port=ends.PORT, check=CHECK))


def events(daemon, *words):
    return daemon.ctl.json("events", *words)["events"]


def test_a_target_s_changes_each_with_time_generation_reason_and_sentence(daemon, served):
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy")
    generation = daemon.ctl.status()["generation"]
    served[1].healthy(True)
    daemon.wait_state(SECOND, "healthy")
    daemon.ctl.run("drain", "web", f"{SECOND}:{ends.PORT}")
    found = events(daemon, "--target", SECOND)
    assert [(one["kind"], one["from"], one["to"], one["reason"]) for one in found] == [
        ("target", "", "initial", "Elb.RegistrationInProgress"),
        ("target", "initial", "initial", "Elb.InitialHealthChecking"),
        ("target", "initial", "healthy", ""),
        ("target", "healthy", "unhealthy", "Target.FailedHealthChecks"),
        ("target", "unhealthy", "healthy", ""),
        ("operator", "", "drain", ""),
        ("target", "healthy", "draining", "Target.DeregistrationInProgress")]
    assert {one["target_group"] for one in found} == {"web"}
    assert {one["target"] for one in found} == {f"{SECOND}:{ends.PORT}"}
    assert [one["number"] for one in found] == sorted(one["number"] for one in found)
    assert [one["time"] for one in found] == sorted(one["time"] for one in found)
    assert found[3]["generation"] == generation
    assert "refused" in found[3]["sentence"] and "2 of 2 failed" in found[3]["sentence"], found[3]
    table = daemon.ctl.table("events", "--target", SECOND, "--count", "4")
    assert "healthy → unhealthy  Target.FailedHealthChecks: " in table, table
    assert len(table.splitlines()) == 5, table


def test_follow(daemon, served):
    command = daemon.ctl.command("--json", "events", "--follow", "--target", SECOND)
    process = processes.start(command, stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["to"] == "initial"
        assert json.loads(process.stdout.readline())["reason"] == "Elb.InitialHealthChecking"
        assert json.loads(process.stdout.readline())["to"] == "healthy"
        served[1].healthy(False)
        event = json.loads(process.stdout.readline())
        assert (event["from"], event["to"]) == ("healthy", "unhealthy")
    finally:
        processes.stop(process)


def test_reloads(daemon, lab):
    daemon.reload()
    good = daemon.file.read_text()
    daemon.file.write_text(good.replace("round_robin", "square_robin"))
    assert daemon.ctl.run("reload", check=False).returncode == 1
    applied, refused = events(daemon, "--kind", "reload")
    assert applied["to"] == "applied" and refused["to"] == "refused"
    assert refused["generation"] == daemon.ctl.status()["generation"] >= applied["generation"]
    assert "square_robin" in refused["sentence"], refused


def test_since_and_count(daemon):
    assert events(daemon, "--since", "1h") == events(daemon)
    assert events(daemon, "--since", "2100-01-01T00:00:00.000Z") == []
    last = events(daemon)[-1]
    assert events(daemon, "--count", "1") == [last]
    assert daemon.ctl.table("events", "--since", "2100-01-01T00:00:00.000Z") == "no events\n"
    wrong = daemon.ctl.run("events", "--since", "yesterday", check=False)
    assert wrong.returncode == 2 and "90s, 15m, 2h, 3d" in wrong.stderr, wrong.stderr


def told(daemon, *words):
    """What is not about a target's state, shortly."""
    return [(one["kind"], one["listener"] or one["zone"] or one["target_group"], one["to"])
            for one in events(daemon, *words) if one["kind"] != "target"]


def test_listeners(daemon, lab):
    chosen = {"instance": daemon.instance} | lab.configuration(port=ends.PORT, check=CHECK)
    chosen["listeners"].append({"name": "more", "address": namespaces.LISTENER_ADDRESS,
                                "port": 81, "protocol": "tcp", "target_group": "web"})
    daemon.reload(chosen)
    chosen["listeners"].pop()
    daemon.reload(chosen)
    processes.wait_until(lambda: ("listener", "more", "gone") in told(daemon), 5, "it is gone")
    assert [one for one in told(daemon) if one[0] != "start"] == [
        ("listener", "web", "added"), ("listener", "more", "added"), ("reload", "", "applied"),
        ("listener", "more", "removed"), ("reload", "", "applied"), ("listener", "more", "gone")]
    found = events(daemon, "--kind", "listener")
    assert "203.0.113.10:81" in found[1]["sentence"], found
    table = daemon.ctl.table("events")
    assert re.search(r"listener more +removed +left the configuration", table), table


def test_fail_open(daemon, served):
    daemon.wait_state(SECOND, "healthy")
    for server in served:
        server.healthy(False)
    for number in (1, 2, 3):
        daemon.wait_state(namespaces.target_address(number), "unhealthy")
    served[0].healthy(True)
    daemon.wait_state(namespaces.target_address(1), "healthy")
    processes.wait_until(lambda: len(events(daemon, "--kind", "target_group")) == 2, 5, "events")
    found = events(daemon, "--kind", "target_group")
    assert [(one["target_group"], one["to"]) for one in found] == [
        ("web", "fail_open"), ("web", "fail_open_ended")]
    assert "0 of 3 targets healthy" in found[0]["sentence"], found[0]
    generations = [one["generation"] for one in found]
    assert generations[0] < generations[1] <= daemon.ctl.status()["generation"]
    assert "target group web  fail open" in daemon.ctl.table("events", "--kind", "target_group")


def test_what_the_operator_does(daemon):
    first = namespaces.target_address(1)
    daemon.ctl.run("register", "web", "10.0.1.77", "10.0.1.78")
    daemon.ctl.run("weight", "web", f"{first}:{ends.PORT}", "7")
    daemon.ctl.run("weight", "web", f"{first}:{ends.PORT}", "7")  # as it is: no event
    daemon.ctl.run("deregister", "web", "10.0.1.78")
    daemon.ctl.run("undrain", "web", f"{first}:{ends.PORT}", check=False)  # refused: none either
    daemon.ctl.run("changes", "discard", "web")
    daemon.reload()
    daemon.ctl.run("rollback", check=False)
    found = events(daemon, "--kind", "operator")
    assert [(one["target_group"], one["target"], one["to"]) for one in found] == [
        ("web", "", "register"), ("web", f"{first}:{ends.PORT}", "weight"),
        ("web", f"10.0.1.78:{ends.PORT}", "deregister"), ("web", "", "discard")]
    assert found[0]["sentence"] == ("the operator registers 2 targets: "
                                    f"10.0.1.77:{ends.PORT}, 10.0.1.78:{ends.PORT}"), found[0]
    assert found[1]["sentence"] == "the operator sets its weight from 1 to 7"
    assert found[2]["sentence"].startswith("the operator deregisters 1 target: 10.0.1.78")
    assert found[3]["sentence"] == "2 changes beside the file are discarded", found[3]
    assert all(one["generation"] for one in found)


def test_rollback(daemon):
    refused = daemon.ctl.run("rollback", check=False)
    assert refused.returncode == 1
    daemon.file.write_text(daemon.file.read_text().replace("timeout = 60", "timeout = 61"))
    daemon.ctl.run("reload")
    daemon.ctl.run("rollback")
    first, second = events(daemon, "--kind", "rollback")
    assert first["to"] == "refused" and "nothing to go back to" in first["sentence"], first
    assert second["to"] == "applied" and "as it was until" in second["sentence"], second


def test_zone_shifts(lab, spillway, served):
    del served
    chosen = lab.configuration(port=ends.PORT, check=CHECK)
    for target, zone in zip(chosen["target_groups"][0]["targets"], "abb"):
        target["zone"] = zone
    daemon = spillway(chosen)
    daemon.ctl.run("zone", "shift", "b", "--expires", "1h", "--comment", "works")
    daemon.ctl.run("zone", "unshift", "b")
    daemon.ctl.run("zone", "shift", "b", "--expires", "1s")
    processes.wait_until(lambda: len(events(daemon, "--kind", "zone")) == 4, 10, "it expires")
    found = events(daemon, "--kind", "zone")
    assert [(one["zone"], one["to"]) for one in found] == [
        ("b", "shifted"), ("b", "unshifted"), ("b", "shifted"), ("b", "shift_expired")]
    assert found[0]["sentence"].endswith(": works"), found[0]
    assert "zone b" in daemon.ctl.table("events", "--kind", "zone")


def test_a_target_at_an_address_of_our_own_is_unusable(daemon, lab):
    """An address on a port's interface that nobody has told Spillway about."""
    daemon.wait_state(SECOND, "healthy")
    lab.balancer.ip("address", "add", f"{SECOND}/32", "dev", "back")
    target = daemon.wait_state(SECOND, "unused")
    assert target["reason"] == "Target.IpUnusable" and not target["takes_new_flows"], target
    assert "is the balancer's own" in target["detail"], target
    lab.balancer.ip("address", "delete", f"{SECOND}/32", "dev", "back")
    daemon.wait_state(SECOND, "healthy")


def test_a_group_without_health_checks_is_unavailable_and_gets_flows(lab, spillway, served):
    served[1].healthy(False)
    daemon = spillway(lab.configuration(port=ends.PORT, check={"enabled": False}))
    for number in (1, 2, 3):
        target = daemon.wait_state(namespaces.target_address(number), "unavailable")
        assert target["reason"] == "Target.HealthCheckDisabled", target
        assert target["takes_new_flows"], target
    daemon.reload({"instance": daemon.instance} | lab.configuration(port=ends.PORT, check=CHECK))
    assert not daemon.wait_state(SECOND, "unhealthy")["takes_new_flows"]


def test_a_group_that_no_listener_uses_is_not_in_use_until_one_does(daemon, lab, served):
    chosen = {"instance": daemon.instance} | lab.configuration(port=ends.PORT, check=CHECK)
    chosen["target_groups"].append(configuration.target_group("spare", port=ends.PORT, check=CHECK))
    daemon.reload(chosen)
    target = daemon.wait_state(SECOND, "unused", "spare")
    assert target["reason"] == "Target.NotInUse" and not target["takes_new_flows"], target
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy")
    assert daemon.ctl.target(SECOND, "spare")["state"] == "unused", "nobody checks it"
    served[1].healthy(True)
    chosen["listeners"].append(configuration.listener("spare", port=81))
    daemon.reload(chosen)
    daemon.wait_state(SECOND, "healthy", "spare")
