"""Listeners, one case per attribute: ports, protocol, target_groups."""

import collections
import contextlib
import copy
import json
import pathlib
import socket
import subprocess
import sys

import pytest

from support import clients, configuration, namespaces, processes, servers
from support.lab import Lab

READER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "spillway_segment.py"
FIRST, LAST = 5000, 5099
ASKED = (FIRST, 5042, LAST)
EXACT = 5050


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("listeners"), driver, ipv6=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def port_servers(lab):
    """On every target: servers on some ports, which name the target and the port."""
    with contextlib.ExitStack() as stack:
        for number, namespace in enumerate(lab.network.targets, 1):
            server = servers.PortServer(namespace, f"target{number}",
                                        [*ASKED, EXACT, 443, 7000, 65535])
            stack.callback(server.stop)
            server.start()
        yield


def address(family):
    return namespaces.LISTENER_ADDRESS if family == 4 else namespaces.LISTENER_ADDRESS_6


def ask(lab, kind, port, family=4, timeout=2):
    """(target's name, port at the target); raises if nobody answers."""
    with lab.client.entered(), socket.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6, kind) as client:
        client.settimeout(timeout)
        client.connect((address(family), port))
        client.sendall(b"hello\n")
        name, asked, said = client.recv(65536).split(b" ", 2)
        assert said == b"hello\n"
        return name.decode(), int(asked)


def kept_ports(lab, *, mode="nat", family=4, **changes):
    """A group of both protocols that keeps ports, with one listener of a range."""
    chosen = lab.configuration(mode=mode, family=family, protocol="tcp_udp", port="same",
                               check=configuration.health_check(port=8080))
    listener = chosen["listeners"][0]
    del listener["port"]
    listener |= {"ports": f"{FIRST}-{LAST}", "protocol": "tcp_udp"} | changes
    return chosen


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("mode", ["nat", "full_nat"])
def test_ports_range_keeps_the_port_over_tcp_and_udp(lab, spillway, port_servers, mode, family):
    daemon = spillway(kept_ports(lab, mode=mode, family=family))
    seen = collections.Counter()
    for port in ASKED * 4:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            name, at_target = ask(lab, kind, port, family)
            assert at_target == port
            seen[name] += 1
    assert sorted(seen) == ["target1", "target2", "target3"], seen
    for port in (FIRST - 1, LAST + 1, 7000):
        with pytest.raises(OSError):
            ask(lab, socket.SOCK_STREAM, port, family, timeout=0.5)
    assert daemon.ctl.status()["totals"]["verdicts"]["DropNoListener"] >= 3
    assert f":{FIRST}-{LAST}" in daemon.ctl.table("listeners")
    assert ":same" in daemon.ctl.table("targets")
    listener, = daemon.ctl.get("listeners")["listeners"]
    assert listener["protocol"] == "tcp_udp"
    assert listener["new_flows"] == 24, "both protocols' flows are one listener's"
    first = namespaces.target_address(1, family)
    named = first if family == 4 else f"[{first}]"
    daemon.ctl.run("drain", "web", f"{named}:same")
    daemon.wait_state(first, "draining")


def test_ports_one_behind_many(lab, spillway):
    """A range in front, the group's one port behind: what the client asked for is translated."""
    chosen = lab.configuration()
    del chosen["listeners"][0]["port"]
    chosen["listeners"][0]["ports"] = "8000-8999"
    spillway(chosen)
    for port in (8000, 8123, 8999):
        report = clients.Load(lab.client, port=port, requests=300).run()
        assert report["failed"] == 0, report["failures"][:5]
        assert len(report["targets"]) == 3, report["targets"]


def test_ports_all_beside_an_exact_port(lab, spillway, port_servers):
    chosen = kept_ports(lab)
    chosen["listeners"].append(
        configuration.listener("exact", port=EXACT, group="only-first"))
    chosen["listeners"].append(
        {key: value for key, value in chosen["listeners"][0].items() if key != "ports"}
        | {"name": "rest", "ports": "all"})
    chosen["target_groups"].append(configuration.target_group("only-first", port=443, targets=[1],
                                                              check={"enabled": False}))
    daemon = spillway(chosen)
    for _ in range(6):
        assert ask(lab, socket.SOCK_STREAM, EXACT) == ("target1", 443), "the exact port's"
        assert ask(lab, socket.SOCK_DGRAM, EXACT)[1] == EXACT, "which is for TCP: UDP's range"
        assert ask(lab, socket.SOCK_STREAM, 5042)[1] == 5042
        assert ask(lab, socket.SOCK_STREAM, 7000)[1] == 7000
        assert ask(lab, socket.SOCK_DGRAM, 65535)[1] == 65535
    flows = {one["name"]: one["new_flows"] for one in daemon.ctl.get("listeners")["listeners"]}
    assert flows == {"exact": 6, "web": 12, "rest": 12}


