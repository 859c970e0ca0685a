"""10,000 HTTP requests over three targets: none fails, and each target gets its share."""

import pytest

from support import clients
from support.lab import URL

MODES = ("nat", "full_nat")


def new_flows(daemon):
    return {address: target["new_flows"] for (_, address), target in daemon.ctl.targets().items()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("workers", (1, 2, 4))
def test_round_robin_is_even_to_one_per_worker(lab, spillway, mode, workers):
    daemon = spillway(lab.configuration(mode=mode, workers=workers))
    report = clients.Load(lab.client, requests=10_000).run()
    assert report["requests"] == 10_000
    assert report["failed"] == 0, report["failures"][:5]
    answers = report["targets"]
    assert sorted(answers) == ["target1", "target2", "target3"]
    assert max(answers.values()) - min(answers.values()) <= workers, answers
    flows = new_flows(daemon)
    assert sum(flows.values()) == 10_000, flows
    assert max(flows.values()) - min(flows.values()) <= workers, flows
    if workers > 1:  # all of them had work
        status = daemon.ctl.status()
        assert all(worker["flows_inserted"] > 0 for worker in status["workers"]), status["workers"]


@pytest.mark.parametrize("mode", MODES)
def test_keep_alive_connections_stay_where_they_are(lab, spillway, mode):
    daemon = spillway(lab.configuration(mode=mode, workers=2))
    report = clients.Load(lab.client, requests=10_000, connections=30, keep_alive=True).run()
    assert (report["requests"], report["failed"]) == (10_000, 0), report["failures"][:5]
    flows = new_flows(daemon)
    assert sum(flows.values()) == 30, flows


def test_maglev_is_even_to_ten_percent(lab, spillway):
    spillway(lab.configuration(algorithm="maglev"))
    report = clients.Load(lab.client, requests=10_000).run()
    assert (report["requests"], report["failed"]) == (10_000, 0), report["failures"][:5]
    for answers in report["targets"].values():
        assert abs(answers - 10_000 / 3) <= 10_000 / 3 * 0.10, report["targets"]


def test_source_ip_sends_a_client_to_one_target(lab, spillway):
    spillway(lab.configuration(algorithm="source_ip", workers=2))
    report = clients.Load(lab.client, requests=500).run()
    assert (report["requests"], report["failed"]) == (500, 0), report["failures"][:5]
    assert len(report["targets"]) == 1, report["targets"]


def test_least_connections_keeps_open_connections_even(lab, spillway):
    daemon = spillway(lab.configuration(algorithm="least_connections", workers=2))
    report = clients.Load(lab.client, requests=3_000, connections=60, keep_alive=True).run()
    assert (report["requests"], report["failed"]) == (3_000, 0), report["failures"][:5]
    flows = new_flows(daemon)
    assert sum(flows.values()) == 60, flows
    assert max(flows.values()) - min(flows.values()) <= 15, flows


def test_weights_count(lab, spillway):
    configuration = lab.configuration(algorithm="weighted_round_robin")
    for target, weight in zip(configuration["target_groups"][0]["targets"], (1, 2, 7), strict=True):
        target["weight"] = weight
    spillway(configuration)
    report = clients.Load(lab.client, requests=1_000).run()
    assert report["failed"] == 0, report["failures"][:5]
    for name, expected in (("target1", 100), ("target2", 200), ("target3", 700)):
        assert abs(report["targets"][name] - expected) <= 10, report["targets"]


@pytest.mark.parametrize("headers", ((), ("Connection: close",)), ids=("keep_alive", "new_flows"))
def test_wrk_sees_no_error(lab, spillway, headers):
    spillway(lab.configuration())
    report = clients.wrk_report(
        clients.wrk(lab.client, f"{URL}/", seconds=3, connections=64, headers=headers))
    assert report["failed"] == 0, report["text"]
    assert report["requests"] >= 10_000, report["text"]


def test_client_address_is_preserved_in_nat_only(lab, spillway):
    def seen_by_target():
        answer = lab.client.run(["curl", "-s", "-o", "/dev/null", "-w", "%header{x-client}",
                                 "--max-time", "5", f"{URL}/"]).stdout
        return answer.rpartition(":")[0]

    daemon = spillway(lab.configuration(mode="nat"))
    assert seen_by_target() == "198.51.100.1"
    daemon.stop()
    chosen = lab.configuration(mode="full_nat")
    spillway(chosen)
    assert seen_by_target() in chosen["ports"][1]["local_addresses"]
