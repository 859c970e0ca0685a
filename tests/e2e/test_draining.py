"""deregistration_delay: what becomes of the flows of a target that is drained or leaves."""

import contextlib
import json
import subprocess
import time

import pytest

from support import configuration, ends, namespaces, processes, servers

SECOND = namespaces.target_address(2)
CHECK = {"protocol": "tcp", "port": ends.HEALTH_PORT, "interval": 0.2, "timeout": 0.2,
         "healthy_threshold": 2, "unhealthy_threshold": 2}


@pytest.fixture(scope="module")
def served(lab):
    with ends.serving(lab) as started:
        yield started


@pytest.fixture
def draining(lab, spillway):
    """draining(timeout=…, connection_termination=…) starts a balancer whose group has these."""
    def start(workers=1, **delay):
        chosen = lab.configuration(port=ends.PORT, check=CHECK, workers=workers,
                                   deregistration_delay=delay)
        chosen["flows"]["closing_timeout"] = 0.5  # what is closed is not to be waited for
        return spillway(chosen)
    return start


def drain(daemon, address=SECOND, port=ends.PORT):
    daemon.ctl.run("drain", "web", f"{address}:{port}")


def without(lab, address, **delay):
    """The configuration after that target has left it."""
    chosen = lab.configuration(port=ends.PORT, check=CHECK, deregistration_delay=delay)
    targets = chosen["target_groups"][0]["targets"]
    chosen["target_groups"][0]["targets"] = [one for one in targets if one["address"] != address]
    return chosen


def test_timeout_lets_connections_go_on_until_it_ends_and_beyond(lab, served, draining):
    daemon = draining(timeout=2, connection_termination=False)
    connection = ends.connect_to(lab, served, SECOND)
    drain(daemon)
    begun = time.monotonic()
    target = daemon.wait_state(SECOND, "draining")
    assert target["reason"] == "Target.DeregistrationInProgress"
    assert connection.works()
    for _ in range(6):
        other = ends.connect(lab, served)
        assert other.server.address != SECOND, "a new flow came to a target that drains"
        other.close()
    target = daemon.wait_state(SECOND, "unused", timeout=10)
    assert 1.5 < time.monotonic() - begun < 6
    assert target["reason"] == "Target.NotRegistered"
    assert "may go on" in target["detail"], target
    assert connection.works(), "without connection_termination it goes on while it is not idle"
    assert daemon.ctl.target(SECOND)["active_flows"] == 1
    connection.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_connection_termination_resets_both_ends_of_an_idle_connection(
        lab, served, draining, workers):
    daemon = draining(workers=workers, timeout=1, connection_termination=True)
    connections = [ends.connect_to(lab, served, SECOND) for _ in range(5)]
    kept = ends.connect_to(lab, served, namespaces.target_address(1))
    drain(daemon)
    assert ends.reset_within(connections[0].client, 0.5) is None, "reset before the delay was over"
    assert connections[0].works()
    daemon.wait_state(SECOND, "unused", timeout=10)
    for connection in connections:  # nobody says a word
        assert ends.reset_within(connection.client, 3) is not None, "the client was not told"
        assert ends.reset_within(connection.at_server, 3) is not None, "the target was not told"
    processes.wait_until(lambda: daemon.ctl.target(SECOND)["active_flows"] == 0, 8,
                         "the flows are gone")
    assert daemon.ctl.target(SECOND)["elb_resets"] >= 10
    assert daemon.ctl.status()["totals"]["originated"] >= 10
    assert kept.works(), "a connection of another target was hurt"
    kept.close()


def test_connection_termination_when_the_target_has_left_the_configuration(lab, served, draining):
    daemon = draining(timeout=1, connection_termination=True)
    connection = ends.connect_to(lab, served, SECOND)
    daemon.reload({"instance": daemon.instance} |
                  without(lab, SECOND, timeout=1, connection_termination=True))
    assert daemon.ctl.target(SECOND)["state"] == "draining"
    assert connection.works()
    assert ends.reset_within(connection.client, 5) is not None
    assert ends.reset_within(connection.at_server, 5) is not None
    processes.wait_until(lambda: ("web", SECOND) not in daemon.ctl.targets(), 8,
                         "the target is gone once it has no flows")


