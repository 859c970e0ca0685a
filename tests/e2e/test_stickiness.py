"""Stickiness: all flows of a client at one target, whichever worker they arrive at."""

import copy
import re
import time

import pytest

from support import namespaces, processes

HOSTS = [f"198.51.100.{number}" for number in range(20, 60)]
SECOND_LISTENER = "203.0.113.11"


@pytest.fixture(autouse=True, scope="module")
def client_addresses(lab):
    """The client is many hosts: it takes their addresses as well as its own."""
    for host in HOSTS:
        lab.client.ip("address", "add", f"{host}/24", "dev", "eth0")
    lab.client.ip("route", "add", f"{SECOND_LISTENER}/32", "via", namespaces.FRONT_ADDRESS)
    yield
    lab.client.ip("route", "del", f"{SECOND_LISTENER}/32")
    for host in HOSTS:
        lab.client.ip("address", "del", f"{host}/24", "dev", "eth0")


def sticky(lab, kind="source_ip", timeout=600, targets=(1, 2, 3), **choices):
    chosen = lab.configuration(workers=2, targets=targets,
                               stickiness={"type": kind, "timeout": timeout}, **choices)
    second = copy.deepcopy(chosen["listeners"][0])
    second |= {"name": "web-2", "address": SECOND_LISTENER}
    chosen["listeners"].append(second)
    return chosen


def ask(lab, hosts, requests=1, to=namespaces.LISTENER_ADDRESS):
    """{host: [the target of each of its requests]}, each request a connection of its own."""
    script = "".join(
        f"echo {host} $(curl -s --max-time 5 --interface {host} -H 'Connection: close' "
        f"-o /dev/null -w '%header{{x-target}} ' 'http://{to}/?[1-{requests}]')\n"
        for host in hosts)
    lines = lab.client.run(["bash", "-c", script], timeout=120).stdout.splitlines()
    answers = {line.split()[0]: line.split()[1:] for line in lines}
    assert all(len(got) == requests for got in answers.values()), answers
    return answers


def homes(answers):
    """{host: its one target}"""
    assert all(len(set(got)) == 1 for got in answers.values()), answers
    return {host: got[0] for host, got in answers.items()}


@pytest.mark.parametrize("algorithm", ("round_robin", "least_connections", "maglev"))
@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_source_ip_holds_a_client_on_both_workers(lab, spillway, mode, algorithm):
    daemon = spillway(sticky(lab, mode=mode, algorithm=algorithm))
    known = homes(ask(lab, HOSTS[:12], requests=8))
    assert len(set(known.values())) > 1, known
    workers = daemon.ctl.status()["workers"]
    assert all(worker["flows_inserted"] > 10 for worker in workers), "one worker alone: no proof"
    # Each but the first of a client; a first one whose SYN had to be sent twice counts as well.
    assert 12 * 7 <= daemon.ctl.status()["totals"]["sticky_found"] <= 12 * 8


def test_a_new_target_moves_no_known_client_and_gets_new_ones(lab, spillway):
    chosen = sticky(lab, targets=(1, 2))
    daemon = spillway(chosen)
    known = homes(ask(lab, HOSTS[:20], requests=2))
    grown = copy.deepcopy(chosen)
    grown["target_groups"][0]["targets"].append({"address": namespaces.target_address(3)})
    daemon.reload(grown)
    daemon.wait_healthy()
    assert homes(ask(lab, HOSTS[:20], requests=2)) == known
    new = homes(ask(lab, HOSTS[20:40]))
    assert "target3" in new.values(), new

    table = daemon.ctl.table("status")
    assert re.search(r"stickiness +40 of 1048576 clients remembered; \d+ new flows by it\n",
                     processes.wait_until(
                         lambda: "stickiness  40 " in daemon.ctl.table("status")
                         and daemon.ctl.table("status"), 10, "the table is swept")), table
    assert re.search(r"sticky table: 1048576 clients; 8 MB, in pages of", daemon.log())


def test_a_drained_targets_clients_move_and_stay_moved(lab, spillway):
    daemon = spillway(sticky(lab))
    known = homes(ask(lab, HOSTS[:15]))
    second = namespaces.target_address(2)
    assert "target2" in known.values(), known
    daemon.ctl.run("drain", "web", f"{second}:8080")
    daemon.wait_state(second, "draining")
    moved = homes(ask(lab, HOSTS[:15], requests=2))
    assert "target2" not in moved.values(), moved
    assert all(moved[host] == home for host, home in known.items() if home != "target2")
    daemon.ctl.run("undrain", "web", f"{second}:8080")
    daemon.wait_state(second, "healthy")
    assert homes(ask(lab, HOSTS[:15], requests=2)) == moved


def test_timeout_ends_it(lab, spillway):
    daemon = spillway(sticky(lab, timeout=2))
    ask(lab, HOSTS[:5])
    forgotten = time.monotonic() + 2
    processes.wait_until(lambda: daemon.ctl.status()["totals"]["sticky_entries"] == 0
                         and time.monotonic() > forgotten, 10, "they are forgotten")
    before = daemon.ctl.status()["totals"]["sticky_found"]
    ask(lab, HOSTS[:5])
    assert daemon.ctl.status()["totals"]["sticky_found"] == before


@pytest.mark.parametrize("kind, together", (("source_ip", True), ("source_ip_dest_ip", False),
                                            ("source_ip_dest_ip_proto", False)))
def test_type_says_what_a_client_is(lab, spillway, kind, together):
    spillway(sticky(lab, kind))
    first = homes(ask(lab, HOSTS[:15], requests=2))
    second = homes(ask(lab, HOSTS[:15], requests=2, to=SECOND_LISTENER))
    assert (first == second) == together, (first, second)


def test_none_is_each_flow_by_itself(lab, spillway):
    chosen = sticky(lab)
    chosen["target_groups"][0]["stickiness"] = {"type": "none"}
    daemon = spillway(chosen)
    answers = ask(lab, HOSTS[:3], requests=12)
    assert all(len(set(got)) == 3 for got in answers.values()), answers
    assert daemon.ctl.status()["totals"]["sticky_found"] == 0
    assert "stickiness" not in daemon.ctl.table("status")


def test_table_of_another_size_needs_a_restart(lab, spillway):
    chosen = sticky(lab) | {"sticky": {"capacity": 1024}}
    daemon = spillway(chosen)
    assert daemon.ctl.status()["totals"]["sticky_capacity"] == 1024
    daemon.write(chosen | {"sticky": {"capacity": 2048}})
    refused = daemon.ctl.run("reload", check=False)
    assert refused.returncode == 1
    assert "sticky.capacity" in refused.stderr and "restart" in refused.stderr, refused.stderr
