"""The main job in IPv6: the same network, clients and servers, with IPv6 addresses."""

import re

import pytest

from support import clients, frames, namespaces, processes, restart, servers
from support.lab import URL, URL_6, Lab

LISTENER = namespaces.LISTENER_ADDRESS_6
SECOND = namespaces.target_address(2, 6)
MODES = ("nat", "full_nat")


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab6"), driver, ipv6=True) as opened:
        yield opened


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("workers", (1, 2, 4))
def test_round_robin_is_even_to_one_per_worker(lab, spillway, mode, workers):
    daemon = spillway(lab.configuration(family=6, mode=mode, workers=workers))
    report = clients.Load(lab.client, address=LISTENER, requests=4_000).run()
    assert (report["requests"], report["failed"]) == (4_000, 0), report["failures"][:5]
    flows = [target["new_flows"] for target in daemon.ctl.targets().values()]
    assert sum(flows) == 4_000, flows
    assert max(flows) - min(flows) <= workers, flows


@pytest.mark.parametrize("mode", MODES)
def test_download_of_50_megabytes(lab, spillway, mode):
    digest = servers.make_file(lab.files / "large", 50)
    spillway(lab.configuration(family=6, mode=mode, workers=2))
    download = clients.download(lab.client, f"{URL_6}/files/large")
    assert clients.download_digest(download) == digest


@pytest.mark.parametrize("mode", MODES)
def test_udp_answers_come_back(lab, spillway, mode):
    echoes = [servers.UdpEcho(target, f"target{n}")
              for n, target in enumerate(lab.network.targets, 1)]
    for echo in echoes:
        echo.start()
    try:
        chosen = lab.configuration(family=6, mode=mode)
        chosen["target_groups"][0] |= {"protocol": "udp", "port": 5353}
        chosen["target_groups"][0]["health_check"]["port"] = 8080
        chosen["listeners"][0] |= {"protocol": "udp", "port": 53}
        spillway(chosen)
        script = (
            "import socket, sys\n"
            "for n in range(30):\n"
            "    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(3)\n"
            f"    s.sendto(b'question', ('{LISTENER}', 53))\n"
            "    answer, sender = s.recvfrom(100)\n"
            "    print(answer.decode(), sender[0])\n")
        done = lab.client.run(["/usr/bin/python3", "-c", script])
        answers = done.stdout.splitlines()
        assert len(answers) == 30
        for number in (1, 2, 3):
            assert answers.count(f"target{number} question {LISTENER}") == 10, answers
    finally:
        for echo in echoes:
            echo.stop()


def test_listener_address_is_resolved_and_answers_ping(lab, spillway):
    spillway(lab.configuration(family=6))
    lab.client.ip("address", "add", "2001:db8::1/64", "dev", "eth0")  # on one link with it
    try:
        lab.client.ip("route", "del", f"{LISTENER}/128")
        done = lab.client.run(["ping", "-6", "-c", "3", "-i", "0.05", "-w", "5", LISTENER])
        assert " 0% packet loss" in done.stdout, done.stdout
        neighbours = lab.client.ip("-6", "neigh", "show", LISTENER)
        assert re.search(r"lladdr [0-9a-f:]{17}", neighbours), neighbours
    finally:
        lab.client.ip("route", "add", f"{LISTENER}/128", "via", namespaces.FRONT_ADDRESS_6)
        lab.client.ip("address", "del", "2001:db8::1/64", "dev", "eth0")


def test_ports_own_addresses_are_the_kernels(lab, spillway):
    spillway(lab.configuration(family=6))
    for namespace, address in ((lab.client, namespaces.FRONT_ADDRESS_6),
                               (lab.network.targets[0], namespaces.BACK_ADDRESS_6)):
        done = namespace.run(["ping", "-6", "-c", "2", "-i", "0.05", "-w", "5", address])
        assert " 0% packet loss" in done.stdout, done.stdout