def test_timeout_0_ends_at_once(lab, served, draining):
    daemon = draining(timeout=0, connection_termination=True)
    connection = ends.connect_to(lab, served, SECOND)
    drain(daemon)
    assert daemon.wait_state(SECOND, "unused")["reason"] == "Target.NotRegistered"
    assert ends.reset_within(connection.client, 3) is not None
    assert ends.reset_within(connection.at_server, 3) is not None


def test_undrain_in_the_middle(lab, served, draining):
    daemon = draining(timeout=2, connection_termination=True)
    connection = ends.connect_to(lab, served, SECOND)
    drain(daemon)
    daemon.wait_state(SECOND, "draining")
    daemon.ctl.run("undrain", "web", f"{SECOND}:{ends.PORT}")
    daemon.wait_state(SECOND, "healthy")
    assert ends.reset_within(connection.client, 3) is None, "the delay went on after the undrain"
    assert connection.works()
    ends.connect_to(lab, served, SECOND).close()


def test_registered_again_in_the_middle(lab, served, draining):
    delay = {"timeout": 2, "connection_termination": True}
    daemon = draining(**delay)
    connection = ends.connect_to(lab, served, SECOND)
    daemon.reload({"instance": daemon.instance} | without(lab, SECOND, **delay))
    daemon.wait_state(SECOND, "draining")
    daemon.reload({"instance": daemon.instance} |
                  lab.configuration(port=ends.PORT, check=CHECK, deregistration_delay=delay))
    daemon.wait_state(SECOND, "healthy")
    assert ends.reset_within(connection.client, 3) is None
    assert connection.works()


def test_drain_wait_shows_flows_and_bytes_live(lab, served, draining):
    daemon = draining(timeout=60, connection_termination=False)
    connections = [ends.connect_to(lab, served, SECOND) for _ in range(3)]
    command = daemon.ctl.command("--json", "drain", "web", f"{SECOND}:{ends.PORT}", "--wait")
    process = processes.start(command, stdout=subprocess.PIPE, text=True)

    def line():
        return json.loads(process.stdout.readline())
    assert line()["active_flows"] == 3
    connections[0].client.sendall(b"x" * 100_000)
    received = 0
    while received < 100_000:
        received += len(connections[0].at_server.recv(65536))
    connections[1].close()
    shown = line()
    while shown["active_flows"] == 3:
        shown = line()
    assert shown["active_flows"] == 2
    assert shown["bytes_moved"] >= 100_000
    for connection in (connections[0], connections[2]):
        connection.close()
    while shown["active_flows"] != 0:
        shown = line()
    assert process.wait(30) == 0


def test_300_targets_drain_at_the_same_time(lab, spillway):
    """100 ports on each of the three hosts, a connection on each, all idle."""
    ports = range(20_000, 20_100)
    chosen = lab.configuration(port=ends.PORT, check={"enabled": False}, workers=2,
                               deregistration_delay={"timeout": 2, "connection_termination": True})
    group = chosen["target_groups"][0]
    stays = {"address": namespaces.target_address(1), "port": 20_100}
    leave = [{"address": namespaces.target_address(number), "port": port}
             for number in (1, 2, 3) for port in ports]
    group["targets"] = [*leave, stays]
    with ends.serving(lab, ports=[*ports, 20_100], health_port=20_101) as started:
        daemon = spillway(chosen)
        connections = []
        while sum(one["active_flows"] > 0
                  for one in daemon.ctl.get("targets")["targets"]) < 301:
            assert len(connections) < 1_300, "round robin leaves a target out"
            connections += [ends.connect(lab, started) for _ in range(100)]
        group["targets"] = [stays]
        daemon.reload({"instance": daemon.instance} | chosen)
        draining = [one for one in daemon.ctl.get("targets")["targets"]
                    if one["state"] == "draining"]
        assert len(draining) == 300
        processes.wait_until(lambda: len(daemon.ctl.get("targets")["targets"]) == 1, 30,
                             "all 300 are gone")
        told = untold = kept = 0
        for connection in connections:
            if connection.at_server.getsockname()[1] == 20_100:
                kept += connection.works()
                continue
            both = (ends.reset_within(connection.client, 0.2),
                    ends.reset_within(connection.at_server, 0.2))
            told += None not in both
            untold += None in both
        assert untold == 0, f"{untold} of {told + untold} connections were not told"
        assert kept > 0
        print(f"{told} connections of 300 targets were reset at both ends, {kept} went on")
        assert daemon.ctl.get("targets")["targets"][0]["active_flows"] == kept
        for connection in connections:
            connection.close()


