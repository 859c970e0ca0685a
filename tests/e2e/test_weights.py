"""Weights, one case per way that a target gets one: weight, slow_start, weight_header."""

import contextlib
import json

import pytest

from support import clients, configuration, namespaces, processes, servers

FIRST, SECOND, THIRD = (namespaces.target_address(number) for number in (1, 2, 3))
HEADER = "X-Load-Balancing-Endpoint-Weight"
CHECK_PORT = 8090


def share(lab, number, requests=600):
    """The part of new connections that a target gets, measured."""
    report = clients.Load(lab.client, requests=requests).run()
    assert report["failed"] == 0, report["failures"][:5]
    return report["targets"].get(f"target{number}", 0) / requests


def weighted(lab, *weights, **choices):
    chosen = lab.configuration(**{"algorithm": "weighted_round_robin"} | choices)
    for target, weight in zip(chosen["target_groups"][0]["targets"], weights):
        target["weight"] = weight
    return chosen


def test_weight_of_the_file(lab, spillway):
    daemon = spillway(weighted(lab, 50, 30, 20, workers=2))
    for number, part in ((1, 0.5), (2, 0.3), (3, 0.2)):
        assert share(lab, number) == pytest.approx(part, abs=0.02)
    assert daemon.ctl.target(FIRST)["weight"] == 50


def test_weight_changed_while_it_runs(lab, spillway):
    chosen = weighted(lab, 100, 100, 100)
    daemon = spillway(chosen)
    kept = clients.Load(lab.client, connections=8, keep_alive=True).start()
    try:
        said = daemon.ctl.run("weight", "web", f"{SECOND}:8080", 25).stdout
        assert said == f"web {SECOND}:8080 weight 100 -> 25 (the file has 100)\n"
        processes.wait_until(daemon.applied, 5, "the new weight is applied")
        assert share(lab, 2) == pytest.approx(25 / 225, abs=0.02)
        assert "weight set by the operator, the file has 100" in daemon.ctl.table("targets")

        changed = daemon.ctl.json("weight", "web", SECOND, 0)
        assert (changed["previous_weight"], changed["weight"]) == (25, 0)
        processes.wait_until(daemon.applied, 5, "weight 0 is applied")
        assert share(lab, 2, 200) == 0
        assert daemon.ctl.target(SECOND)["state"] == "healthy"

        # A reload that says nothing new leaves it; one that does ends it.
        daemon.reload(chosen)
        assert daemon.ctl.target(SECOND)["weight"] == 0
        chosen["target_groups"][0]["targets"][1]["weight"] = 50
        daemon.reload(chosen)
        target = daemon.ctl.target(SECOND)
        assert (target["weight"], target["weight_is_set"]) == (50, False)
        assert share(lab, 2) == pytest.approx(50 / 250, abs=0.02)
    finally:
        report = kept.stop()
    assert report["failed"] == 0, "no flow that exists noticed"


def test_weight_is_refused_with_what_is_allowed(lab, spillway):
    daemon = spillway(lab.configuration())
    wrong = daemon.ctl.run("weight", "web", f"{SECOND}:8080", 1000, check=False)
    assert wrong.returncode == 2 and "from 0 (no new flows) to 999" in wrong.stderr
    unknown = daemon.ctl.run("weight", "web", "10.0.1.99:8080", 5, check=False)
    assert unknown.returncode == 1 and "has no target 10.0.1.99:8080" in unknown.stderr
    status, answer = daemon.ctl.request(
        "POST", f"/v1/target_groups/web/targets/{SECOND}:8080/weight?weight=many")
    assert status == 400 and "from 0 to 999" in answer["error"]
    said = daemon.ctl.run("weight", "web", f"{SECOND}:8080", 7).stdout
    assert "note: target group web has algorithm round_robin" in said


