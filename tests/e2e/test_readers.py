"""Readers of the shared memory: Python, C and spillwayctl say the same, and outlive the daemon."""

import json
import pathlib
import subprocess
import sys

import pytest

from support import clients, namespaces, processes

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


# What is a number here and a word or another table there, or is measured anew every second.
OTHERWISE = ("exclusion", "zones", "spillover", "rules", "flow_log", "verdicts")
RESTLESS = ("polls", "busy_polls", "busy_nanoseconds", "idle_nanoseconds")


def same(read, told):
    """Every field that both have; floats as near as adding them up in another order leaves them."""
    for name in read.keys() & told.keys() - set(OTHERWISE) - set(RESTLESS):
        if isinstance(read[name], dict):
            same(read[name], told[name])
        elif told[name] is None:
            assert not read[name], name
        elif isinstance(read[name], float):
            assert read[name] == pytest.approx(told[name]), name
        elif isinstance(told[name], bool):
            assert bool(read[name]) == told[name], name
        else:
            assert read[name] == told[name], name


def told_by_spillwayctl(daemon):
    """All documents, without what is measured anew every second."""
    told = {name: daemon.ctl.json(words) for name, words in (
        ("targets", "targets"), ("listeners", "listeners"), ("target_groups", "target-groups"),
        ("rules", "security-groups"), ("security_groups", "security-groups"))}
    told = {name: document[name] for name, document in told.items()}
    told |= {name: value for name, value in daemon.ctl.json("status").items()
             if name in ("totals", "traffic", "ports", "zones")}
    for name in RESTLESS:
        told["totals"].pop(name)
    for record in (told["traffic"], *(one["traffic"] for one in
                                      told["target_groups"] + told["zones"])):
        if record is not None:
            record.pop("sampled")
    return told


def zoned(lab):
    """Zones, a security group with a rule, two workers."""
    chosen = lab.configuration(workers=2, cross_zone=True) | {"zone": "a"}
    for target, zone in zip(chosen["target_groups"][0]["targets"], "abb"):
        target["zone"] = zone
    anyone = [{"protocol": "all", "source": "0.0.0.0/0"}]
    chosen["security_groups"] = [{"name": "open", "inbound": anyone}, {"name": "unused"}]
    chosen["balancer_security_groups"] = ["open"]
    return chosen


def test_python_reads_what_spillwayctl_says(lab, spillway):
    daemon = spillway(zoned(lab))
    assert clients.Load(lab.client, requests=300).run()["failed"] == 0

    def quiet():
        before = told_by_spillwayctl(daemon)
        read = python_reader(daemon)
        ready = before["traffic"] is not None and before["traffic"]["requests"] >= 300
        return (read, before) if ready and told_by_spillwayctl(daemon) == before else None
    read, told = processes.wait_until(quiet, 30, "nothing changes meanwhile")
    for name, count in (("targets", 3), ("listeners", 1), ("target_groups", 1), ("zones", 2),
                        ("security_groups", 2), ("rules", 3)):
        assert len(read[name]) == len(told[name]) == count, name
        for one, other in zip(read[name], told[name]):
            same(one, other)
    same(read, {name: told[name] for name in ("totals", "traffic")})
    for one, other in zip(read["targets"], told["targets"]):
        assert one["histograms"]["connect_seconds"]["count"] > 0
        same(one["histograms"], other["histograms"])
    assert read["rules"][0]["hits"] == told["rules"][0]["hits"] >= 300
    assert read["traffic"]["requests"] == sum(one["traffic"]["requests"] for one in read["zones"])
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


def test_sums_stay_when_a_target_is_deregistered(lab, spillway):
    daemon = spillway(lab.configuration(deregistration_delay={"timeout": 0}))
    assert clients.Load(lab.client, requests=200).run()["failed"] == 0

    def group():
        return next(one for one in daemon.ctl.json("target-groups")["target_groups"]
                    if one["name"] == "web")
    processes.wait_until(lambda: group()["new_flows"] >= 200, 5, "control has added them up")
    before, balancer = group(), daemon.ctl.json("status")["traffic"]
    address = namespaces.target_address(1)
    gone = daemon.ctl.target(address)["new_flows"]
    assert gone > 0
    daemon.ctl.run("deregister", "web", address)
    processes.wait_until(lambda: ("web", address) not in daemon.ctl.targets(), 20, "it is gone")
    assert sum(one["new_flows"] for one in daemon.ctl.targets().values()) <= \
        before["new_flows"] - gone, "what is left has counted less"
    for _ in range(2):  # at once, and when control has added up once more
        after, whole = group(), daemon.ctl.json("status")["traffic"]
        assert after["new_flows"] >= before["new_flows"]
        for name in ("new_flows", "requests", "processed_bytes", "processed_packets",
                     "client_resets", "target_resets"):
            assert after["traffic"][name] >= before["traffic"][name], name
            assert whole[name] >= balancer[name], name
        processes.wait_until(
            lambda then=whole: daemon.ctl.json("status")["traffic"]["sampled"] > then["sampled"],
            5, "another second's figures")
    head, *rows = daemon.ctl.table("target-groups").splitlines()
    shown = next(row for row in rows if row.startswith("web "))
    assert int(shown[:head.index("NEW") + 3].split()[-1]) >= before["new_flows"]


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