def test_protocol_tcp_udp_on_one_port(lab, spillway, port_servers):
    chosen = lab.configuration(protocol="tcp_udp", port=443,
                               check=configuration.health_check(port=8080))
    chosen["listeners"][0] |= {"port": 53, "protocol": "tcp_udp", "udp_idle_timeout": 1}
    daemon = spillway(chosen)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        seen = collections.Counter(ask(lab, kind, 53)[0] for _ in range(30))
        assert all(9 <= count <= 11 for count in seen.values()) and len(seen) == 3, seen
    listener, = daemon.ctl.get("listeners")["listeners"]
    assert listener["new_flows"] == 60
    assert listener["udp_idle_timeout"] == 1

    # Each datagram is a flow of one packet out and one back.
    processes.wait_until(
        lambda: all(sum(one[f"packets_{way}_udp"] for one in daemon.ctl.targets().values()) == 30
                    for way in ("to_target", "to_client")), 5, "the datagrams are counted apart")
    for one in daemon.ctl.targets().values():
        assert one["bytes_to_target"] > one["bytes_to_target_udp"] >= 28 * 9, one
    reader = [sys.executable, READER, "--instance", daemon.instance, "--json"]
    processes.wait_until(
        lambda: (sums := json.loads(subprocess.run(reader, capture_output=True, timeout=20,
                                                   check=True).stdout))
        and sums["traffic"]["processed_packets_udp"] == 60
        and sum(one["packets_to_client_udp"] for one in sums["targets"]) == 30, 5,
        "control has added them up, and a reader sees it")

    def udp_flows():
        return [flow for flow in daemon.ctl.get("flows")["flows"] if flow["protocol"] == "udp"]
    processes.wait_until(lambda: not udp_flows(), 10, "UDP flows end after a second")


# --- several target groups ---

def blue_and_green(lab, blue, green, **choices):
    """blue has targets 1 and 2, green target 3."""
    chosen = lab.configuration(name="blue", targets=(1, 2), **choices)
    chosen["target_groups"].append(
        copy.deepcopy(chosen["target_groups"][0]) | {
            "name": "green", "targets": [{"address": namespaces.target_address(3)}]})
    del chosen["listeners"][0]["target_group"]
    chosen["listeners"][0]["target_groups"] = [{"name": "blue", "weight": blue},
                                               {"name": "green", "weight": green}]
    return chosen


@pytest.mark.parametrize("algorithm", ["maglev", "round_robin"])
def test_target_groups_get_flows_by_weight(lab, spillway, algorithm):
    daemon = spillway(blue_and_green(lab, 80, 20, algorithm=algorithm, workers=2))
    requests = 1_000
    report = clients.Load(lab.client, requests=requests).run()
    assert report["failed"] == 0, report["failures"][:5]
    # Four standard deviations of a draw with 0.2.
    assert 0.15 * requests < report["targets"]["target3"] < 0.25 * requests, report["targets"]
    assert "blue 80, green 20" in daemon.ctl.table("listeners")
    listener, = daemon.ctl.json("listeners")["listeners"]
    assert listener["target_groups"] == [{"name": "blue", "weight": 80},
                                         {"name": "green", "weight": 20}]
    assert listener["target_group"] is None


def test_target_groups_other_weights_move_no_flow_that_exists(lab, spillway):
    daemon = spillway(blue_and_green(lab, 1, 1))
    kept = clients.Load(lab.client, connections=32, keep_alive=True).start()
    try:
        processes.wait_until(
            lambda: sum(one["active_flows"] for one in daemon.ctl.targets().values()) >= 32,
            10, "all connections are there")
        green = namespaces.target_address(3)
        before = daemon.ctl.target(green, "green")
        assert before["active_flows"] > 0
        daemon.reload(blue_and_green(lab, 1, 0))
        report = clients.Load(lab.client, requests=200).run()
        assert report["failed"] == 0, report["failures"][:5]
        assert "target3" not in report["targets"], "weight 0: no new flow"
        after = daemon.ctl.target(green, "green")
        assert after["new_flows"] == before["new_flows"]
        assert after["state"] == "healthy", "still in use"
        assert after["packets_to_client"] > before["packets_to_client"]
    finally:
        report = kept.stop()
    assert report["failed"] == 0, report["failures"][:5]
    assert report["targets"]["target3"] > 0


def test_target_groups_one_without_targets_refuses_its_share(lab, spillway):
    daemon = spillway(blue_and_green(lab, 50, 50))
    daemon.ctl.run("drain", "green", f"{namespaces.target_address(3)}:8080", "--force")
    daemon.wait_state(namespaces.target_address(3), "draining", "green")
    report = clients.Load(lab.client, requests=200, timeout=2).run()
    assert 60 < report["failed"] < 140, "refused at once, by RST"
    assert all("Refused" in one["error"] for one in report["failures"]), report["failures"][:5]
    listener, = daemon.ctl.get("listeners")["listeners"]
    assert listener["rejected_flows"] == report["failed"]


def test_target_groups_restart_picks_up_in_the_same_group(lab, spillway):
    # Unchecked: all targets take flows at once, and none is given a neighbour's meanwhile.
    chosen = blue_and_green(lab, 50, 50, algorithm="maglev", check={"enabled": False})
    daemon = spillway(chosen)
    kept = clients.Load(lab.client, connections=24, keep_alive=True, timeout=20).start()
    try:
        # Nobody asks before all are connected: a handshake that the restart cuts would begin anew,
        # with a SYN, which is nothing to pick up.
        processes.wait_until(
            lambda: sum(one["bytes_to_client"] for one in daemon.ctl.targets().values()) >= 100_000,
            10, "all connections are there, and used")
        daemon.stop()
        daemon = spillway(chosen)
        processes.wait_until(
            lambda: sum(one["picked_up_flows"] for one in daemon.ctl.targets().values()) >= 24,
            20, "all connections are picked up")
    finally:
        report = kept.stop()
    assert report["failed"] == 0, report["failures"][:5]
