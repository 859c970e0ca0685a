"""Captures of a running balancer: packets as they came and as they left, judged by tshark."""

import contextlib
import json
import signal
import socket
import subprocess

import pytest

from support import clients, frames, namespaces, processes
from support.lab import Lab

CLIENT = namespaces.CLIENT_ADDRESS
LISTENER = namespaces.LISTENER_ADDRESS
NOBODY = 81  # a port of the listener's address that nothing listens on


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("capture"), driver, ipv6=True) as opened:
        yield opened


class Capture:
    """spillwayctl capture in the background, from when the workers know of it."""

    def __init__(self, daemon, *words, file=None):
        self.file = file
        self.lines = []
        words = [*words, "-w", file] if file else ["--json", *words]
        self.process = processes.start(daemon.ctl.command("capture", *words), text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if file:  # its head is written when the capture has begun
            processes.wait_until(lambda: file.exists() and file.stat().st_size > 0, 10, "head")

    def finish(self, timeout=20):
        """Waits for its end; (exit status, standard output, standard error)."""
        output, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, output, errors

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.finish()


@contextlib.contextmanager
def capturing(daemon, *words, file=None):
    capture = Capture(daemon, *words, file=file)
    try:
        yield capture
    finally:
        processes.stop(capture.process, first=signal.SIGKILL)


FIELDS = ("frame.comment", "frame.packet_id", "frame.interface_name", "frame.time_epoch",
          "frame.packet_flags_direction", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
          "udp.dstport", "tcp.payload")


def read(file, filters=""):
    """The frames of a capture file that fit the filter, as tshark reads it."""
    command = ["tshark", "-r", file, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]
    for field in FIELDS:
        command += ["-e", field]
    if filters:
        command += ["-Y", filters]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "appears to have been cut short" not in done.stderr
    return [dict(zip(FIELDS, line.split("|"))) for line in done.stdout.splitlines()]


def say(lab, port, text=b"hello", kind=socket.SOCK_DGRAM):
    """One datagram of the client's to the listener's address; the port that it came from."""
    with lab.client.entered():
        end = socket.socket(socket.AF_INET, kind)
    with end:
        end.sendto(text, (LISTENER, port))
        return end.getsockname()[1]


def without_targets(lab, **choices):
    """The usual configuration, with a UDP listener that has no target."""
    chosen = lab.configuration(**choices)
    empty = dict(chosen["target_groups"][0], name="dns", protocol="udp", port=53, targets=[])
    chosen["target_groups"].append(empty)
    chosen["listeners"].append({"name": "dns", "address": LISTENER, "port": 53, "protocol": "udp",
                                "target_group": "dns"})
    return chosen


def test_drops_are_captured_with_their_verdict(lab, spillway, tmp_path):
    daemon = spillway(without_targets(lab))
    file = tmp_path / "out.pcapng"
    with capturing(daemon, "--verdict", "DropNoTarget", "--count", 3, file=file) as capture:
        say(lab, NOBODY)  # dropped for another reason
        ports = {say(lab, 53) for _ in range(5)}
        status, _, said = capture.finish()
    assert status == 0, said
    assert said == f"3 packets captured to {file}\n"
    found = read(file)
    assert len(found) == 3
    for frame in found:
        assert frame["frame.comment"].startswith(
            "before DropNoTarget listener=dns target_group=dns worker=0 (new UDP flow, but")
        assert (frame["ip.src"], frame["ip.dst"], frame["udp.dstport"]) == (CLIENT, LISTENER, "53")
        assert frame["frame.interface_name"] == "front"
    assert ports
    told = subprocess.run(["capinfos", "-T", "-r", "-c", "-E", "-s", file], capture_output=True,
                          text=True, check=True).stdout
    assert "\t3" in told and "ether" in told


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("mode", ["nat", "full_nat"])
def test_before_and_after(lab, spillway, tmp_path, mode, family):
    daemon = spillway(lab.configuration(mode=mode, family=family, workers=2))
    file = tmp_path / "out.pcapng"
    listener = LISTENER if family == 4 else namespaces.LISTENER_ADDRESS_6
    client = CLIENT if family == 4 else namespaces.CLIENT_ADDRESS_6
    ends = "ip" if family == 4 else "ipv6"
    with capturing(daemon, "--listener", "web", "--proto", "tcp", file=file) as capture:
        assert clients.Load(lab.client, address=listener, requests=20).run()["failed"] == 0
        # The last packets may still be on their way to us.
        status, _, said = capture.interrupt()
    assert status == 0, said
    found = read(file)
    pairs = {}
    for frame in found:
        pairs.setdefault(frame["frame.packet_id"], []).append(frame)
    assert said == f"{len(pairs)} packets captured to {file}\n"
    ways = set()
    for before, after in pairs.values():
        way = before["frame.comment"].split()[1]
        ways.add(way)
        assert before["frame.comment"].startswith(f"before {way} listener=web target_group=web ")
        assert after["frame.comment"].startswith(f"after {way} listener=web target_group=web ")
        assert before["tcp.payload"] == after["tcp.payload"]
        assert before["frame.time_epoch"] == after["frame.time_epoch"]
        inner, outer = (after, before) if way == "ForwardToTarget" else (before, after)
        sent, asked = (".src", ".dst") if way == "ForwardToTarget" else (".dst", ".src")
        assert (outer[ends + sent], outer[ends + asked]) == (client, listener)
        assert (inner[ends + sent] == client) == (mode == "nat")
        target = inner[ends + asked]
        where = f"{target}:8080" if family == 4 else f"[{target}]:8080"
        assert f"target={where}" in before["frame.comment"]
        assert (outer["frame.interface_name"], inner["frame.interface_name"]) == ("front", "back")
    assert ways == {"ForwardToTarget", "ForwardToClient"}
    assert frames.tshark_faults(file, "tcp") == []
    payloads = "".join(before["tcp.payload"] for before, _ in pairs.values())
    assert "GET /".encode().hex() in payloads.replace(":", "")


def test_only_what_fits_while_others_go_on(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration(workers=2))
    file = tmp_path / "out.pcapng"
    load = clients.Load(lab.client).start()
    with capturing(daemon, "--from", f"{CLIENT}/24", "--to", f"{LISTENER}/32:{NOBODY}", "--proto",
                   "udp", "--drops", file=file) as capture:
        ports = {str(say(lab, NOBODY)) for _ in range(20)}
        processes.wait_until(lambda: len(read(file)) == 20, 20, "20 frames in the file", 0.2)
        status, _, said = capture.interrupt()
    assert load.stop()["failed"] == 0
    assert (status, said) == (0, f"20 packets captured to {file}\n")
    found = read(file, f"udp.dstport == {NOBODY}")
    assert len(found) == 20
    assert all("before DropNoListener" in frame["frame.comment"] for frame in found)
    assert len(ports) <= 20


def test_a_client_that_is_killed_leaves_nothing_behind(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration())
    with capturing(daemon, "--drops", file=tmp_path / "first.pcapng") as first:
        busy = daemon.ctl.run("capture", "--count", 1, check=False)
        assert busy.returncode == 1
        assert "another capture is under way, with 0 packets so far" in busy.stderr
        first.process.kill()
        first.process.wait()
    processes.wait_until(
        lambda: daemon.ctl.run("capture", "--drops", "--seconds", 1, check=False).returncode == 0,
        10, "a capture after the one whose client was killed")
    with capturing(daemon, "--drops", "--count", 1, file=tmp_path / "second.pcapng") as second:
        say(lab, NOBODY)
        assert second.finish()[0] == 0
    assert len(read(tmp_path / "second.pcapng")) == 1


def test_what_comes_too_fast_is_lost_and_counted(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration())
    file = tmp_path / "out.pcapng"
    with capturing(daemon, file=file) as capture:
        capture.process.send_signal(signal.SIGSTOP)
        assert clients.Load(lab.client, requests=1_500).run()["failed"] == 0
        capture.process.send_signal(signal.SIGCONT)
        capture.process.send_signal(signal.SIGINT)
        status, _, said = capture.finish()
    assert status == 0, said
    assert " more matched but were lost: they came faster than they were taken\n" in said
    captured, lost = (int(word) for word in said.split() if word.isdigit())
    assert captured > 0 and lost > 0
    assert len({frame["frame.packet_id"] for frame in read(file)}) == captured

    def lawful():
        totals = daemon.ctl.status()["totals"]
        verdicts = sum(totals["verdicts"].values())
        return captured + lost <= verdicts and totals["received"] == verdicts

    processes.wait_until(lawful, 10, "every packet received has its verdict, captured or not")
    assert f"has ended: {captured} were passed on, {lost} lost" in daemon.log()


def test_lines_and_json(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration())
    with capturing(daemon, "--client", CLIENT, "--count", 4) as capture:
        load = clients.Load(lab.client).start()
        status, output, said = capture.finish()
        load.stop()
    assert status == 0, said
    packets = [json.loads(line) for line in output.splitlines()]
    assert [packet["number"] for packet in packets] == [1, 2, 3, 4]
    for packet in packets:
        assert packet["verdict"].startswith("Forward")
        assert len(packet["before"]["bytes"]) == 2 * packet["before"]["length"]
        assert {packet["before"]["port"], packet["after"]["port"]} == {"front", "back"}
    load = clients.Load(lab.client).start()
    text = daemon.ctl.run("capture", "--client", CLIENT, "--count", 2).stdout
    load.stop()
    assert len(text.splitlines()) == 2
    assert all("  Forward" in line and " => " in line for line in text.splitlines())


def test_tshark_reads_along(lab, spillway):
    daemon = spillway(lab.configuration())
    load = clients.Load(lab.client).start()
    source = processes.start(daemon.ctl.command("capture", "--count", 50, "-w", "-"),
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    judge = subprocess.run(["tshark", "-r", "-", "-T", "fields", "-e", "frame.comment"],
                           stdin=source.stdout, capture_output=True, text=True, timeout=60)
    source.stdout.close()
    assert source.wait(10) == 0
    load.stop()
    assert judge.returncode == 0
    befores = [line for line in judge.stdout.splitlines() if line.startswith("before ")]
    assert len(befores) == 50


def test_mistakes_are_named(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration())

    def said(*words):
        done = daemon.ctl.run("capture", *words, check=False)
        return done.returncode, done.stderr

    status, text = said("--verdict", "DropNoTarge")
    assert status == 2 and "DropNoTarget" in text
    assert said("--listener", "nobody")[0] == 1
    assert said("--count", "0")[0] == 2
    assert said("--to", "203.0.113.10:x")[0] == 2
    assert said("-w", tmp_path / "no" / "out.pcapng")[0] == 1