@contextlib.contextmanager
def udp_clients(lab, count=12):
    """Echo servers on all targets, and clients that have a port each."""
    with contextlib.ExitStack() as stack:
        for number, namespace in enumerate(lab.network.targets, 1):
            echo = servers.UdpEcho(namespace, f"target{number}")
            echo.start()
            stack.callback(echo.stop)
        clients = [ends.UdpClient(lab) for _ in range(count)]
        for client in clients:
            stack.callback(client.close)
        yield clients


def test_udp_flows_of_a_gone_target_move_at_once(lab, spillway):
    with udp_clients(lab) as clients:
        daemon = spillway(udp(lab))
        before = [client.ask() for client in clients]
        assert "target2" in before, before
        assert before == [client.ask() for client in clients], "a flow keeps its target"
        daemon.reload({"instance": daemon.instance} | udp(lab, targets=(1, 3)))
        after = [client.ask() for client in clients]  # the very next datagram
        assert None not in after and "target2" not in after, after
        assert [name for name in before if name != "target2"] == [
            name for name, was in zip(after, before) if was != "target2"], "others moved too"


def test_udp_flows_of_a_deregistered_target_stay_for_the_delay_and_then_move(lab, spillway):
    """connection_termination is on by default for UDP, as with ELB."""
    with udp_clients(lab) as clients:
        daemon = spillway(udp(lab, deregistration_delay={"timeout": 4}))
        before = [client.ask() for client in clients]
        assert "target2" in before, before
        daemon.ctl.run("deregister", "dns", f"{SECOND}:5353")
        begun = time.monotonic()
        assert [client.ask() for client in clients] == before, "the delay is for them to end"
        with contextlib.closing(ends.UdpClient(lab)) as new:
            assert new.ask() != "target2"
        watched = clients[before.index("target2")]
        processes.wait_until(lambda: watched.ask() != "target2", 10, "the flow moves")
        assert 3 < time.monotonic() - begun < 9
        after = [client.ask() for client in clients]
        assert None not in after and "target2" not in after, after


def test_udp_flows_of_an_unhealthy_target_that_is_deregistered_move_at_once(
        lab, served, spillway):
    """They were to move, since it was unhealthy; a delay of 60 s does not bring it back."""
    with udp_clients(lab) as clients:
        daemon = spillway(udp(lab, check=CHECK, deregistration_delay={"timeout": 60}))
        before = [client.ask() for client in clients]
        assert "target2" in before, before
        served[1].healthy(False)
        try:
            daemon.wait_state(SECOND, "unhealthy", group="dns")
            daemon.ctl.run("deregister", "dns", f"{SECOND}:5353")
            target = daemon.wait_state(SECOND, "draining", group="dns")
            assert "its flows move with their next packet" in target["detail"], target
            after = [client.ask() for client in clients]
            assert None not in after and "target2" not in after, after
        finally:
            served[1].healthy(True)


def udp(lab, targets=(1, 2, 3), check=None, deregistration_delay=None):
    chosen = lab.configuration()
    chosen["target_groups"] = [configuration.target_group(
        "dns", protocol="udp", port=5353, targets=targets, check=check or {"enabled": False},
        deregistration_delay=deregistration_delay or {"timeout": 0})]
    chosen["listeners"] = [configuration.listener("dns", port=53, protocol="udp")]
    return chosen
