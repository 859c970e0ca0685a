"""tools/throughput.py: that packets really flow through both programs, and what it says when they
cannot. No rate is judged: this machine has other things to do."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from support import processes
from support.daemon import BUILD, ROOT

PROGRAM = ROOT / "tools" / "throughput.py"


def throughput(*words, **environment):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False,
                          timeout=120, stdin=subprocess.DEVNULL,
                          env=os.environ | {"SPILLWAY_BUILD": str(BUILD)} | environment)


def left_behind():
    return sorted(path.name for place in ("/dev/shm", "/tmp", "/var/run/dpdk")
                  for path in pathlib.Path(place).glob("spillway-throughput-*"))


@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_packets_flow_through_both_programs(mode):
    before = left_behind()
    done = throughput("--seconds", "1", "--rounds", "1", "--flows", "256", "--mode", mode,
                      "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["flows"], result["mode"], result["rounds"]) == (256, mode, 1)
    assert (result["seconds"], result["frame_bytes"]) == (1, 60)
    for name in ("spillway", "testpmd"):
        one = result[name]
        (run,) = one["runs"]
        assert run["packets"] > 10_000 and run["seconds"] >= 0.9, name
        rate = run["packets"] / run["seconds"]
        assert one["millions_per_second"] == pytest.approx(rate / 1e6)
        assert one["nanoseconds"] == pytest.approx(1e9 / rate)
    assert result["ratio"] == pytest.approx(result["spillway"]["millions_per_second"]
                                            / result["testpmd"]["millions_per_second"])
    assert left_behind() == before


def test_prints_a_table_for_people():
    done = throughput("--seconds", "0.2", "--rounds", "1", "--flows", "1")
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines()[2:]]
    assert rows == ["spillway", "testpmd", "ratio"]
    assert done.stdout.startswith("1 UDP flows, nat")


@pytest.mark.parametrize("what", ("SIGTERM", "SIGINT"))
def test_interrupted_it_leaves_nothing_behind(what):
    before = left_behind()
    process = processes.start([PROGRAM, "--seconds", "100"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    try:
        segment = pathlib.Path(f"/dev/shm/spillway-throughput-{process.pid}")
        processes.wait_until(segment.exists, 30, "the daemon runs")
        process.send_signal(getattr(signal, what))
        output, _ = process.communicate(timeout=30)
    finally:
        processes.stop(process)
    assert (process.returncode, output) == (130, "")
    assert left_behind() == before


def test_without_a_daemon_it_fails_and_says_so(tmp_path):
    done = throughput("--seconds", "0.2", SPILLWAY_BUILD=str(tmp_path))
    assert done.returncode == 1 and done.stdout == ""
    assert "no " in done.stderr and str(tmp_path) in done.stderr


def test_without_testpmd_it_fails_and_names_the_package(tmp_path):
    # env finds the interpreter by its full path; nothing else may be found.
    done = throughput("--seconds", "0.2", PATH=str(tmp_path))
    assert done.returncode == 1 and "install dpdk-dev" in done.stderr


@pytest.mark.parametrize("words, complaint", [
    (["--flows", "0"], "0 is not within 1 and"),
    (["--flows", "many"], "many"),
    (["--seconds", "1e9"], "not within"),
    (["--mode", "direct"], "direct"),
    (["now"], "now"),
])
def test_bad_usage_is_2(words, complaint):
    done = throughput(*words)
    assert done.returncode == 2 and complaint in done.stderr
    assert done.stdout == ""


def test_help_is_for_people():
    done = throughput("--help")
    assert done.returncode == 0
    assert "net_null1, the sink" in done.stdout and "--seconds S" in done.stdout
