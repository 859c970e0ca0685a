"""unhealthy = { connection_termination, draining_interval }: the flows of a target that turns
unhealthy."""

import contextlib
import socket
import time

import pytest

from support import configuration, ends, health, namespaces, servers

SECOND = namespaces.target_address(2)
CHECK = {"protocol": "tcp", "port": ends.HEALTH_PORT, "interval": 0.2, "timeout": 0.2,
         "healthy_threshold": 2, "unhealthy_threshold": 2}


@pytest.fixture
def served(lab):
    with ends.serving(lab) as started:
        yield started


@pytest.fixture
def balanced(lab, spillway):
    """balanced(**unhealthy) starts a balancer whose group has these."""
    def start(**unhealthy):
        keys = {"unhealthy": unhealthy} if unhealthy else {}
        return spillway(lab.configuration(port=ends.PORT, check=CHECK, **keys))
    return start


def test_connection_termination_resets_with_the_next_packet(lab, served, balanced):
    daemon = balanced()  # on by default
    connection = ends.connect_to(lab, served, SECOND)
    other = ends.connect_to(lab, served, namespaces.target_address(1))
    served[1].healthy(False)
    target = daemon.wait_state(SECOND, "unhealthy")
    assert target["reason"] == "Target.FailedHealthChecks", target
    assert ends.reset_within(connection.client, 1) is None, "an idle end is left alone"
    connection.client.sendall(b"x")
    assert ends.reset_within(connection.client, 3) is not None
    connection.at_server.sendall(b"x")
    assert ends.reset_within(connection.at_server, 3) is not None
    assert other.works()
    assert daemon.ctl.target(SECOND)["elb_resets"] == 2


def test_connection_termination_leaves_alone_who_says_nothing_until_it_is_healthy_again(
        lab, served, balanced):
    daemon = balanced(connection_termination=True)
    connection = ends.connect_to(lab, served, SECOND)
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy")
    served[1].healthy(True)
    daemon.wait_state(SECOND, "healthy")
    assert connection.works()


def test_connection_termination_does_nothing_while_the_group_fails_open(lab, served, balanced):
    daemon = balanced(connection_termination=True)
    connection = ends.connect_to(lab, served, SECOND)
    for server in served:
        server.healthy(False)
    for number in (1, 2, 3):
        daemon.wait_state(namespaces.target_address(number), "unhealthy")
    assert daemon.ctl.target(SECOND)["takes_new_flows"], "it fails open"
    # Between the first and the last of them it did not fail open, but nobody spoke then.
    assert connection.works()
    served[0].healthy(True)
    daemon.wait_state(namespaces.target_address(1), "healthy")
    connection.client.sendall(b"x")
    assert ends.reset_within(connection.client, 3) is not None, "it does not fail open any more"


def test_connection_termination_off_keeps_flows(lab, served, balanced):
    daemon = balanced(connection_termination=False)
    connection = ends.connect_to(lab, served, SECOND)
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy")
    assert connection.works()
    for _ in range(6):
        new = ends.connect(lab, served)
        assert new.server.address != SECOND
        new.close()
    assert connection.works()


def test_draining_interval(lab, served, balanced):
    daemon = balanced(connection_termination=False, draining_interval=3)
    connection = ends.connect_to(lab, served, SECOND)
    served[1].healthy(False)
    target = daemon.wait_state(SECOND, "unhealthy.draining")
    begun = time.monotonic()
    assert target["reason"] == "Target.FailedHealthChecks", target
    assert target["drain_ends"] and not target["takes_new_flows"]
    assert connection.works()
    daemon.wait_state(SECOND, "unhealthy", timeout=10)
    assert 2 < time.monotonic() - begun < 7
    assert connection.works()
    log = daemon.log()
    assert "healthy -> unhealthy.draining (Target.FailedHealthChecks)" in log
    assert "unhealthy.draining -> unhealthy (Target.FailedHealthChecks)" in log


def test_draining_interval_ends_when_the_target_is_healthy_again(lab, served, balanced):
    daemon = balanced(connection_termination=False, draining_interval=300)
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy.draining")
    served[1].healthy(True)
    target = daemon.wait_state(SECOND, "healthy")
    assert not target["drain_ends"]
    ends.connect_to(lab, served, SECOND).close()


def test_draining_interval_ends_with_deregistration(lab, served, balanced):
    daemon = balanced(connection_termination=False, draining_interval=300)
    connection = ends.connect_to(lab, served, SECOND)
    served[1].healthy(False)
    daemon.wait_state(SECOND, "unhealthy.draining")
    daemon.ctl.run("drain", "web", f"{SECOND}:{ends.PORT}")
    target = daemon.wait_state(SECOND, "draining")
    assert target["reason"] == "Target.DeregistrationInProgress"
    assert connection.works()


def test_udp_flows_of_an_unhealthy_target_move_at_once(lab, spillway):
    with contextlib.ExitStack() as stack:
        echoes = [servers.UdpEcho(namespace, f"target{number}")
                  for number, namespace in enumerate(lab.network.targets, 1)]
        for echo in echoes:
            echo.start()
            stack.callback(echo.stop)
        served = stack.enter_context(ends.serving(lab))
        chosen = lab.configuration()
        chosen["target_groups"] = [
            configuration.target_group("dns", protocol="udp", port=5353, check=CHECK)]
        chosen["listeners"] = [configuration.listener("dns", port=53, protocol="udp")]
        daemon = spillway(chosen)
        clients = [ends.UdpClient(lab) for _ in range(12)]
        for client in clients:
            stack.callback(client.close)
        before = [client.ask() for client in clients]
        assert "target2" in before, before
        served[1].healthy(False)
        daemon.wait_state(SECOND, "unhealthy", group="dns")
        after = [client.ask() for client in clients]  # the very next datagram
        assert None not in after and "target2" not in after, after


def test_udp_flows_of_an_unhealthy_target_of_both_protocols_move(lab, spillway, tmp_path):
    ports = [servers.PortServer(namespace, f"target{number}", [7000])
             for number, namespace in enumerate(lab.network.targets, 1)]
    with contextlib.ExitStack() as running, health.HealthPorts(lab, tmp_path) as checked:
        for server in ports:
            server.start()
            running.callback(server.stop)
        chosen = lab.configuration(protocol="tcp_udp", port=7000, check=health.check())
        chosen["listeners"][0] |= {"protocol": "tcp_udp", "udp_idle_timeout": 60}
        daemon = health.wait_all(spillway(chosen))
        with lab.client.entered():
            udp = [running.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                   for _ in range(6)]
            tcp = [running.enter_context(
                socket.create_connection((namespaces.LISTENER_ADDRESS, 80), 5)) for _ in range(6)]
        for client in udp:
            client.connect((namespaces.LISTENER_ADDRESS, 80))
            client.settimeout(5)

        def answers(clients):
            """Who answers each of them."""
            for client in clients:
                client.sendall(b"x")
            return [client.recv(100).split()[0] for client in clients]
        before_udp, before_tcp = answers(udp), answers(tcp)
        assert before_udp.count(b"target2") == before_tcp.count(b"target2") == 2
        checked.fail(daemon, 2)
        assert answers(tcp) == before_tcp, "connections go on: the server works"
        assert b"target2" not in answers(udp), "datagrams go elsewhere at once"
