"""Readers of the shared memory: Python, C and spillwayctl say the same, and outlive the daemon."""

import json
import pathlib
import subprocess
import sys

import pytest

from support import clients, processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
READER = ROOT / "tools" / "spillway_segment.py"
EXAMPLE = ROOT / "packaging" / "examples" / "segment_reader.c"


@pytest.fixture(scope="module")
def c_reader(tmp_path_factory):
    program = tmp_path_factory.mktemp("c") / "segment_reader"
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I",
                    ROOT / "packaging" / "include", EXAMPLE, "-o", program], check=True)
    return program


def python_reader(daemon):
    run = subprocess.run([sys.executable, READER, "--instance", daemon.instance, "--json"],
                         capture_output=True, text=True, timeout=20, check=True)
    return json.loads(run.stdout)


def same(read, told):
    """Every field that both have; floats as near as adding them up in another order leaves them."""
    for name in read.keys() & told.keys():
        if isinstance(read[name], dict):
            same(read[name], told[name])
        elif told[name] is None:
            assert not read[name], name
        elif isinstance(read[name], float):
            assert read[name] == pytest.approx(told[name]), name
        elif isinstance(told[name], bool):
            assert bool(read[name]) == told[name], name
        elif name not in ("exclusion", "zones"):  # a number here, a word or another table there
            assert read[name] == told[name], name


def test_python_reads_what_spillwayctl_says(lab, spillway):
    daemon = spillway(lab.configuration(workers=2))
    assert clients.Load(lab.client, requests=300).run()["failed"] == 0

    def quiet():
        before = daemon.ctl.json("targets")
        read = python_reader(daemon)
        listeners = daemon.ctl.json("listeners")
        return (read, before, listeners) if daemon.ctl.json("targets") == before else None
    read, targets, listeners = processes.wait_until(quiet, 20, "nothing changes meanwhile")
    assert len(read["targets"]) == len(targets["targets"]) == 3
    for one, other in zip(read["targets"], targets["targets"]):
        same(one, other)
        assert one["histograms"]["connect_seconds"]["count"] > 0
        same(one["histograms"], other["histograms"])
    for one, other in zip(read["listeners"], listeners["listeners"]):
        same(one, other)
    assert read["running"] and not read["stale"]
    assert read["totals"]["flows_inserted"] >= 1
    assert read["verdicts"]["ForwardToTarget"] >= 300
    port = processes.wait_until(  # written once a second
        lambda: (found := python_reader(daemon)["ports"][0])["received"] and found, 5,
        "the port's figures are written")
    assert port["received_bytes"] >= 40 * port["received"]
    busy = read["totals"]["busy_nanoseconds"]
    assert 0 < busy and 0 < read["totals"]["idle_nanoseconds"]


def test_balancers_sums_do_not_fall_when_targets_go(lab, spillway):
    configuration = lab.configuration()
    daemon = spillway(configuration)
    assert clients.Load(lab.client, requests=200).run()["failed"] == 0
    sums = processes.wait_until(
        lambda: (found := python_reader(daemon)["traffic"])["requests"] >= 200 and found, 5,
        "control has added up the requests")
    group = next(one for one in python_reader(daemon)["target_groups"] if one["name"] == "web")
    assert group["traffic"]["requests"] >= 200
    assert group["healthy"] == group["registered"] == 3
    gone = configuration["target_groups"][0]["targets"].pop()
    daemon.reload(configuration)
    processes.wait_until(
        lambda: all(one["address"] != gone["address"] or one["state"] == "draining"
                    for one in python_reader(daemon)["targets"]), 10, "the target goes")
    after = python_reader(daemon)["traffic"]
    for name in ("new_flows", "requests", "processed_bytes", "processed_packets"):
        assert after[name] >= sums[name]


class Watcher:
    """A reader that goes on, line by line, in a file."""

    def __init__(self, command, file):
        self.file = file
        with open(file, "wb") as out:
            self.process = processes.start(command, stdout=out, stderr=out)

    def text(self):
        return self.file.read_text()

    def wait(self, word, what):
        begun = len(self.text())
        processes.wait_until(lambda: word in self.text()[begun:], 15, what)
        assert self.process.poll() is None, self.text()[-2000:]


def test_readers_outlive_a_killed_daemon_and_follow_the_next(lab, spillway, c_reader, tmp_path):
    daemon = spillway(lab.configuration())
    watchers = {
        "python": Watcher([sys.executable, READER, "--instance", daemon.instance, "--watch", "0.2"],
                          tmp_path / "python"),
        "c": Watcher([c_reader, daemon.instance, "0.2"], tmp_path / "c"),
        "ctl": Watcher([*daemon.ctl.command("targets", "--watch", "1")], tmp_path / "ctl"),
    }
    live = {"python": "is running;", "c": " live", "ctl": "healthy"}
    try:
        for name, watcher in watchers.items():
            watcher.wait(live[name], f"{name} reads")
        assert clients.Load(lab.client, requests=100).run()["failed"] == 0
        daemon.kill()
        for name, watcher in watchers.items():
            watcher.wait("stale", f"{name} says stale")
        daemon.start()
        daemon.wait_healthy()
        for name, watcher in watchers.items():
            watcher.wait(live[name], f"{name} follows the next")
        run = subprocess.run([c_reader, daemon.instance], capture_output=True, text=True,
                             check=True)
        assert " live" in run.stdout
        assert run.stdout.count(" healthy new_flows=0 ") == 3, "figures begin anew"
    finally:
        for watcher in watchers.values():
            processes.stop(watcher.process)


def test_python_says_what_is_wrong():
    run = subprocess.run([sys.executable, READER, "--instance", "no-such-one"],
                         capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 1
    assert "is not running: there is no /dev/shm/spillway-no-such-one" in run.stderr
