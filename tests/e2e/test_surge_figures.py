"""Everything that tells of the surge queue tells the same, and what the clients saw.

Shared memory (the Python reader), spillwayctl stats and top, the exporter, a real Prometheus that
scrapes it, and the web page in a browser: while a crowd waits, and after it was served.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys

import pytest

from support import browser, exporter, namespaces, processes, surge
from support.surge import CROWD, LENGTH, LIMIT
from support.terminal import Terminal

READER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "spillway_segment.py"
RULES = READER.parents[1] / "packaging" / "prometheus" / "spillway.rules.yml"
SPILLED = CROWD - LIMIT - LENGTH
TARGET = f"{namespaces.target_address(1)}:{surge.SLOW_PORT}"
PATIENCE = 30  # seconds, for pages, scrapes and terminals on a busy machine


class Sources:
    """All that show a group's queue, started; each answers with the same fields."""

    def __init__(self, daemon, directory):
        self.daemon = daemon
        self.terminal = Terminal(directory, daemon.ctl.command("top", "--interval", "0.5"))
        self.exporter = exporter.Exporter(daemon.instance)
        self.browser = browser.Browser(directory)
        self.prometheus = None
        self.directory = directory

    def __enter__(self):
        self.exporter.__enter__()
        rules = self.directory / "rules.yml"
        rules.write_text(re.sub(r"for: \d+[ms]", "for: 1s", RULES.read_text()))
        self.prometheus = exporter.Prometheus(self.directory, self.exporter, [rules])
        self.prometheus.__enter__()
        self.browser.__enter__()
        self.browser.open(f"http://127.0.0.1:{self.exporter.port}/")
        self.terminal.keys("2")
        return self

    def __exit__(self, kind, *rest):
        self.terminal.close()
        self.browser.__exit__(kind, *rest)
        self.prometheus.__exit__(kind, *rest)
        self.exporter.__exit__(kind, *rest)

    # Each returns {"waiting", "spilled", "connections"}, or what is not such a thing (yet).

    def reader(self):
        run = subprocess.run([sys.executable, READER, "--instance", self.daemon.instance, "--json"],
                             capture_output=True, text=True, timeout=20, check=True)
        document = json.loads(run.stdout)
        group = next(one for one in document["target_groups"] if one["name"] == "web")
        target = document["targets"][0]
        assert document["listeners"][0]["spilled_flows"] == group["spillover"]
        return {"waiting": group["surge_queue_length"], "spilled": group["spillover"],
                "connections": target["active_flows"] - target["over_flows"]}

    def stats(self):
        document = self.daemon.ctl.json("stats", "--interval", "0.1")
        group, listener = document["target_groups"][0], document["listeners"][0]
        assert listener["surge_queue_length"] == group["surge_queue_length"]
        assert group["surge_queue_capacity"] == LENGTH
        assert document["targets"][0]["max_connections"] == LIMIT
        return {"waiting": group["surge_queue_length"], "spilled": group["spillover_count"],
                "connections": document["targets"][0]["connections"]}

    def scrape(self):
        metrics = self.exporter.metrics()
        group = {"target_group": "web"}
        assert metrics.one("spillway_target_group_surge_queue_capacity", **group) == LENGTH
        assert metrics.one("spillway_target_max_connections", target=TARGET, **group) == LIMIT
        return {"waiting": metrics.one("spillway_target_group_surge_queue_length", **group),
                "spilled": metrics.one("spillway_target_group_spillover_total", **group),
                "connections": metrics.one("spillway_target_connections", target=TARGET, **group)}

    def scraped(self):
        names = {"waiting": "spillway_target_group_surge_queue_length",
                 "spilled": "spillway_listener_spilled_flows_total",
                 "connections": "spillway_target_group_connections"}
        found = {what: self.prometheus.query(name) for what, name in names.items()}
        return {what: values[0][1] if values else None for what, values in found.items()}

    def top(self):
        text = self.terminal.text()
        heads = next((line.split() for line in text.splitlines() if line.startswith("GROUP")), [])
        rows = [line.split() for line in text.splitlines() if line.startswith("web ")]
        if not rows or len(heads) != len(rows[0]):
            return text
        row = dict(zip(heads, rows[0]))
        queue, _, capacity = row["QUEUE"].partition("/")
        assert capacity == str(LENGTH) and all(len(line) <= 80 for line in text.splitlines())
        # A group's ACTIVE has flows that are over; connections are a matter of the targets.
        return {"waiting": int(queue), "spilled": int(row["SPILLED"])}

    def page(self):
        cells = self.browser.value(
            '[...document.querySelectorAll("#groups tbody tr, #targets tbody tr")].map((row) => '
            'Object.fromEntries([...row.querySelectorAll("td")].map((cell) => '
            '[cell.dataset.label, cell.innerText])))')
        if len(cells) < 2:
            return cells
        group, target = cells[0], cells[1]
        texts = (group["Queue"], target["Active"])
        numbers = [re.match(r"(\d+) of (\d+)$", text) for text in texts]
        if not all(numbers):
            return cells
        assert (numbers[0][2], numbers[1][2]) == (str(LENGTH), str(LIMIT))
        return {"waiting": int(numbers[0][1]), "spilled": int(group["Spilled"].split()[0]),
                "connections": int(numbers[1][1])}

    def agree(self, **wanted):
        """Waits until every one of them shows these."""
        for source in (self.reader, self.stats, self.scrape, self.scraped, self.top, self.page):
            last = []

            def shown(source=source, last=last):
                last[:] = [source()]
                return isinstance(last[0], dict) and \
                    last[0] == {name: wanted[name] for name in last[0] if name in wanted}
            try:
                processes.wait_until(shown, PATIENCE, f"{source.__name__} shows {wanted}", 0.1)
            except processes.Timeout as error:
                raise AssertionError(f"{error}, but {last}") from None


