"""A balancer's addresses: its listeners', the data path's, and its own, the kernel's."""

import json
import subprocess

import pytest

from support import clients, namespaces
from support.daemon import Daemon
from support.lab import Lab

ARP_PROBE = """
import json, sys
from scapy.all import ARP, Ether, conf, srp
conf.verb = 0
answered, _ = srp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=sys.argv[1]), iface="eth0", timeout=2)
print(json.dumps([[answer.psrc, answer.hwsrc, answer.op] for _, answer in answered]))
"""


def arp(namespace, address):
    """Everybody who says that the address is his: [[address, MAC, operation]]."""
    done = namespace.run(["/usr/bin/python3", "-c", ARP_PROBE, address])
    return json.loads(done.stdout)


def ping(namespace, address, *options):
    done = namespace.run(["ping", "-c", "5", "-i", "0.05", "-W", "2", *options, address],
                         check=False)
    assert done.returncode == 0 and " 0% packet loss" in done.stdout, done.stdout


def front_mac(daemon):
    return next(p["mac"] for p in daemon.ctl.status()["ports"] if p["name"] == "front")


def test_listener_address_answers_arp_and_ping(lab, spillway):
    daemon = spillway(lab.configuration())
    mac = front_mac(daemon)
    assert arp(lab.client, namespaces.LISTENER_ADDRESS) == [[namespaces.LISTENER_ADDRESS, mac, 2]]
    assert arp(lab.client, "198.51.100.77") == []  # nobody's: no answer
    ping(lab.client, namespaces.LISTENER_ADDRESS)
    ping(lab.client, namespaces.LISTENER_ADDRESS, "-s", "1400")
    verdicts = daemon.ctl.status()["totals"]["verdicts"]
    assert verdicts["ReplyEcho"] >= 10 and verdicts["ReplyArp"] >= 1, verdicts


def test_ports_own_addresses_are_the_kernels(lab, spillway):
    daemon = spillway(lab.configuration())
    assert arp(lab.client, namespaces.FRONT_ADDRESS) == [
        [namespaces.FRONT_ADDRESS, front_mac(daemon), 2]]
    ping(lab.client, namespaces.FRONT_ADDRESS)
    ping(lab.network.targets[0], namespaces.BACK_ADDRESS)
    # Whatever listens in the balancer's namespace is reached through the TAP twin.
    server = lab.balancer.start(
        ["/usr/bin/python3", "-m", "http.server", "--bind", namespaces.FRONT_ADDRESS, "9999"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answer = lab.client.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--retry", "20",
             "--retry-connrefused", "--retry-delay", "0", "--max-time", "10",
             f"http://{namespaces.FRONT_ADDRESS}:9999/"])
        assert answer.stdout == "200"
    finally:
        server.kill()
        server.wait()
    assert daemon.ctl.status()["totals"]["punted"] > 0


def test_nobody_listens_on_another_port(lab, spillway):
    daemon = spillway(lab.configuration())
    done = lab.client.run(["curl", "-s", "--max-time", "1", "http://203.0.113.10:81/"], check=False)
    assert done.returncode != 0
    assert daemon.ctl.status()["totals"]["verdicts"].get("DropNoListener", 0) >= 1


@pytest.fixture
def tagged_lab(driver, tmp_path):
    """A lab of its own, whose back port carries VLAN 100."""
    with Lab(tmp_path / "lab", driver, vlan=100) as lab:
        yield lab


@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_tagged_port(tagged_lab, tmp_path, mode):
    chosen = tagged_lab.configuration(
        vlan=100, mode=mode)
    with Daemon(tmp_path, chosen, tagged_lab.balancer) as daemon:
        daemon.wait_healthy()  # the checks go through the TAP twin and are tagged too
        report = clients.Load(tagged_lab.client, requests=600).run()
        assert report["failed"] == 0, report["failures"][:5]
        assert report["targets"] == {"target1": 200, "target2": 200, "target3": 200}
