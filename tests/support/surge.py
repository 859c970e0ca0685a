"""A slow server with a limit, a surge queue before it, and a crowd that is too large for both."""

from . import configuration, namespaces, processes
from .crowd import Crowd

SLOW_PORT = 9000
LIMIT = 10
LENGTH = 100
CROWD = 200


def limited(lab, *, targets=(1,), timeout=60, length=LENGTH, limit=LIMIT, **choices):
    """Health is nginx's on another port, so that no check takes a place."""
    chosen = lab.configuration(targets=targets, port=SLOW_PORT,
                               check=configuration.health_check(port=8080),
                               surge_queue={"length": length, "timeout": timeout}, **choices)
    for target in chosen["target_groups"][0]["targets"]:
        target["max_connections"] = limit
    return chosen


def crowd_of(lab, count=CROWD, address=namespaces.LISTENER_ADDRESS):
    return Crowd(lab.client, address, 80, count)


def group(daemon, name="web"):
    """The figures in shared memory, as spillwayctl reads them."""
    groups = daemon.ctl.json("target-groups")["target_groups"]
    return next(one for one in groups if one["name"] == name)


def settled(daemon, **wanted):
    """Waits until the group's figures are these, and returns all of them."""
    def reached():
        now = group(daemon)
        return now if all(now[field] == value for field, value in wanted.items()) else None
    return processes.wait_until(reached, 10, f"{wanted}; now {group(daemon)}")


def full(crowd, refused=CROWD - LIMIT - LENGTH):
    """Everybody has either a connection, or a place in the queue, or was refused."""
    crowd.run(10, lambda now: now.connected == LIMIT and now.count("refused") == refused)
    assert max(client.ended_after for client in crowd.clients if client.ended_after) < 2, "at once"
