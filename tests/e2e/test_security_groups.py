"""Security groups: who may reach a listener, whom its flows reach, what becomes of the rest."""

import copy
import re

import pytest

from support import clients, namespaces, processes, servers

LET_IN = "198.51.100.20"
KEPT_OUT = "198.51.100.200"
LISTENER = namespaces.LISTENER_ADDRESS
ANYWHERE = {"protocol": "all"}


@pytest.fixture(autouse=True, scope="module")
def client_addresses(lab):
    """The client is two hosts besides itself."""
    for host in (LET_IN, KEPT_OUT):
        lab.client.ip("address", "add", f"{host}/24", "dev", "eth0")
    yield
    for host in (LET_IN, KEPT_OUT):
        lab.client.ip("address", "del", f"{host}/24", "dev", "eth0")


def rule(protocol="tcp", **keys):
    return {"protocol": protocol} | keys


def guarded(lab, *, inbound=(), outbound=None, others=(), attach="balancer", **choices):
    """The lab's configuration with a group "web" attached; outbound=None leaves it out."""
    chosen = lab.configuration(**choices)
    group = {"name": "web"}
    if inbound:
        group["inbound"] = list(inbound)
    if outbound is not None:
        group["outbound"] = outbound
    chosen["security_groups"] = [group, *others]
    if attach == "balancer":
        chosen["balancer_security_groups"] = ["web"]
    elif attach == "listener":
        chosen["listeners"][0]["security_groups"] = ["web"]
    return chosen


def answered(lab, source, port=80, seconds=1):
    """Does a request from that address get an answer? Silence is not a refusal."""
    done = lab.client.run(["curl", "-s", "-o", "/dev/null", "--interface", source,
                           "--max-time", seconds, f"http://{LISTENER}:{port}/"], check=False)
    assert done.returncode in (0, 28), f"curl ended with {done.returncode}, not by silence"
    return done.returncode == 0


def pinged(lab, source):
    done = lab.client.run(["ping", "-c", "1", "-W", "1", "-I", source, LISTENER], check=False)
    return done.returncode == 0


def totals(daemon):
    return daemon.ctl.status()["totals"]


@pytest.mark.parametrize("attach", ("balancer", "listener"))
@pytest.mark.parametrize("workers", (1, 2))
def test_inbound_source_decides(lab, spillway, attach, workers):
    daemon = spillway(guarded(lab, inbound=[rule(ports=80, source=f"{LET_IN}/32")], attach=attach,
                              workers=workers))
    assert answered(lab, LET_IN)
    assert not answered(lab, KEPT_OUT)
    now = totals(daemon)
    assert now["blocked_inbound_tcp"] == now["verdicts"]["DropSecurityGroupInbound"] >= 1
    assert now["rejected_flows"] == 0
    assert daemon.ctl.json("listeners")["listeners"][0]["new_flows"] == 1, "left out of the others"


def test_inbound_port_and_protocol_decide(lab, spillway):
    chosen = guarded(lab, inbound=[rule(ports="81-90"), rule("udp")])
    chosen["listeners"].append(chosen["listeners"][0] | {"name": "web-2", "port": 85})
    daemon = spillway(chosen)
    assert answered(lab, LET_IN, port=85)
    assert not answered(lab, LET_IN, port=80)
    assert totals(daemon)["blocked_inbound_tcp"] >= 1


def test_reference_means_the_addresses_of_that_group(lab, spillway):
    office = {"name": "office", "addresses": [f"{LET_IN}/32", "2001:db8:1::/48"]}
    spillway(guarded(lab, inbound=[rule("all", source="office")], others=[office]))
    assert answered(lab, LET_IN)
    assert not answered(lab, KEPT_OUT)


def test_icmp_rules_decide_about_ping(lab, spillway):
    spillway(guarded(lab, inbound=[rule(), rule("icmp", source=f"{LET_IN}/32")]))
    assert pinged(lab, LET_IN)
    assert not pinged(lab, KEPT_OUT)


