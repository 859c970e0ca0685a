"""The exporter beside a real daemon, under a real Prometheus, and through the daemon's death."""

import json
import pathlib
import re
import subprocess

import pytest

from support import clients, exporter, processes

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
RULES = PACKAGING / "prometheus" / "spillway.rules.yml"
REQUESTS = 60


@pytest.fixture
def scraped(lab, spillway):
    # With limits, which nobody reaches: where there are none their metrics are absent, and the
    # dashboard asks for them.
    chosen = lab.configuration(workers=2, max_connections=3_000_000)
    for target in chosen["target_groups"][0]["targets"]:
        target["max_connections"] = 1_000_000
    daemon = spillway(chosen)
    with exporter.Exporter(daemon.instance) as running:
        yield daemon, running


def test_figures_are_those_of_spillwayctl_and_promtool_likes_them(scraped, lab):
    daemon, running = scraped
    report = clients.Load(lab.client, requests=REQUESTS).run()
    assert report["failed"] == 0
    # Once the last packets have come and been counted.
    processes.wait_until(lambda: same_bytes(running.metrics(), daemon.ctl.targets()), 5,
                         "exporter and spillwayctl say the same bytes")

    metrics = running.metrics()
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics.text, text=True,
                             capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == "", "every metric has a HELP and a proper name"

    assert metrics.one("spillway_up") == 1
    assert metrics.one("spillway_stale") == 0
    assert metrics.one("spillway_info", balancer=daemon.instance) == 1
    new = metrics.of("spillway_listener_new_flows_total", listener="web")
    assert new == [REQUESTS]
    for (group, address), target in daemon.ctl.targets().items():
        labels = {"target_group": group, "target": f"{address}:{target['port']}"}
        assert metrics.one("spillway_target_new_flows_total", **labels) == target["new_flows"]
        assert metrics.one("spillway_target_state", state="healthy", **labels) == 1
        assert sum(metrics.of("spillway_target_state", **labels)) == 1
    # The law of the verdicts holds out here too, once no packet is under way.
    processes.wait_until(
        lambda: law_of_verdicts(running.metrics()), 5, "received = sum of verdicts")
    assert metrics.one("spillway_verdict_packets_total", verdict="ForwardToTarget") > 2 * REQUESTS
    assert len(metrics.of("spillway_worker_seconds_total")) == 4


def same_bytes(metrics, targets):
    return all(
        metrics.one("spillway_target_processed_bytes_total", direction="to_client",
                    target_group=group, target=f"{address}:{target['port']}")
        == target["bytes_to_client"] for (group, address), target in targets.items())


def law_of_verdicts(metrics):
    return (sum(metrics.of("spillway_worker_received_packets_total"))
            == sum(metrics.of("spillway_verdict_packets_total")))


def test_http_is_read_only_and_says_what_there_is(scraped):
    _, running = scraped
    assert exporter.get(running.port, "/metrics", "POST")[0] == 405
    assert exporter.get(running.port, "/nothing")[0] == 404
    status, headers, text = exporter.get(running.port, "/metrics", "HEAD")
    assert (status, text) == (200, "") and int(headers["Content-Length"]) > 10_000
    status, headers, text = exporter.get(running.port, "/?x=1")
    assert status == 200 and "Spillway" in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text), "no external assets"


def test_it_outlives_the_daemon_and_follows_the_next_one(scraped, lab):
    daemon, running = scraped
    clients.Load(lab.client, requests=40).run()
    daemon.kill()
    metrics = processes.wait_until(
        lambda: (now := running.metrics()).one("spillway_up") == 0 and now, 5, "it is noticed")
    assert metrics.one("spillway_stale") == 1
    assert metrics.of("spillway_target_state") == [], "last figures would look like those of now"
    status = running.status()
    assert status["stale"] and "died" in status["why"]
    assert status["targets"], "people get the last figures, and are told that they are"

    daemon.start().wait_healthy()
    assert running.metrics().one("spillway_up") == 1
    assert running.status()["why"] == ""


def test_started_before_the_daemon_it_waits(lab, spillway):
    daemon = spillway(lab.configuration())
    with exporter.Exporter("not-" + daemon.instance) as running:
        metrics = running.metrics()
        assert metrics.one("spillway_up") == 0
        assert "is not running" in running.status()["why"]


def test_histograms_can_be_left_out(lab, spillway):
    daemon = spillway(lab.configuration())
    with exporter.Exporter(daemon.instance, "--histograms", "none") as running:
        assert not any(name.endswith("_bucket") for name in running.metrics().names())


def impatient(directory):
    """The rules as they are packaged, but no test waits for minutes."""
    text, count = re.subn(r"for: \d+[ms]", "for: 1s", RULES.read_text())
    assert count > 10
    file = directory / "rules.yml"
    file.write_text(text)
    return file


def test_prometheus_scrapes_it_and_the_alert_of_lost_targets_fires(scraped, lab, tmp_path):
    daemon, running = scraped
    with exporter.Prometheus(tmp_path, running, [impatient(tmp_path)]) as prometheus:
        processes.wait_until(lambda: prometheus.query("spillway_up == 1"), 20, "a scrape")
        assert prometheus.query('spillway_target_group_healthy_targets{target_group="web"}')
        clients.Load(lab.client, requests=40).run()
        processes.wait_until(
            lambda: prometheus.query("sum(spillway_listener_new_flows_total) == 40"), 10, "flows")
        assert "SpillwayNoHealthyTarget" not in prometheus.firing()
        check_dashboard(prometheus)

        for nginx in lab.nginx:
            nginx.kill()
        try:
            processes.wait_until(lambda: "SpillwayNoHealthyTarget" in prometheus.firing(), 20,
                                 "the alert fires")
        finally:
            for nginx in lab.nginx:
                nginx.start()
        daemon.wait_healthy()
        processes.wait_until(lambda: "SpillwayNoHealthyTarget" not in prometheus.firing(), 20,
                             "the alert ends")


def check_dashboard(prometheus):
    """Each of its queries is one that Prometheus understands, about metrics that there are."""
    board = json.loads((PACKAGING / "grafana" / "spillway.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(expressions) > 20
    known = set(prometheus.get("/api/v1/label/__name__/values"))
    for expression in expressions:
        plain = (expression.replace("$__rate_interval", "1m")
                 .replace('=~"$instance"', '=~".*"').replace('=~"$listener"', '=~".*"')
                 .replace('=~"$target_group"', '=~".*"'))
        assert "$" not in plain, plain
        prometheus.query(plain)
        names = set(re.findall(r"spillway_\w+", plain))
        assert names and names <= known, (names - known, expression)


def test_rules_are_valid_and_pass_their_own_tests():
    for words in (["check", "rules", RULES.name], ["test", "rules", "spillway.rules.test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=RULES.parent, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
