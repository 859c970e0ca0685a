"""Latency against the truth: servers that take their time, as long as the test says.

This kernel has no netem, so a server sleeps before it answers. The truth is on the wire: the
kernel's own time stamps of request and answer, as the targets' interfaces and the client's saw
them. On a shared machine a sleep of 1 ms lasts longer, and nobody's word but the wire's is exact.
"""

import contextlib
import socket
import statistics
import threading
import time

import pytest

from support import ends, namespaces, processes, wire

ANSWER = b"y" * 200


class SleepingServers:
    """Each target answers each request after `seconds`; `slept` is how long that really took."""

    def __init__(self, lab, seconds):
        self.seconds = seconds
        self.slept = []
        self.stopping = False
        self.listening = []
        for namespace in lab.network.targets:
            with namespace.entered():
                self.listening.append(socket.create_server(("0.0.0.0", ends.PORT), backlog=64))
        for one in self.listening:
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()

    def _accept(self, listening):
        with contextlib.suppress(OSError):
            while not self.stopping:
                connection, _ = listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while connection.recv(4096):
                begun = time.monotonic()
                time.sleep(self.seconds)
                self.slept.append(time.monotonic() - begun)
                connection.sendall(ANSWER)

    def close(self):
        self.stopping = True
        for one in self.listening:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes its thread, which holds the port
            one.close()


def talk(lab, requests):
    """One client's connection: its time to connect, and each request's to its answer."""
    with lab.client.entered():
        client = socket.socket()
    with client:
        client.settimeout(10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        client.connect((namespaces.LISTENER_ADDRESS, 80))
        connected = time.monotonic() - begun
        answered = []
        for _ in range(requests):
            begun = time.monotonic()
            client.sendall(b"x" * 50)
            received = 0
            while received < len(ANSWER):
                received += len(client.recv(4096))
            answered.append(time.monotonic() - begun)
    return connected, answered


def figures(daemon, measure, count):
    """The listener's, once it has met `count`, and all of its targets together as many."""
    def met():
        listener = daemon.ctl.json("listeners")["listeners"][0]["histograms"][measure]
        targets = daemon.ctl.json("targets")["targets"]
        parts = sum(target["histograms"][measure]["count"] for target in targets)
        return listener if listener["count"] == parts == count else None
    return processes.wait_until(met, 25, f"{count} of {measure} are measured")


@pytest.mark.parametrize("milliseconds", (1, 20, 200))
@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_response_is_what_the_server_takes(lab, spillway, mode, milliseconds):
    servers = SleepingServers(lab, milliseconds / 1000)
    try:
        chosen = lab.configuration(mode=mode, port=ends.PORT, check={
            "protocol": "tcp", "interval": 300, "timeout": 2, "healthy_threshold": 2})
        # A worker that sleeps when idle sees a packet when it wakes: that is part of the latency of
        # such a balancer, and not what is looked at here.
        daemon = spillway(chosen | {"idle": "yield"})
        turns = 20 if milliseconds == 200 else 60
        connects, answers = [], []
        with contextlib.ExitStack() as running:
            at_targets = [running.enter_context(wire.Turns(namespace, "eth0", ends.PORT))
                          for namespace in lab.network.targets]
            at_client = running.enter_context(wire.Turns(lab.client, "eth0", 80))
            for _ in range(3):
                connected, answered = talk(lab, turns // 3)
                connects.append(connected)
                answers += answered
            response = figures(daemon, "response_seconds", len(answers))

            def inside():
                return [turn for one in at_targets for turn in one.seconds()]
            processes.wait_until(
                lambda: len(inside()) == len(at_client.seconds()) == len(answers), 5,
                "every turn was on both wires")
        truth, seen = statistics.median(inside()), statistics.median(at_client.seconds())
        print(f"{milliseconds} ms: p50 {response['p50'] * 1e3:.3f} ms, at the targets "
              f"{truth * 1e3:.3f}, at the client {seen * 1e3:.3f}")
        assert response["p50"] == pytest.approx(truth, rel=0.05)
        # Never shorter than a target took, never longer than the client waited: the histogram is
        # 1.6 % wide at most, a turn of the loop and a tick some microseconds.
        assert truth * 0.98 - 10e-6 <= response["p50"] <= seen * 1.02 + 10e-6
        connect = figures(daemon, "connect_seconds", len(connects))
        # Both packets may meet one turn of the loop: this wire is a function call.
        assert 0 <= connect["max"] <= max(connects) + 10e-6
        table = daemon.ctl.table("targets")
        assert "CONNECT-P50/P99" in table and "RESPONSE-P50/P99" in table
    finally:
        servers.close()


def test_connections_that_end_have_a_duration_and_bytes(lab, spillway):
    servers = SleepingServers(lab, 0.05)
    try:
        daemon = spillway(lab.configuration(port=ends.PORT, check={
            "protocol": "tcp", "interval": 300, "timeout": 2, "healthy_threshold": 2}))
        begun = time.monotonic()
        talk(lab, 4)
        talked = time.monotonic() - begun
        duration = figures(daemon, "duration_seconds", 1)
        # What is said at the end, FIN and its answers, comes behind the talk.
        assert sum(servers.slept) * 0.98 <= duration["max"] <= talked * 1.02 + 0.1
        carried = figures(daemon, "bytes", 1)
        assert 4 * (50 + len(ANSWER)) < carried["max"] < 4 * (50 + len(ANSWER)) + 30 * 60
    finally:
        servers.close()
