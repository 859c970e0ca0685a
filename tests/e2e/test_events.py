"""spillwayctl events: every change of a target's state, and what else happened."""

import json
import subprocess

import pytest

from support import ends, namespaces, processes

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
        ("target", "", "initial", "Elb.InitialHealthChecking"),
        ("target", "initial", "healthy", ""),
        ("target", "healthy", "unhealthy", "Target.FailedHealthChecks"),
        ("target", "unhealthy", "healthy", ""),
        ("operator", "", "drain", ""),
        ("target", "healthy", "draining", "Target.DeregistrationInProgress")]
    assert {one["target_group"] for one in found} == {"web"}
    assert {one["target"] for one in found} == {f"{SECOND}:{ends.PORT}"}
    assert [one["number"] for one in found] == sorted(one["number"] for one in found)
    assert [one["time"] for one in found] == sorted(one["time"] for one in found)
    assert found[2]["generation"] == generation
    assert "refused" in found[2]["sentence"] and "2 of 2 failed" in found[2]["sentence"], found[2]
    table = daemon.ctl.table("events", "--target", SECOND, "--count", "4")
    assert "healthy → unhealthy  Target.FailedHealthChecks: " in table, table
    assert len(table.splitlines()) == 5, table


def test_follow(daemon, served):
    command = daemon.ctl.command("--json", "events", "--follow", "--target", SECOND)
    process = processes.start(command, stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["to"] == "initial"
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