@pytest.mark.parametrize("workers", (2,))
def test_all_show_what_the_clients_saw(lab, spillway, slow, tmp_path, workers):
    server = slow()
    daemon = spillway(surge.limited(lab, workers=workers, timeout=120))
    with Sources(daemon, tmp_path) as sources:
        sources.agree(waiting=0, spilled=0, connections=0)
        with surge.crowd_of(lab) as crowd:
            surge.full(crowd)
            sources.agree(waiting=LENGTH, spilled=SPILLED, connections=LIMIT)
            sources.browser.screenshot(tmp_path / "queue.png")
            alerts = {"SpillwaySurgeQueueFills", "SpillwaySpillover"}
            firing = processes.wait_until(
                lambda: (now := sources.prometheus.firing()) >= alerts and now,
                PATIENCE, "the alerts of a queue that is full")
            assert "SpillwayTargetUnhealthy" not in firing
            server.release(0.02)
            crowd.run(60)
            refused, served = crowd.count("refused"), crowd.count("served")
            assert (served, refused) == (LIMIT + LENGTH, SPILLED)
            # Those who waited were told by nobody but the clock: the queue's figures are theirs.
            waited = sorted(client.connected_after for client in crowd.clients
                            if client.connected_after is not None)[LIMIT:]
        sources.agree(waiting=0, spilled=refused, connections=0)
        the_wait_is_that_of_the_clients(daemon, sources, waited)


def the_wait_is_that_of_the_clients(daemon, sources, waited):
    metrics = sources.exporter.metrics()
    group = {"target_group": "web"}
    entered = metrics.one("spillway_target_group_surge_entered_total", **group)
    admitted = metrics.one("spillway_target_group_surge_admitted_total", **group)
    assert entered == admitted == len(waited) == LENGTH
    assert metrics.one("spillway_target_group_surge_timed_out_total", **group) == 0
    assert metrics.one("spillway_target_group_surge_queue_length_max", **group) == LENGTH
    for name in ("spillway_listener_queue_seconds_count", "spillway_target_queue_seconds_count"):
        assert metrics.of(name) == [LENGTH]
    total = metrics.one("spillway_target_group_surge_wait_seconds_total", **group)
    assert total == pytest.approx(sum(waited), rel=0.05)
    assert metrics.one("spillway_target_queue_seconds_sum") == pytest.approx(total, rel=0.01)
    histogram = daemon.ctl.json("targets")["targets"][0]["histograms"]["queue_seconds"]
    assert histogram["p50"] == pytest.approx(statistics.median(waited), rel=0.05)
    assert histogram["max"] == pytest.approx(max(waited), rel=0.05)
