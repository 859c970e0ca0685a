"""Targets whose health can be taken away while they serve on: checks ask a port of its own."""

import contextlib

from . import configuration, namespaces, processes, servers

PORT = 8081


def check(**changes):
    """A check of that port which notices a change within a second or two."""
    return configuration.health_check(**{
        "port": PORT, "interval": 0.5, "timeout": 0.5, "healthy_threshold": 1,
        "unhealthy_threshold": 2} | changes)


class HealthPorts:
    """One nginx a target that answers its checks, and a daemon that is told by them."""

    def __init__(self, lab, directory):
        self.servers = [servers.Nginx(namespace, f"health{number}", directory, lab.files, port=PORT)
                        for number, namespace in enumerate(lab.network.targets, 1)]

    def __enter__(self):
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            with contextlib.suppress(ProcessLookupError):
                server.stop()

    def fail(self, daemon, *numbers, group="web"):
        """Takes these targets' health, and waits until the daemon has noticed."""
        for number in numbers:
            self.servers[number - 1].kill()
        for number in numbers:
            daemon.wait_state(namespaces.target_address(number), "unhealthy", group)

    def recover(self, daemon, *numbers, group="web"):
        for number in numbers:
            self.servers[number - 1].start()
        for number in numbers:
            daemon.wait_state(namespaces.target_address(number), "healthy", group)


def wait_all(daemon, state="healthy", timeout=15):
    """Waits until all targets are in that state, whoever gets flows."""
    processes.wait_until(
        lambda: all(target["state"] == state for target in daemon.ctl.targets().values())
        and daemon.applied(), timeout, f"all targets are {state}; log:\n{daemon.log()}")
    return daemon


def group_of(daemon, name="web"):
    """The target group as spillwayctl shows it."""
    groups = daemon.ctl.json("target-groups")["target_groups"]
    return next(group for group in groups if group["name"] == name)
