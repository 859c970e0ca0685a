"""The lab itself, with the kernel's nftables in Spillway's place: if it fails, look here first."""

import pytest

from support import clients, namespaces, servers
from support.lab import URL

STAND_IN = """
table ip stand_in {
  chain before {
    type nat hook prerouting priority -100;
    ip daddr 203.0.113.10 tcp dport 80 dnat ip to numgen inc mod 3 map {
      0 : 10.0.1.11 . 8080, 1 : 10.0.1.12 . 8080, 2 : 10.0.1.13 . 8080 }
  }
}
"""


@pytest.fixture
def kernel_balancer():
    with namespaces.Topology() as network:
        balancer = network.balancer
        balancer.ip("address", "add", f"{namespaces.FRONT_ADDRESS}/24", "dev", "front0")
        balancer.ip("address", "add", f"{namespaces.BACK_ADDRESS}/24", "dev", "back0")
        balancer.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
        balancer.run(["nft", "-f", "-"], input=STAND_IN, stdin=None)
        yield network


def test_network_servers_and_clients_work_without_spillway(kernel_balancer, tmp_path):
    running = [servers.Nginx(namespace, f"target{n}", tmp_path, tmp_path)
               for n, namespace in enumerate(kernel_balancer.targets, 1)]
    try:
        for server in running:
            server.start()
        digest = servers.make_file(tmp_path / "file", 2)
        report = clients.Load(kernel_balancer.client, requests=300).run()
        assert report["failed"] == 0, report["failures"][:3]
        assert report["targets"] == {"target1": 100, "target2": 100, "target3": 100}
        download = clients.download(kernel_balancer.client, f"{URL}/files/file")
        assert clients.download_digest(download) == digest
    finally:
        for server in running:
            server.stop()