def test_dead_target_is_taken_out_and_comes_back(lab, spillway):
    daemon = spillway(lab.configuration(family=6, workers=2))
    lab.nginx[1].kill()
    try:
        out = daemon.wait_state(SECOND, "unhealthy")
        assert out["reason"] == "Target.FailedHealthChecks", out
        report = clients.Load(lab.client, address=LISTENER, requests=300).run()
        assert report["failed"] == 0, report["failures"][:5]
        assert sorted(report["targets"]) == ["target1", "target3"], report["targets"]
    finally:
        lab.nginx[1].start()
    daemon.wait_state(SECOND, "healthy")
    told = daemon.ctl.run("drain", "web", f"[{SECOND}]:8080").stdout
    assert f"[{SECOND}]:8080" in told, told
    daemon.wait_state(SECOND, "draining")
    daemon.ctl.run("undrain", "web", SECOND)
    daemon.wait_state(SECOND, "healthy")


def test_killed_balancer_does_not_cut_a_nat_download(lab, tmp_path):
    chosen = lab.configuration(family=6, algorithm="maglev", workers=2)
    restart.survives_kill(lab, tmp_path, chosen, URL_6, 24)


def test_both_families_at_once(lab, spillway):
    chosen = lab.configuration(family=6, workers=2)
    both = lab.configuration(family=4)
    chosen["target_groups"][0]["name"] = chosen["listeners"][0]["name"] = "web6"
    chosen["listeners"][0]["target_group"] = "web6"
    chosen["target_groups"] += both["target_groups"]
    chosen["listeners"] += both["listeners"]
    servers.make_file(lab.files / "slow", 20)
    daemon = spillway(chosen)
    download = clients.download(lab.client, f"{URL_6}/slow/slow")
    flow = processes.wait_until(
        lambda: next((flow for flow in daemon.ctl.json("flows")["flows"]
                      if flow["listener"] == "web6" and flow["phase"] == "established"), None),
        10, "the download's flow is listed")
    assert flow["destination"] == f"[{LISTENER}]:80", flow
    assert flow["client"].startswith(f"[{namespaces.CLIENT_ADDRESS_6}]:"), flow
    processes.stop(download)
    loads = [clients.Load(lab.client, address=address, requests=1_000).start()
             for address in (LISTENER, namespaces.LISTENER_ADDRESS)]
    for load in loads:
        report = load.finish()
        assert (report["requests"], report["failed"]) == (1_000, 0), report["failures"][:5]
    # What has no IPv6 listener any more needs no restart; nor does its return.
    daemon.write(chosen | {"listeners": both["listeners"]})
    daemon.reload()
    daemon.write(chosen)
    daemon.reload()
    assert clients.Load(lab.client, address=LISTENER, requests=100).run()["failed"] == 0
    assert lab.client.run(["curl", "-s", "-o", "/dev/null", URL]).returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_tshark_finds_nothing_wrong(lab, spillway, tmp_path, mode):
    daemon = spillway(lab.configuration(family=6, mode=mode, workers=2))
    macs = {port["name"]: port["mac"] for port in daemon.ctl.status()["ports"]}
    client_side, target_side = tmp_path / "client.pcap", tmp_path / "target.pcap"
    target = lab.network.targets[0]
    with frames.captured(lab.client, "eth0", client_side), \
            frames.captured(target, "eth0", target_side):
        assert clients.Load(lab.client, address=LISTENER, requests=1_500).run()["failed"] == 0
        lab.client.run(["curl", "-s", "-o", "/dev/null", f"{URL_6}/?" + "x" * 4000])
        lab.client.run(["ping", "-6", "-c", "3", "-i", "0.05", LISTENER])
    for file, mac in ((client_side, macs["front"]), (target_side, macs["back"])):
        ours = f"eth.src == {mac}"
        assert len(frames.tshark(file, f"{ours} && ipv6 && tcp")) > 300
        assert frames.tshark_faults(file, ours) == []
        # A machine that is short of time drops a frame now and then, and TCP sends it again.
        assert len(frames.tshark(file, f"{ours} && tcp.analysis.lost_segment")) <= 3
