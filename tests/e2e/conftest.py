"""One lab for the whole run, and a balancer in it for each test."""

import pytest

from support import namespaces, servers
from support.daemon import Daemon
from support.lab import Lab
from support.surge import SLOW_PORT


@pytest.fixture(scope="session")
def lab(driver, tmp_path_factory):
    try:
        with Lab(tmp_path_factory.mktemp("lab"), driver) as opened:
            yield opened
    except namespaces.NotPossible as reason:
        pytest.skip(f"no network namespaces here: {reason}")


@pytest.fixture(scope="session")
def big_file(lab):
    """(name, SHA-256) of 100 MB that every nginx serves."""
    return "big", servers.make_file(lab.files / "big", 100)


@pytest.fixture
def spillway(lab, tmp_path):
    """spillway(configuration) starts a balancer with healthy targets, stopped in the end.

    `wait` is for configurations in which not all of them are to get flows.
    """
    running = []

    def start(chosen, *, wait=Daemon.wait_healthy, **options):
        daemon = Daemon(tmp_path, chosen, lab.balancer, **options)
        running.append(daemon)
        wait(daemon.start())
        return daemon

    yield start
    for daemon in running:
        # pytest shows it if the test failed.
        print(f"--- {daemon.log_file}\n{daemon.log()[-20000:]}")
        try:
            if daemon.process.poll() is None:
                print(daemon.ctl.table("targets"), daemon.ctl.table("status"), sep="\n")
                daemon.stop()
        finally:
            daemon.kill()
    for daemon in running:  # only now: one may have been followed by another of the same name
        daemon.forget()


@pytest.fixture
def slow(lab):
    """slow(number) starts a slow server on a target."""
    running = []

    def start(number=1):
        running.append(servers.SlowServer(lab.network.targets[number - 1], SLOW_PORT))
        running[-1].start()
        return running[-1]

    yield start
    for server in running:
        server.stop()
