"""Much data through each mode: nothing is lost, changed or reordered into an error."""

import socket

import pytest

from support import clients, configuration, servers
from support.lab import URL

MODES = ("nat", "full_nat")


@pytest.mark.parametrize("workers", (1, 2))
@pytest.mark.parametrize("mode", MODES)
def test_download_of_100_megabytes(lab, spillway, big_file, mode, workers):
    name, digest = big_file
    daemon = spillway(lab.configuration(mode=mode, workers=workers))
    download = clients.download(lab.client, f"{URL}/files/{name}")
    assert clients.download_digest(download) == digest
    bytes_to_client = sum(t["bytes_to_client"] for t in daemon.ctl.targets().values())
    assert bytes_to_client > 100_000_000


def iperf_configuration(lab, mode):
    chosen = lab.configuration(mode=mode, workers=2)
    for protocol in ("tcp", "udp"):
        name = f"iperf-{protocol}"
        # One target: iperf3's control connection and its data must reach the same server. iperf3
        # serves one client at a time, so checks must not connect to it.
        chosen["target_groups"].append(configuration.target_group(
            name, protocol=protocol, port=5201, mode=mode, targets=(1,),
            check={"enabled": False}))
        chosen["listeners"].append(configuration.listener(name, protocol=protocol, port=5201))
    return chosen


@pytest.mark.parametrize("mode", MODES)
def test_iperf3_both_ways(lab, spillway, mode):
    server = servers.Iperf3(lab.network.targets[0])
    server.start()
    try:
        daemon = spillway(iperf_configuration(lab, mode))
        for reverse in (False, True):
            tcp = clients.iperf3(lab.client, server, reverse=reverse)["end"]
            assert tcp["sum_received"]["bits_per_second"] > 50e6, tcp["sum_received"]
            # A rate that two crowded CPUs hold: nobody sends a lost datagram again.
            udp = clients.iperf3(lab.client, server, reverse=reverse, udp=True,
                                 megabits=15)["end"]["sum"]
            assert udp["packets"] > 3_000, udp
            assert udp["lost_percent"] < 2, udp
        assert daemon.ctl.target("10.0.1.11", "iperf-udp")["new_flows"] == 2
    finally:
        server.stop()


def test_udp_answers_come_back(lab, spillway):
    echoes = [servers.UdpEcho(namespace, f"target{n}")
              for n, namespace in enumerate(lab.network.targets, 1)]
    chosen = lab.configuration(workers=2)
    chosen["target_groups"].append(configuration.target_group(
        "echo", protocol="udp", port=5353,
        check=configuration.health_check(port=8080)))
    chosen["listeners"].append(configuration.listener("echo", protocol="udp", port=53))
    try:
        for echo in echoes:
            echo.start()
        daemon = spillway(chosen)
        answers = udp_exchange(lab.client, count=300)
        assert sorted(set(answers)) == ["target1", "target2", "target3"]
        assert max(map(answers.count, set(answers))) - min(map(answers.count, set(answers))) <= 2
        flows = [target["new_flows"] for (group, _), target in daemon.ctl.targets().items()
                 if group == "echo"]
        assert sum(flows) == 300
    finally:
        for echo in echoes:
            echo.stop()


def udp_exchange(namespace, count):
    """One datagram from each of `count` sockets; the names of those that answered with our text."""
    names = []
    with namespace.entered():
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for number, client in enumerate(sockets):
        client.settimeout(5)
        client.connect(("203.0.113.10", 53))
        text = f"datagram {number}".encode()
        client.send(text)
        name, _, echoed = client.recv(2048).partition(b" ")
        assert echoed == text
        names.append(name.decode())
    for client in sockets:  # not before all have spoken: a port used twice would be one flow
        client.close()
    return names
