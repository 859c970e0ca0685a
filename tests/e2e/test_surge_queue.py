"""Connection limits and the surge queue, with a slow server and a crowd of real clients."""

import copy
import errno
import socket

import pytest

from support import configuration, namespaces, servers
from support.lab import Lab
from support.surge import (
    CROWD, LENGTH, LIMIT, SLOW_PORT, crowd_of, full, group, limited, settled)

MODES = ("nat", "full_nat")


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab-surge"), driver, ipv6=True) as opened:
        yield opened


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("workers", (1, 2))
def test_the_server_never_sees_an_eleventh(lab, spillway, slow, mode, workers):
    server = slow()
    daemon = spillway(limited(lab, mode=mode, workers=workers))
    with crowd_of(lab) as crowd:
        full(crowd)
        waiting = settled(daemon, surge_queue_length=LENGTH)
        assert waiting["connections"] == LIMIT
        assert waiting["spillover_count"] == CROWD - LIMIT - LENGTH
        server.shows(accepted=LIMIT, now=LIMIT, most=LIMIT)
        parts = daemon.ctl.status()["workers"]
        assert sum(worker["surge_held"] for worker in parts) == LENGTH
        for worker in parts:  # each had its part of the crowd
            met = {"ForwardToTarget", "Wait", "ReplyResetSpillover"} & worker["verdicts"].keys()
            assert sum(worker["verdicts"][verdict] for verdict in met) > 10, parts
        server.release(0.02)
        crowd.run(30)
        assert crowd.count("served") == LIMIT + LENGTH
        assert crowd.count("refused") == CROWD - LIMIT - LENGTH
    server.shows(accepted=LIMIT + LENGTH, now=0, most=LIMIT)
    after = settled(daemon, surge_queue_length=0, surge_admitted=LENGTH, connections=0)
    assert after["surge_queue_length_max"] == LENGTH
    assert after["surge_entered"] == LENGTH
    assert (after["surge_timed_out"], after["surge_left"]) == (0, 0)
    assert after["new_flows"] == LIMIT + LENGTH
    verdicts = daemon.ctl.status()["totals"]["verdicts"]
    assert verdicts["Wait"] == LENGTH
    assert verdicts["ReplyResetSpillover"] == after["spillover_count"]
    listener = daemon.ctl.get("listeners")["listeners"][0]
    assert listener["spilled_flows"] == listener["rejected_flows"] == after["spillover_count"]


@pytest.mark.parametrize("workers", (1, 2))
def test_explain_knows_who_has_a_place_and_who_waits(lab, spillway, slow, workers):
    def foretold():
        story = daemon.ctl.json("explain", "--from", "198.51.100.1:555",
                                "--to", f"{namespaces.LISTENER_ADDRESS}:80")
        says = {step["step"]: step["says"] for step in story["steps"]}
        return story["verdict"], says.get("limit"), says.get("surge queue")
    slow()
    daemon = spillway(limited(lab, length=3, workers=workers))
    assert foretold() == ("ForwardToTarget", None, None)
    full_up = f"its target has no place left: {LIMIT} connections"
    with crowd_of(lab, LIMIT + 2) as crowd:
        crowd.run(10, lambda now: now.connected == LIMIT)
        settled(daemon, surge_queue_length=2, connections=LIMIT)
        assert foretold() == ("Wait", full_up, "it waits, number 3 of at most 3, for at most 60 s")
        with crowd_of(lab, 1) as late:
            late.run(10, lambda _: group(daemon)["surge_queue_length"] == 3)
            assert foretold() == ("ReplyResetSpillover", full_up,
                                  "3 wait, at most 3 may: there is no room")


@pytest.mark.parametrize("family", (4, 6))
def test_a_datagram_beyond_the_limit_is_answered_with_icmp(lab, spillway, family):
    echo = servers.UdpEcho(lab.network.targets[0], "target1")
    echo.start()
    try:
        chosen = lab.configuration(family=family, targets=(1,), port=5353, protocol="udp",
                                   check=configuration.health_check(port=8080))
        chosen["target_groups"][0]["targets"][0]["max_connections"] = 1
        chosen["listeners"][0]["protocol"] = "udp"
        daemon = spillway(chosen)
        address = chosen["listeners"][0]["address"]
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        with lab.client.entered():
            first, second = (socket.socket(kind, socket.SOCK_DGRAM) for _ in range(2))
        with first, second:
            for client in (first, second):
                client.settimeout(5)
                client.connect((address, 80))
            first.send(b"one")
            assert first.recv(100)
            second.send(b"two")
            with pytest.raises(OSError) as told:
                second.recv(100)
            # Administratively prohibited, as Linux says it (ICMP 3/13, ICMPv6 1/1).
            assert told.value.errno == (errno.EHOSTUNREACH if family == 4 else errno.EACCES)
            first.send(b"three")
            assert first.recv(100), "it has its place"
        settled(daemon, spillover_count=1)
        assert daemon.ctl.status()["totals"]["verdicts"]["ReplyProhibited"] == 1
    finally:
        echo.stop()