@pytest.mark.parametrize("algorithm", ["weighted_round_robin", "maglev"])
def test_slow_start(lab, spillway, algorithm):
    daemon = spillway(lab.configuration(algorithm=algorithm, slow_start=30))
    assert share(lab, 2, 300) == pytest.approx(1 / 3, abs=0.09), "not after the first start"
    server = lab.nginx[1]
    server.kill()
    try:
        daemon.wait_state(SECOND, "unhealthy")
    finally:
        server.start()
    assert daemon.wait_state(SECOND, "healthy")["slow_start_percent"] <= 15

    def percent():
        return daemon.ctl.target(SECOND)["slow_start_percent"] or 100

    generations = daemon.ctl.status()["generation"]
    seen = []
    for least in (1, 40, 70):
        processes.wait_until(lambda: percent() >= least, 40, f"slow start is at {least} %")
        before = percent()
        part = share(lab, 2)
        after = percent()
        # Of three targets with 100, 100 and so many percent; Maglev's shares are drawn.
        slack = 0.05 if algorithm == "maglev" else 0.02
        assert before / (200 + before) - slack < part < after / (200 + after) + slack, (
            before, part, after)
        seen.append(part)
    assert seen[0] < 0.18 and seen[0] < seen[1] < seen[2], seen
    processes.wait_until(lambda: percent() == 100, 40, "slow start is over")
    assert daemon.ctl.target(SECOND)["slow_start_percent"] is None
    assert daemon.ctl.status()["generation"] - generations <= 32, "no more than one a second"
    processes.wait_until(daemon.applied, 5, "the whole weight is applied")
    assert share(lab, 2) == pytest.approx(1 / 3, abs=0.09 if algorithm == "maglev" else 0.02)


@pytest.fixture
def weight_servers(lab, tmp_path):
    """On every target: an HTTP server for health checks that reports a weight."""
    with contextlib.ExitStack() as stack:
        opened = []
        for number, namespace in enumerate(lab.network.targets, 1):
            server = servers.WeightServer(namespace, tmp_path, f"target{number}", CHECK_PORT)
            stack.callback(server.stop)
            server.start()
            opened.append(server)
        yield opened


def test_weight_header(lab, spillway, weight_servers):
    check = configuration.health_check(port=CHECK_PORT, path="/", interval=0.5, timeout=0.5,
                                       weight_header=HEADER)
    daemon = spillway(weighted(lab, 100, 100, 100, check=check))

    def reports(percent, address=SECOND):
        return (daemon.ctl.target(address)["reported_percent"] == percent and daemon.applied())

    def wait(percent, address=SECOND):
        processes.wait_until(lambda: reports(percent, address), 10, f"{address} is at {percent}")

    assert share(lab, 2) == pytest.approx(1 / 3, abs=0.02), "nothing reported: the whole weight"
    weight_servers[1].report(f"{HEADER}: 20")
    wait(20)
    processes.wait_until(lambda: share(lab, 2) == pytest.approx(20 / 220, abs=0.02), 10,
                         "a fifth of the weight counts")

    # Hostile or broken: ignored, with a sentence, and what was said before still holds.
    weight_servers[1].report(f"{HEADER}: 99999999999999999999")
    processes.wait_until(
        lambda: "is ignored: not a number from 0 to 100" in daemon.ctl.target(SECOND)["detail"],
        10, "the sentence is there")
    assert reports(20)

    weight_servers[1].report(f"{HEADER}: 0")
    wait(0)
    processes.wait_until(lambda: not daemon.ctl.target(SECOND)["takes_new_flows"], 10, "no flows")
    processes.wait_until(daemon.applied, 5, "weight 0 is applied")
    assert share(lab, 2, 200) == 0
    assert daemon.ctl.target(SECOND)["state"] == "healthy"

    # All of them: nobody is heeded.
    for server, address in ((weight_servers[0], FIRST), (weight_servers[2], THIRD)):
        server.report(f"{HEADER}: 0")
        wait(0, address)
    processes.wait_until(lambda: daemon.ctl.target(SECOND)["takes_new_flows"], 10, "all again")
    processes.wait_until(daemon.applied, 5, "all weights are applied")
    assert share(lab, 2) == pytest.approx(1 / 3, abs=0.02)

    for server in weight_servers:
        server.report("")
    wait(None)
    text = json.dumps(daemon.ctl.json("targets"))
    assert '"reported_percent": null' in text
