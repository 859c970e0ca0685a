#!/usr/bin/python3
"""How many packets a second the whole process forwards, beside what the same rig gives at most.

usage: throughput.py [--seconds S] [--rounds N] [--flows N] [--mode nat|full_nat] [--json]

    a capture, over and over ── net_pcap0 ── spillway, or dpdk-testpmd ── net_null1, the sink

Needs no NIC, no huge pages and no root, and touches nothing but those two virtual devices. The
capture holds one UDP packet of each flow, 60 bytes; net_pcap copies them into fresh buffers for
ever. Both programs run on the same CPU, one after the other in each round: spillway as it is, one
worker, counted by its own counters; testpmd swaps MAC addresses, the least that can be done to a
packet. Medians of all rounds are printed, and their ratio.

Exit status: 0 done, 1 something did not run or packets took another way, 2 bad usage.
"""

import argparse
import contextlib
import ipaddress
import json
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support import processes  # noqa: E402  (needs the path above)
from support.daemon import Daemon  # noqa: E402

FRAME_BYTES = 60
FLOWS_MAX = 1 << 18
BURST = 64  # what spillway takes from a queue at once
PCAP_MAC = "02:70:63:61:70:00"  # what net_pcap says its first device's address is
ROUTER_MAC = "02:00:00:00:cc:01"
TARGET_MAC = "02:00:00:00:01:01"
LISTENER, LISTENER_PORT = "203.0.113.10", 53
TARGETS = [f"10.0.1.{number}" for number in range(11, 15)]
LOCAL = [f"10.0.2.{number}" for number in range(1, 9)]  # full_nat: 64,512 ports each
CLIENTS = int(ipaddress.ip_address("198.18.0.0"))  # /15, RFC 2544
PORTS = range(1024, 65536)


class Failed(Exception):
    """There is no figure, and why."""


# The capture

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(client, port):
    """A datagram from there to the listener, true in both checksums."""
    ends = struct.pack("!I", client) + ipaddress.ip_address(LISTENER).packed
    size = FRAME_BYTES - 14 - 20
    payload = bytes(size - 8)
    udp = struct.pack("!HHHH", port, LISTENER_PORT, size, 0)
    udp_sum = checksum(ends + struct.pack("!HH", 17, size) + udp + payload) or 0xffff
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, 17, 0)
    ip = ip[:-2] + struct.pack("!H", checksum(ip + ends)) + ends
    macs = bytes.fromhex((PCAP_MAC + ROUTER_MAC).replace(":", ""))
    return macs + b"\x08\x00" + ip + udp[:-2] + struct.pack("!H", udp_sum) + payload


def write_capture(path, flows):
    """One packet of each of `flows` clients, pseudorandom as RFC 4814 asks for."""
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in random.Random(1).sample(range((1 << 17) * len(PORTS)), flows):
            address, port = divmod(number, len(PORTS))
            capture.write(struct.pack("<IIII", 0, 0, FRAME_BYTES, FRAME_BYTES))
            capture.write(frame(CLIENTS + address, PORTS[port]))


def devices(capture):
    return [f"net_pcap0,rx_pcap={capture},infinite_rx=1", "net_null1,no-rx=1"]


# What is measured

