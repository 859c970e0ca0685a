"""passive_health_check = { enabled }: a target that takes no connections is noticed by what its
clients meet, long before the active checks would say so."""

import contextlib
import socket
import time

import pytest

from support import ends, namespaces, processes

SECOND = namespaces.target_address(2)
THIRD = namespaces.target_address(3)
# Nothing that active checks could find in a test's time, and they ask another port.
SLOW = {"protocol": "tcp", "port": ends.HEALTH_PORT, "interval": 300, "timeout": 2,
        "healthy_threshold": 2, "unhealthy_threshold": 2}


@pytest.fixture
def served(lab):
    with ends.serving(lab) as started:
        yield started


@pytest.fixture
def balanced(lab, spillway):
    def start(check=SLOW, **keys):
        return spillway(lab.configuration(port=ends.PORT, check=check, **keys))
    return start


class Attempts:
    """Clients that try to connect, a few a second, as long as they are wanted."""

    def __init__(self, lab):
        self.lab = lab
        self.failed = 0

    def once(self, timeout=0.3):
        with self.lab.client.entered():
            attempt = socket.socket()
        attempt.settimeout(timeout)
        try:
            attempt.connect((namespaces.LISTENER_ADDRESS, 80))
        except OSError:
            self.failed += 1
        finally:
            attempt.close()

    def until(self, condition, timeout, what):
        def tried():
            self.once()
            return condition()
        return processes.wait_until(tried, timeout, what, interval=0.1)


def state(daemon, address):
    return daemon.ctl.target(address)["state"]


def test_enabled_by_default_notices_refused_connections(lab, served, balanced):
    daemon = balanced()
    served[1].refuse()
    begun = time.monotonic()
    Attempts(lab).until(lambda: state(daemon, SECOND) == "unhealthy", 15,
                        "the second target is unhealthy")
    print(f"noticed after {time.monotonic() - begun:.1f} s, at an interval of 300 s")
    target = daemon.ctl.target(SECOND)
    assert target["reason"] == "Target.FailedHealthChecks", target
    assert "passive check: " in target["detail"], target
    assert "asked at once: connection refused" in target["detail"], target
    assert target["handshakes_failed"] >= 3, target
    assert state(daemon, namespaces.target_address(1)) == state(daemon, THIRD) == "healthy"


@contextlib.contextmanager
def deaf(namespace, port):
    """The host drops what comes to that port, without a word."""
    namespace.run(["nft", "-f", "-"], stdin=None, input=(
        "table ip deaf {\n chain input {\n  type filter hook input priority 0;\n"
        f"  tcp dport {port} drop;\n }}\n}}\n"))
    try:
        yield
    finally:
        namespace.run(["nft", "delete", "table", "ip", "deaf"])


def test_enabled_notices_connections_that_are_not_answered(lab, served, balanced):
    daemon = balanced(passive_health_check={"enabled": True})
    with deaf(lab.network.targets[1], ends.PORT):
        attempts = Attempts(lab)
        attempts.until(lambda: [attempts.once(2.5)] and state(daemon, SECOND) == "unhealthy", 60,
                       "the second target is unhealthy")
    target = daemon.ctl.target(SECOND)
    assert "asked at once: " in target["detail"], target
    assert state(daemon, THIRD) == "healthy"


def test_active_checks_bring_it_back(lab, served, balanced):
    daemon = balanced(check=SLOW | {"interval": 0.5, "timeout": 0.5, "healthy_threshold": 10})
    served[1].refuse()
    Attempts(lab).until(lambda: state(daemon, SECOND) == "unhealthy", 15,
                        "the second target is unhealthy")
    served[1].listen()
    begun = time.monotonic()
    daemon.wait_state(SECOND, "healthy")
    assert time.monotonic() - begun > 3, "ten checks take longer"
    ends.connect_to(lab, served, SECOND).close()


def test_enabled_false(lab, served, balanced):
    daemon = balanced(passive_health_check={"enabled": False})
    served[1].refuse()
    attempts = Attempts(lab)
    attempts.until(lambda: daemon.ctl.target(SECOND)["handshakes_failed"] >= 20, 30,
                   "clients are refused")
    assert attempts.failed >= 15
    assert state(daemon, SECOND) == "healthy"


def test_forged_syns_take_no_target_out(lab, served, balanced):
    """From addresses that do not exist, and from one that the target itself has, so that it cannot
    even answer: then it is asked, and serves."""
    daemon = balanced()
    forger = ends.Forger(lab)

    def flood(source, count, first_port):
        for port in range(first_port, first_port + count):
            forger.syn(source, port)

    flood("192.0.2.77", 300, 10_000)
    processes.wait_until(lambda: sum(one["handshakes_answered"] for one in
                                     daemon.ctl.targets().values()) >= 300, 10,
                         "the forged SYNs are answered")
    for second in range(5):
        for number in (1, 2, 3):
            flood(namespaces.target_address(number), 30, 20_000 + 100 * second + 30 * number)
        time.sleep(1.1)  # SYNs of the same ports once more: nobody has answered them
        for number in (1, 2, 3):
            flood(namespaces.target_address(number), 30, 20_000 + 100 * second + 30 * number)
    failed = [one["handshakes_failed"] for one in daemon.ctl.targets().values()]
    assert sum(failed) >= 9, f"{failed}: the attack was not felt, this test shows nothing"
    states = {one["state"] for one in daemon.ctl.targets().values()}
    assert states == {"healthy"}, daemon.ctl.table("targets")
    assert ends.connect(lab, served).works()
    forger.close()
