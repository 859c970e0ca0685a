"""Targets that do their worst when checked: nobody else's checks suffer, nor does our memory."""

import pytest

from support import checked, configuration, namespaces, processes

FIRST, SECOND = (namespaces.target_address(number) for number in (1, 2))
CHECK = {"path": "/healthz", "matcher": "200", "interval": 0.3, "timeout": 0.2,
         "healthy_threshold": 1, "unhealthy_threshold": 2}
ROUNDS = 10

# A status that is wanted decides; the body behind it is not waited for.
REASONS = {"slowloris": "Target.Timeout", "endless-headers": "Target.FailedHealthChecks",
           "gigabyte-of-body": "", "redirect-loop": "Target.ResponseCodeMismatch",
           "connection-reset": "Target.FailedHealthChecks", "silence": "Target.Timeout",
           "tls-garbage": "Target.FailedHealthChecks"}


@pytest.fixture
def hostile(lab):
    server = checked.HostileServer(lab.network.targets[1])
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def good(lab, tmp_path):
    """A target under TLS, beside the lab's in clear text."""
    server = checked.TlsNginx(lab.network.targets[0], tmp_path / "nginx",
                              checked.Certificate(tmp_path / "certificate", "targets.example"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def groups(hostile, good):
    """One for each kind, of a good target and a hostile one."""
    for kind, port in hostile.ports.items():
        is_tls = kind.startswith("tls")
        yield configuration.target_group(
            kind, targets=[], check=CHECK | {"protocol": "https" if is_tls else "http"},
            ) | {"targets": [{"address": FIRST, "port": good.port if is_tls else 8080},
                             {"address": SECOND, "port": port}]}


def test_hostile_targets_block_no_other_check_and_grow_no_memory(lab, spillway, hostile, good):
    chosen = lab.configuration(mode="full_nat")
    chosen["target_groups"] = list(groups(hostile, good))
    chosen["listeners"] = [configuration.listener(kind, port=port)
                           for kind, port in hostile.ports.items()]

    def all_known(daemon):
        for kind in hostile.ports:
            daemon.wait_state(FIRST, "healthy", kind)
            daemon.wait_state(SECOND, "unhealthy" if REASONS[kind] else "healthy", kind)
    daemon = spillway(chosen, wait=all_known)

    def asked_again():
        """Waits for so many more checks of each."""
        before = hostile.visits()
        processes.wait_until(
            lambda: all(now >= before[kind] + ROUNDS for kind, now in hostile.visits().items()),
            30, f"each hostile target is asked {ROUNDS} times more; before: {before}", 0.2)
    asked_again()  # what checks keep for the next one is there by now
    before = processes.resident(daemon.process.pid)
    asked_again()
    grown = processes.resident(daemon.process.pid) - before
    print({kind: daemon.ctl.target(SECOND, kind)["detail"] for kind in hostile.ports}, grown)
    assert grown < 4 << 20, f"{grown} bytes more after {ROUNDS} checks of each"

    events = daemon.ctl.json("events", "--target", FIRST)["events"]
    assert [one for one in events if one["to"] == "unhealthy"] == []
    assert {kind: daemon.ctl.target(SECOND, kind)["reason"] for kind in hostile.ports} == REASONS