class Spillway:
    """The daemon between the two devices."""

    def __init__(self, options, workplace, capture, cpu):
        self.flows = options.flows
        self.before = None
        self.daemon = Daemon(workplace, self._configuration(options, capture, cpu),
                             instance=f"throughput-{os.getpid()}")

    @staticmethod
    def _configuration(options, capture, cpu):
        front, back = devices(capture)
        back = {"name": "back", "device": back, "addresses": ["10.0.0.2/16"], "kernel_path": False}
        if options.mode == "full_nat":
            back["local_addresses"] = LOCAL
        return {
            "workers": [cpu], "idle": "spin", "eal": {"hugepages": "off", "pci": False},
            "flows": {"capacity": max(1024, options.flows + options.flows // 63 + 1)},
            "ports": [{"name": "front", "device": front, "addresses": ["198.51.100.2/24"],
                       "kernel_path": False}, back],
            "neighbours": [{"port": "back", "address": target, "mac": TARGET_MAC}
                           for target in TARGETS],
            "target_groups": [{
                "name": "dns", "protocol": "udp", "port": 5353, "mode": options.mode,
                "health_check": {"enabled": False},
                "targets": [{"address": target} for target in TARGETS]}],
            "listeners": [{"name": "dns", "address": LISTENER, "port": LISTENER_PORT,
                           "protocol": "udp", "target_group": "dns"}]}

    def __enter__(self):
        try:
            self.daemon.start()
        except BaseException:  # also when interrupted: nothing may be left behind
            self.daemon.kill()
            self.daemon.forget()
            raise
        return self

    def __exit__(self, *how):
        return self.daemon.__exit__(*how)

    def wait_until_warm(self):
        processes.wait_until(lambda: self._totals()["flows_alive"] >= self.flows, 30,
                             f"{self.flows} flows are known to spillway")

    def sent(self):
        """Packets sent since start, as spillwayctl shows it."""
        totals = self._totals()
        self.before = self.before or totals
        others = {name: count - self.before["verdicts"].get(name, 0)
                  for name, count in totals["verdicts"].items() if name != "ForwardToTarget"}
        others["unsent"] = totals["unsent"] - self.before["unsent"]
        if any(others.values()):
            raise Failed(f"not every packet was forwarded by spillway: {others}")
        return totals["sent"]

    def _totals(self):
        return self.daemon.ctl.json("status")["totals"]


class Testpmd:
    """DPDK's own forwarder between the same devices."""

    def __init__(self, options, workplace, capture, cpu):
        self.flows = options.flows
        self.log = workplace / "testpmd.log"
        self.lines = queue.Queue()
        self.process = None
        buffers = options.flows + 16384
        others = sorted(os.sched_getaffinity(0) - {cpu}) or [cpu]
        vdevs = [f"--vdev={device}" for device in devices(capture)]
        self.command = [
            "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@({','.join(map(str, others))}),1@{cpu}",
            "--main-lcore=0", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
            # Without huge pages no buffer crosses a page, so each takes 4 kB.
            "-m", str(256 + buffers * 5 // 1024), *vdevs, "--",
            "-i", "--forward-mode=macswap", f"--burst={BURST}", f"--total-num-mbufs={buffers}"]

    def __enter__(self):
        self.process = processes.start(self.command, stdin=subprocess.PIPE, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()
        self._tell("start")
        return self

    def __exit__(self, *how):
        self._tell("quit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        processes.stop(self.process)

    def _read(self):
        with open(self.log, "w", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.lines.put(line)
        self.lines.put(None)

    def _tell(self, words):
        with contextlib.suppress(BrokenPipeError):  # it is gone; sent() says so, with its words
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()

    def wait_until_warm(self):
        processes.wait_until(lambda: self.sent() > 4 * self.flows, 30, "testpmd forwards")

    def sent(self):
        """Packets sent since start, as "show port stats" has it."""
        self._tell("show port stats 1")
        try:
            while (line := self.lines.get(timeout=30)) is not None:
                if found := re.search(r"TX-packets:\s*(\d+)", line):
                    return int(found[1])
        except queue.Empty:
            pass
        raise Failed(f"dpdk-testpmd does not tell:\n{self.log.read_text()[-2000:]}")


def reading(program):
    """(when, how many): asking takes milliseconds, so its middle is when."""
    began = time.monotonic()
    count = program.sent()
    return (began + time.monotonic()) / 2, count


def measure(kind, seconds, *where):
    """{"packets", "seconds"} of one run."""
    with kind(*where) as program:
        program.wait_until_warm()
        began, before = reading(program)
        time.sleep(seconds)
        ended, after = reading(program)
    if after <= before:
        raise Failed(f"no packet came through {kind.__name__.lower()}")
    return {"packets": after - before, "seconds": ended - began}


# What is printed

def summary(runs):
    per_second = statistics.median(run["packets"] / run["seconds"] for run in runs)
    return {"millions_per_second": per_second / 1e6, "nanoseconds": 1e9 / per_second,
            "runs": runs}


def table(result):
    yield (f"{result['flows']:,} UDP flows, {result['mode']}, frames of {result['frame_bytes']} "
           f"bytes, one core (CPU {result['cpu']}); {result['seconds']:g} s a run, "
           f"medians of {result['rounds']}")
    yield f"{'':18} {'M/s':>6} {'ns a packet':>12}"
    for name, label in (("spillway", "spillway"), ("testpmd", "testpmd macswap")):
        one = result[name]
        yield f"{label:18} {one['millions_per_second']:6.2f} {one['nanoseconds']:12.1f}"
    yield f"{'ratio':18} {result['ratio']:6.2f}"


def run(options):
    cpu = max(os.sched_getaffinity(0))
    runs = {Spillway: [], Testpmd: []}
    with tempfile.TemporaryDirectory(prefix="spillway-throughput-") as name:
        workplace = pathlib.Path(name)
        os.environ["RUNTIME_DIRECTORY"] = name  # where DPDK's own files go, of both programs
        capture = workplace / "flows.pcap"
        write_capture(capture, options.flows)
        for _ in range(options.rounds):
            for kind, done in runs.items():
                done.append(measure(kind, options.seconds, options, workplace, capture, cpu))
    spillway, testpmd = summary(runs[Spillway]), summary(runs[Testpmd])
    return {"flows": options.flows, "mode": options.mode, "frame_bytes": FRAME_BYTES, "cpu": cpu,
            "rounds": options.rounds, "seconds": options.seconds,
            "spillway": spillway, "testpmd": testpmd,
            "ratio": spillway["millions_per_second"] / testpmd["millions_per_second"]}


def within(kind, least, most):
    def parse(text):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not within {least} and {most}")
        return value
    parse.__name__ = "number"
    return parse


def interrupt(*_):
    raise KeyboardInterrupt


def main(words):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=within(float, 0.1, 600), default=5, metavar="S",
                        help="how long each run is measured (default: 5)")
    parser.add_argument("--rounds", type=within(int, 1, 100), default=3, metavar="N",
                        help="how many runs of each program (default: 3)")
    parser.add_argument("--flows", type=within(int, 1, FLOWS_MAX), default=1008, metavar="N",
                        help="how many flows the packets belong to (default: 1008)")
    parser.add_argument("--mode", choices=("nat", "full_nat"), default="nat")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(words)
    signal.signal(signal.SIGINT, interrupt)  # a background job of a shell inherits it ignored
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    try:
        if not shutil.which("dpdk-testpmd"):
            raise Failed("there is no dpdk-testpmd: install dpdk-dev (tools/packages.txt)")
        with contextlib.redirect_stdout(sys.stderr):  # a log that somebody shows is no result
            result = run(options)
    except KeyboardInterrupt:
        return 130
    except (Failed, AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"throughput.py: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2) if options.json else "\n".join(table(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