def test_attach_and_detach_by_reload(lab, spillway):
    chosen = guarded(lab, inbound=[rule(source=f"{LET_IN}/32")], attach=None)
    daemon = spillway(chosen)
    assert answered(lab, KEPT_OUT)
    daemon.reload(chosen | {"balancer_security_groups": ["web"]})
    assert not answered(lab, KEPT_OUT)
    assert answered(lab, LET_IN)
    daemon.reload(chosen)
    assert answered(lab, KEPT_OUT)


def slow_download(lab, source):
    return lab.client.start(
        ["curl", "-s", "-o", "/dev/null", "--interface", source, f"http://{LISTENER}/slow/slow"])


def flow_of(daemon, source):
    return next((flow for flow in daemon.ctl.json("flows")["flows"]
                 if flow["client"].startswith(f"{source}:") and flow["phase"] == "established"),
                None)


def test_established_flows_outlive_their_rule(lab, spillway):
    servers.make_file(lab.files / "slow", 60)
    chosen = guarded(lab, inbound=[rule(source="198.51.100.0/24")])
    daemon = spillway(chosen)
    download = slow_download(lab, KEPT_OUT)
    try:
        processes.wait_until(lambda: flow_of(daemon, KEPT_OUT), 10, "the download has begun")
        narrow = copy.deepcopy(chosen)
        narrow["security_groups"][0]["inbound"][0]["source"] = f"{LET_IN}/32"
        daemon.reload(narrow)
        before = daemon.ctl.targets()
        assert not answered(lab, KEPT_OUT), "a new one is judged"
        processes.wait_until(
            lambda: sum(t["bytes_to_client"] for t in daemon.ctl.targets().values())
            > sum(t["bytes_to_client"] for t in before.values()) + 1_000_000, 10, "it goes on")
        assert totals(daemon)["flows_cut"] == 0
    finally:
        processes.stop(download)


def test_established_flows_are_cut_where_the_operator_asks(lab, spillway):
    servers.make_file(lab.files / "slow", 60)
    chosen = guarded(lab, inbound=[rule(source="198.51.100.0/24")], workers=2)
    chosen["revalidate_flows"] = True
    daemon = spillway(chosen)
    downloads = [slow_download(lab, KEPT_OUT), slow_download(lab, LET_IN)]
    try:
        for source in (KEPT_OUT, LET_IN):
            processes.wait_until(lambda source=source: flow_of(daemon, source), 10,
                                 "the download has begun")
        narrow = copy.deepcopy(chosen)
        narrow["security_groups"][0]["inbound"][0]["source"] = f"{LET_IN}/32"
        daemon.reload(narrow)
        processes.wait_until(lambda: totals(daemon)["flows_cut"] == 1, 10, "one flow is cut")
        assert flow_of(daemon, KEPT_OUT) is None
        assert flow_of(daemon, LET_IN)
        assert "1 flow cut" in daemon.ctl.table("security-groups")
    finally:
        for download in downloads:
            processes.stop(download)


@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_outbound_rules_decide_whom_flows_and_checks_reach(lab, spillway, mode):
    first, second, third = (namespaces.target_address(number) for number in (1, 2, 3))
    chosen = guarded(lab, inbound=[rule()], outbound=[rule(ports=8080)], mode=mode)
    daemon = spillway(chosen)
    assert clients.Load(lab.client, requests=30).run()["failed"] == 0
    # Not to the second any more: its checks fail, as ELB's do, and it gets no flows.
    narrow = copy.deepcopy(chosen)
    narrow["security_groups"][0]["outbound"] = [rule(ports=8080, destination=f"{address}/32")
                                                for address in (first, third)]
    daemon.reload(narrow)
    out = daemon.wait_state(second, "unhealthy")
    assert out["reason"] == "Target.Timeout", out
    assert f"lets tcp to {second}:8080 out" in out["detail"], out
    report = clients.Load(lab.client, requests=60).run()
    assert report["failed"] == 0, report["failures"][:5]
    assert sorted(report["targets"]) == ["target1", "target3"], report["targets"]
    daemon.reload(chosen)
    daemon.wait_state(second, "healthy")


