"""The flow log: one JSON line for each flow that ended, with real clients and servers."""

import contextlib
import json
import socket

import pytest

from support import clients, ends, namespaces, processes, servers
from support.lab import Lab

SECOND = namespaces.target_address(2)
FIELDS = {
    "start", "duration_ms", "instance", "worker", "protocol", "client", "client_port",
    "destination", "destination_port", "listener", "target_group", "target", "target_port", "zone",
    "local", "local_port", "packets_to_target", "bytes_to_target", "packets_to_client",
    "bytes_to_client", "connect_us", "reason", "phase", "target_state", "sample"}


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("flow-log"), driver, ipv6=True) as opened:
        yield opened


def logging(lab, file=None, **choices):
    """A configuration that logs to that file, and whose flows are soon forgotten."""
    log = choices.pop("flow_log", {})
    chosen = lab.configuration(**choices)
    chosen["flow_log"] = ({"path": str(file)} if file else {}) | log
    chosen["flows"] |= {"closing_timeout": 0.5, "reset_timeout": 0.5}
    return chosen


def lines_of(*files):
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def totals(daemon):
    return daemon.ctl.status()["totals"]


def all_written(daemon, flows):
    """Awaits that so many flows have ended and none waits; what became of their lines."""
    def done():
        status = daemon.ctl.status()
        log, sums = status["flow_log"], status["totals"]
        ended = sums["flows_expired"] + sums["flows_removed"]
        if sums["flows_alive"] != 0 or ended != flows or log["waiting"] != 0:
            return None
        lost = log["dropped"]["slow"] + log["dropped"]["unavailable"]
        return log if log["written"] + lost == sums["flows_logged"] else None
    return processes.wait_until(done, 20, f"{flows} flows have ended and are written", 0.1)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("mode", ["nat", "full_nat"])
def test_lines_add_up_to_what_targets_counted(lab, spillway, tmp_path, mode, family):
    file = tmp_path / "flows.jsonl"
    daemon = spillway(logging(lab, file, mode=mode, family=family, workers=2))
    address = namespaces.LISTENER_ADDRESS if family == 4 else namespaces.LISTENER_ADDRESS_6
    assert clients.Load(lab.client, address=address, requests=500).run()["failed"] == 0
    log = all_written(daemon, 500)
    assert (log["written"], log["sample"], log["kind"]) == (500, 1, "file")
    assert set(log["dropped"].values()) == {0} and log["problem"] == ""
    flows = lines_of(file)
    assert len(flows) == 500 and log["written_bytes"] == file.stat().st_size
    for target in daemon.ctl.targets().values():
        mine = [flow for flow in flows if flow["target"] == target["address"]]
        assert len(mine) == target["new_flows"] > 0
        for figure in ("packets_to_target", "bytes_to_target", "packets_to_client",
                       "bytes_to_client"):
            assert sum(flow[figure] for flow in mine) == target[figure], figure
    assert len({(flow["client"], flow["client_port"]) for flow in flows}) == 500
    for flow in flows:
        assert set(flow) == FIELDS
        assert (flow["reason"], flow["phase"], flow["protocol"]) == ("closed", "closing", "tcp")
        assert (flow["destination"], flow["destination_port"]) == (address, 80)
        assert (flow["listener"], flow["target_group"], flow["target_port"]) == ("web", "web", 8080)
        assert (flow["local"] is None) == (mode == "nat")
        assert flow["instance"] == daemon.instance and flow["target_state"] == "healthy"
        assert 0 <= flow["connect_us"] < 1e6 and 0 <= flow["duration_ms"] < 30e3
        assert flow["start"].endswith("Z")
    assert {flow["worker"] for flow in flows} == {0, 1}
    daemon.check_laws()


