"""A million flows are listed, each once, while the worker that has them goes on with packets."""

import ipaddress
import json
import os
import struct
import threading

import pytest

from support import processes
from support.daemon import Daemon

MANY = 1_000_000
BUSY = 1_008
LISTENERS = {"many": "203.0.113.10", "busy": "203.0.113.11"}
PORTS = range(1024, 65536)
ROUTER_MAC = "02:00:00:00:cc:01"
TARGET_MAC = "02:00:00:00:01:01"
CHECKSUM_OF_NONE = 0  # IPv4's UDP needs none (RFC 768)


def header_sum(words):
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def write_capture(path, to_mac, clients, to, count):
    """A datagram of each of `count` clients to the listener at `to`, as fast as Python can."""
    destination = ipaddress.ip_address(to).packed
    macs = bytes.fromhex((to_mac + ROUTER_MAC).replace(":", ""))
    first = int(ipaddress.ip_address(clients))
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for host in range(-(-count // len(PORTS))):
            ends = struct.pack("!I", first + host) + destination
            head = struct.pack("!BBHHHBBH", 0x45, 0, 46, 0, 0x4000, 64, 17, 0)
            checksum = header_sum(struct.unpack("!10H", head + ends))
            before = (struct.pack("<IIII", 0, 0, 60, 60) + macs + b"\x08\x00" + head[:-2]
                      + struct.pack("!H", checksum) + ends)
            behind = struct.pack("!HHH", 53, 26, CHECKSUM_OF_NONE) + bytes(18)
            ports = PORTS[:min(len(PORTS), count - host * len(PORTS))]
            capture.write(b"".join(before + port.to_bytes(2, "big") + behind for port in ports))


def udp_group(name, targets):
    return {"name": name, "protocol": "udp", "port": 53, "mode": "nat",
            "health_check": {"enabled": False},
            "targets": [{"address": target} for target in targets]}


@pytest.fixture
def daemon(tmp_path):
    """One capture that comes once, with a client a frame; and one that comes over and over."""
    for name, device, clients, count in (("many", 0, "198.18.0.0", MANY),
                                         ("busy", 1, "198.19.0.0", BUSY)):
        write_capture(tmp_path / f"{name}.pcap", f"02:70:63:61:70:0{device}", clients,
                      LISTENERS[name], count)
    targets = {"many": ["10.0.1.11"], "busy": ["10.0.1.12", "10.0.1.13"]}
    chosen = {
        "workers": 1, "idle": "yield", "eal": {"hugepages": "off", "pci": False},
        "flows": {"capacity": MANY + MANY // 32, "new_per_second": 0},
        "ports": [
            {"name": "once", "device": f"net_pcap0,rx_pcap={tmp_path}/many.pcap",
             "addresses": ["198.51.100.2/24"], "kernel_path": False},
            {"name": "ever", "device": f"net_pcap1,rx_pcap={tmp_path}/busy.pcap,infinite_rx=1",
             "addresses": ["198.51.101.2/24"], "kernel_path": False},
            {"name": "back", "device": "net_null2,no-rx=1", "addresses": ["10.0.0.2/16"],
             "kernel_path": False}],
        "neighbours": [{"port": "back", "address": address, "mac": TARGET_MAC}
                       for both in targets.values() for address in both],
        "target_groups": [udp_group(name, addresses) for name, addresses in targets.items()],
        "listeners": [{"name": name, "address": address, "port": 53, "protocol": "udp",
                       "target_group": name} for name, address in LISTENERS.items()]}
    balancer = Daemon(tmp_path, chosen, instance=f"list-{os.getpid()}")
    try:
        with balancer as running:
            processes.wait_until(
                lambda: running.ctl.status()["totals"]["flows_alive"] == MANY + BUSY, 60,
                f"{MANY + BUSY} flows are known", 0.2)
            yield running
    finally:
        balancer.forget()


def listed(daemon, *words):
    """Each flow of the answer, a line of it at a time: a million are too many to keep."""
    command = daemon.ctl.command("--json", "flows", *words)
    process = processes.start(command, stdout=-1, text=True)
    try:
        for line in process.stdout:
            if line.startswith("  {"):
                yield json.loads(line.rstrip(",\n"))
        assert process.wait(10) == 0
    finally:
        processes.stop(process)


class Watched:
    """Sees to it that the worker receives more from each look at it to the next."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.received = []
        self.enough = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.enough.wait(0.2):
            self.received.append(self.daemon.ctl.json("status")["totals"]["received"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.thread.join()


def test_a_million_flows_each_once_while_packets_go_on(daemon):
    with Watched(daemon) as watched:
        clients = {flow["client"] for flow in listed(daemon, "--limit", "all")}
    assert len(clients) == MANY + BUSY
    assert len(watched.received) > 2
    assert all(later > earlier for earlier, later in zip(watched.received, watched.received[1:]))

    few = list(listed(daemon, "--limit", "all", "--target-group", "busy"))
    assert len({flow["client"] for flow in few}) == len(few) == BUSY, "behind all the others"
    top = list(listed(daemon, "--sort", "packets", "--limit", "20"))
    assert {flow["target_group"] for flow in top} == {"busy"}, "the largest of all"
    table = daemon.ctl.table("flows", "--limit", "25000").splitlines()
    assert len(table) == 25_002 and table[-1].startswith("… there are more than these")
    assert sum(line.startswith("PROTOCOL") for line in table) == 1