def test_nothing_goes_out_by_an_empty_outbound_list(lab, spillway):
    chosen = guarded(lab, inbound=[rule()])
    chosen["target_groups"][0]["health_check"]["enabled"] = False
    daemon = spillway(chosen)
    assert answered(lab, LET_IN)
    chosen["security_groups"][0]["outbound"] = []
    daemon.reload(chosen)
    assert not answered(lab, LET_IN)
    now = totals(daemon)
    assert now["blocked_outbound_tcp"] == now["verdicts"]["DropSecurityGroupOutbound"] >= 1


def test_group_without_rules_is_shown_and_lets_nothing_through(lab, spillway):
    chosen = guarded(lab, outbound=[], others=[{"name": "spare", "outbound": []}])
    chosen["target_groups"][0]["health_check"]["enabled"] = False
    daemon = spillway(chosen)
    assert not answered(lab, LET_IN)
    document = daemon.ctl.json("security-groups")
    assert document["rules"] == []
    assert [(one["name"], one["attached_to"], one["inbound_rules"], one["outbound_rules"])
            for one in document["security_groups"]] == [("web", "balancer", 0, 0),
                                                        ("spare", "", 0, 0)]
    table = daemon.ctl.table("security-groups")
    assert re.search(r"^web +balancer +no rules$", table, re.MULTILINE), table
    assert re.search(r"^spare +nothing +no rules$", table, re.MULTILINE), table
    chosen["security_groups"].pop()
    daemon.reload(chosen)
    processes.wait_until(lambda: len(daemon.ctl.json("security-groups")["security_groups"]) == 1,
                         5, "the group is gone")


def test_thousand_rules_and_their_hits(lab, spillway):
    many = [rule(ports=f"{n}-{n + 1}", source=f"10.{n % 200}.{n // 200}.0/{20 + n % 9}")
            for n in range(1, 1001)]
    chosen = guarded(lab, inbound=[*many, rule(ports=80, source="198.51.100.0/24")], workers=2)
    daemon = spillway(chosen)
    report = clients.Load(lab.client, requests=500).run()
    assert report["failed"] == 0, report["failures"][:5]

    def last():
        return daemon.ctl.json("security-groups")["rules"][1000]
    assert (last()["peer"], last()["hits"]) == ("198.51.100.0/24", 500)
    table = daemon.ctl.table("security-groups")
    assert re.search(r"^web +balancer +inbound +tcp +80 +198\.51\.100\.0/24 +500$", table,
                     re.MULTILINE), table[-2000:]
    assert "outbound" in table.splitlines()[1002], "left out: one rule that lets all out"
    # The rule stays the same where others come and go: so do its hits.
    chosen["security_groups"][0]["inbound"] = [ANYWHERE, *chosen["security_groups"][0]["inbound"]]
    daemon.reload(chosen)
    again = daemon.ctl.json("security-groups")["rules"]
    assert (again[1001]["peer"], again[1001]["hits"], again[0]["hits"]) == \
        ("198.51.100.0/24", 500, 0)


def test_blocked_clients_hear_nothing_and_leave_no_trace(lab, spillway):
    daemon = spillway(guarded(lab, inbound=[rule(source=f"{LET_IN}/32")]))
    before = totals(daemon)
    for port in (80, 80, 80):
        assert not answered(lab, KEPT_OUT, port, seconds=0.5)
    after = totals(daemon)
    assert after["flows_inserted"] == before["flows_inserted"]
    assert after["verdicts"].get("ReplyResetUnknownFlow", 0) == 0
    table = daemon.ctl.table("status")
    assert "DropSecurityGroupInbound" in table and "inbound rule" in table, table