def test_a_tenth_is_about_a_tenth_and_a_reload_changes_it(lab, spillway, tmp_path):
    file, other = tmp_path / "flows.jsonl", tmp_path / "other.jsonl"
    daemon = spillway(logging(lab, file, flow_log={"sample": 0.1}))
    assert clients.Load(lab.client, requests=2_000).run()["failed"] == 0
    all_written(daemon, 2_000)
    flows = lines_of(file)
    assert 140 <= len(flows) <= 260  # 200, and four deviations
    assert {flow["sample"] for flow in flows} == {0.1}
    assert totals(daemon)["flows_logged"] == len(flows)

    daemon.reload({"instance": daemon.instance} | logging(lab, other))
    assert clients.Load(lab.client, requests=100).run()["failed"] == 0
    assert all_written(daemon, 2_100)["destination"] == str(other)
    assert len(lines_of(other)) == 100 and len(lines_of(file)) == len(flows)

    off = logging(lab, other)
    del off["flow_log"]
    daemon.reload({"instance": daemon.instance} | off)
    assert clients.Load(lab.client, requests=100).run()["failed"] == 0
    log = all_written(daemon, 2_200)
    assert not log["enabled"] and len(lines_of(other)) == 100


def test_a_reload_begins_one_and_what_is_left_is_written_at_stop(lab, spillway, tmp_path):
    file = tmp_path / "flows.jsonl"
    without = logging(lab, file)
    log = without.pop("flow_log")
    daemon = spillway(without)
    assert clients.Load(lab.client, requests=50).run()["failed"] == 0
    assert daemon.ctl.status()["flow_log"] is None
    daemon.reload({"instance": daemon.instance} | without | {"flow_log": log})
    before = totals(daemon)["flows_logged"]
    assert clients.Load(lab.client, requests=200).run()["failed"] == 0
    processes.wait_until(lambda: totals(daemon)["flows_alive"] == 0, 10, "all have ended")
    logged = totals(daemon)["flows_logged"]
    assert logged - before >= 200
    daemon.stop()
    assert len(lines_of(file)) == logged


def test_logrotate_renames_the_file(lab, spillway, tmp_path):
    file = tmp_path / "flows.jsonl"
    old = tmp_path / "flows.jsonl.1"
    daemon = spillway(logging(lab, file))
    assert clients.Load(lab.client, requests=100).run()["failed"] == 0
    all_written(daemon, 100)
    file.rename(old)
    assert clients.Load(lab.client, requests=150).run()["failed"] == 0
    log = all_written(daemon, 250)
    assert (len(lines_of(old)), len(lines_of(file)), log["opened"]) == (100, 150, 2)


def test_a_directory_that_is_missing_stops_nobody(lab, spillway, tmp_path):
    file = tmp_path / "late" / "flows.jsonl"
    daemon = spillway(logging(lab, file))
    assert clients.Load(lab.client, requests=100).run()["failed"] == 0
    daemon.wait_log("No such file or directory")
    log = processes.wait_until(
        lambda: (log := daemon.ctl.status()["flow_log"])["problem"] and log, 10, "status tells")
    assert not log["open"] and "No such file" in log["problem"]
    assert "No such file" in daemon.ctl.run("status").stdout
    file.parent.mkdir()
    assert all_written(daemon, 100)["problem"] == ""
    daemon.wait_log("takes lines again; 0 were lost")
    assert len(lines_of(file)) == 100