@pytest.mark.parametrize("workers", (1, 2))
def test_who_waits_too_long_is_refused(lab, spillway, slow, workers):
    server = slow()
    daemon = spillway(limited(lab, timeout=2, workers=workers))
    with crowd_of(lab) as crowd:
        full(crowd)
        crowd.run(10, lambda now: now.count("refused") == CROWD - LIMIT)
        late = sorted(client.ended_after for client in crowd.clients if client.fate == "refused")
        assert 1.9 < late[CROWD - LIMIT - LENGTH] and late[-1] < 5, late[CROWD - LIMIT - LENGTH:]
        # Their SYNs came again after a second: that is no reason to wait anew.
        after = settled(daemon, surge_queue_length=0, surge_timed_out=LENGTH)
        assert after["surge_entered"] == LENGTH
        assert after["surge_joined"] == daemon.ctl.status()["totals"]["verdicts"]["DropWaiting"]
        assert after["surge_joined"] >= LENGTH
        server.release(0.02)
        crowd.run(10)
        assert crowd.count("served") == LIMIT
    assert server.figures()["most"] == LIMIT


def test_served_queued_timed_out_and_spilled_are_all_that_were_offered(lab, spillway, slow):
    server = slow()
    server.release(0.1)
    daemon = spillway(limited(lab, timeout=0.6, workers=2, limit=7, length=60))
    served = refused = 0
    for _ in range(4):
        with crowd_of(lab) as crowd:
            crowd.run(30)
            served += crowd.count("served")
            refused += crowd.count("refused")
            assert crowd.count("served") + crowd.count("refused") == CROWD
    after = settled(daemon, surge_queue_length=0, connections=0)
    assert after["new_flows"] == served == server.figures()["accepted"]
    assert after["spillover_count"] + after["surge_timed_out"] == refused
    assert after["surge_entered"] == after["surge_admitted"] + after["surge_timed_out"]
    assert after["surge_timed_out"] > 0 and after["spillover_count"] > 0, after
    assert server.figures()["most"] == 7


def test_a_reload_loses_nobody_and_new_places_are_used_at_once(lab, spillway, slow):
    server, second = slow(1), slow(2)
    chosen = limited(lab, workers=2)
    daemon = spillway(chosen)
    with crowd_of(lab) as crowd:
        full(crowd)
        settled(daemon, surge_queue_length=LENGTH)
        more = copy.deepcopy(chosen)
        more["listeners"].append(configuration.listener("other", port=81, group="web"))
        daemon.reload(more)
        assert group(daemon)["surge_queue_length"] == LENGTH
        # A limit that is raised, and a target that is registered with one.
        more["target_groups"][0]["targets"][0]["max_connections"] = 2 * LIMIT
        daemon.reload(more)
        crowd.run(10, lambda now: now.connected == 2 * LIMIT)
        target = namespaces.target_address(2)
        daemon.ctl.run("register", "web", target, "--max-connections", 5)
        crowd.run(10, lambda now: now.connected == 2 * LIMIT + 5)
        second.shows(most=5)
        assert daemon.ctl.target(target)["max_connections"] == 5
        # Who waits is not bound to a target, so a drain loses nobody either.
        daemon.ctl.run("drain", "web", f"{namespaces.target_address(1)}:{SLOW_PORT}")
        for one in (server, second):
            one.release(0.02)
        crowd.run(60)
        assert crowd.count("served") == LIMIT + LENGTH
    server.shows(accepted=2 * LIMIT, now=0, most=2 * LIMIT)
    assert second.figures()["most"] == 5


def test_clients_wait_for_a_first_target(lab, spillway, slow):
    slow().release(0.02)
    chosen = limited(lab, limit=0)
    chosen["target_groups"][0]["targets"] = []
    daemon = spillway(chosen)
    with crowd_of(lab, 20) as crowd:
        settled(daemon, surge_queue_length=20)
        daemon.ctl.run("register", "web", namespaces.target_address(1))
        crowd.run(20)
        assert crowd.count("served") == 20
    assert settled(daemon, surge_admitted=20)["surge_wait_seconds"] > 0


@pytest.mark.parametrize("mode", MODES)
def test_ipv6(lab, spillway, slow, mode):
    server = slow()
    daemon = spillway(limited(lab, family=6, mode=mode, workers=2))
    with crowd_of(lab, address=namespaces.LISTENER_ADDRESS_6) as crowd:
        full(crowd)
        settled(daemon, surge_queue_length=LENGTH)
        server.release(0.02)
        crowd.run(30)
        assert crowd.count("served") == LIMIT + LENGTH
    assert server.figures()["most"] == LIMIT


def test_silent_spillover_and_a_clean_stop_with_clients_in_the_queue(lab, spillway, slow):
    slow()
    daemon = spillway(limited(lab, limit=3, length=5, spillover="silent"))
    with crowd_of(lab, 20) as crowd:
        settled(daemon, surge_queue_length=5, spillover_count=12)
        assert crowd.run(1, lambda now: now.connected == 3).count("refused") == 0
        table = daemon.ctl.table("target-groups")
        assert "5/5" in table and "SPILLED" in table, table
        assert "3/3" in daemon.ctl.table("targets")
        daemon.stop()  # which looks at the packet buffers
        crowd.run(5, lambda now: now.count("refused") == 5)