@contextlib.contextmanager
def reader(path):
    """Somebody who listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(10)
        yield listening


def read_all(connection, quiet=1.0):
    connection.settimeout(quiet)
    text = b""
    with contextlib.suppress(socket.timeout):
        while part := connection.recv(1 << 16):
            text += part
    return text


def test_a_reader_that_sleeps_costs_lines_and_nothing_else(lab, spillway, tmp_path):
    path = tmp_path / "flows.sock"
    chosen = logging(lab, flow_log={"socket": str(path), "buffer_megabytes": 1})
    daemon = spillway(chosen)
    with reader(path) as listening:
        daemon.wait_log("nobody listens there")
        connection = None
        flows = 0
        while flows < 12_000 and (flows == 0 or not
                                  daemon.ctl.status()["flow_log"]["dropped"]["slow"]):
            report = clients.Load(lab.client, requests=2_000, connections=32).run()
            assert report["failed"] == 0, report["failures"][:3]
            flows += 2_000
            connection = connection or listening.accept()[0]  # and says and reads nothing
        processes.wait_until(lambda: totals(daemon)["flows_alive"] == 0, 15, "all have ended")
        log = daemon.ctl.status()["flow_log"]
        assert log["dropped"]["slow"] > 0 and log["waiting"] > 0, log
        text = b""
        while daemon.ctl.status()["flow_log"]["waiting"]:
            text += read_all(connection, quiet=0.2)
        text += read_all(connection)
        status = daemon.ctl.status()
        log, sums = status["flow_log"], status["totals"]
        assert log["written"] + log["dropped"]["slow"] + log["dropped"]["unavailable"] + \
            sums["flow_log_dropped"] == flows == sums["flows_expired"] + sums["flows_removed"]
        assert len([json.loads(line) for line in text.splitlines()]) == log["written"]
        daemon.wait_log("takes lines again")
        connection.close()
    daemon.check_laws()


def test_reasons_of_flows_that_do_not_end_by_themselves(lab, spillway, tmp_path):
    file = tmp_path / "flows.jsonl"
    check = {"protocol": "tcp", "port": ends.HEALTH_PORT, "interval": 0.2, "timeout": 0.2,
             "healthy_threshold": 2, "unhealthy_threshold": 2}
    chosen = logging(lab, file, port=ends.PORT, check=check,
                     deregistration_delay={"timeout": 1, "connection_termination": True})
    with ends.serving(lab) as served:
        daemon = spillway(chosen)
        drained = ends.connect_to(lab, served, SECOND)
        first = namespaces.target_address(1)
        by_client, by_target = (ends.connect_to(lab, served, first) for _ in range(2))
        linger = (socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ports = [one.client.getsockname()[1] for one in (by_client, by_target, drained)]
        by_client.client.setsockopt(*linger)
        by_client.client.close()
        by_target.at_server.setsockopt(*linger)
        by_target.at_server.close()
        daemon.ctl.run("drain", "web", f"{SECOND}:{ends.PORT}")
        assert ends.reset_within(drained.client, 5) is not None
        assert ends.reset_within(drained.at_server, 5) is not None

        def ended():
            found = {flow["client_port"]: flow for flow in lines_of(file)} if file.exists() else {}
            return found if found.keys() >= set(ports) else None
        flows = processes.wait_until(ended, 20, "each has its line", 0.2)
        assert [flows[port]["reason"] for port in ports] == [
            "client_reset", "target_reset", "target_terminated"]
        assert flows[ports[2]]["target_state"] in ("draining", "unused")


def test_a_udp_flow(lab, spillway, tmp_path):
    file = tmp_path / "flows.jsonl"
    echoes = [servers.UdpEcho(target, f"target{n}")
              for n, target in enumerate(lab.network.targets, 1)]
    for echo in echoes:
        echo.start()
    try:
        chosen = logging(lab, file)
        chosen["target_groups"][0] |= {"protocol": "udp", "port": 5353}
        chosen["target_groups"][0]["health_check"]["port"] = 8080
        chosen["listeners"][0] |= {"protocol": "udp", "port": 53, "idle_timeout": 1}
        daemon = spillway(chosen)
        script = (
            "import socket\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)\n"
            f"s.sendto(b'question', ('{namespaces.LISTENER_ADDRESS}', 53))\n"
            "print(len(s.recvfrom(100)[0]))\n")
        answer = int(lab.client.run(["/usr/bin/python3", "-c", script]).stdout)
        all_written(daemon, 1)
        flow, = lines_of(file)
        assert (flow["protocol"], flow["reason"], flow["connect_us"]) == ("udp", "idle_timeout",
                                                                          None)
        assert (flow["bytes_to_target"], flow["bytes_to_client"]) == (28 + 8, 28 + answer)
        assert flow["duration_ms"] < 900, "to its last packet, not to when it is forgotten"
    finally:
        for echo in echoes:
            echo.stop()
