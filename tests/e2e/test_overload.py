"""More new flows than the rate allows: forwarded without an entry, or refused with a count."""

import copy

import pytest

from support import clients, namespaces
from support.lab import Lab


@pytest.fixture(scope="module")
def lab(driver, tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab46"), driver, ipv6=True) as opened:
        yield opened


def limited(lab, *, per_second, overload, family=4):
    chosen = lab.configuration(algorithm="maglev", overload=overload, family=family)
    chosen["flows"]["new_per_second"] = per_second
    return chosen


@pytest.mark.parametrize("family", [4, 6])
def test_forwards_without_flows_and_fails_no_request(lab, spillway, family):
    daemon = spillway(limited(lab, per_second=1, overload="forward", family=family))
    address = namespaces.LISTENER_ADDRESS if family == 4 else namespaces.LISTENER_ADDRESS_6
    report = clients.Load(lab.client, address=address, requests=1000).run()
    assert report["failed"] == 0, report["failures"][:5]
    assert len(report["targets"]) == 3, report["targets"]
    totals = daemon.ctl.status()["totals"]
    assert totals["flows_inserted"] < 200, "32 at once, and one a second"
    assert totals["stateless"] > 5_000, "of 1,000 connections with some ten packets each"
    assert totals["rejected_flows"] == 0
    assert "STATELESS" in daemon.ctl.table("status")


def test_refuses_with_a_count_and_keeps_what_is_there(lab, spillway):
    chosen = limited(lab, per_second=0, overload="refuse")
    daemon = spillway(chosen)
    kept = clients.Load(lab.client, connections=4, keep_alive=True).start()
    try:
        changed = copy.deepcopy(chosen)
        changed["flows"]["new_per_second"] = 1
        daemon.reload(changed)
        flood = clients.Load(lab.client, requests=60, timeout=0.3).run()
    finally:
        report = kept.stop()
    assert flood["failed"] > 10, flood
    assert report["failed"] == 0, report["failures"][:5]
    totals = daemon.ctl.status()["totals"]
    assert totals["verdicts"]["DropFlowRate"] >= flood["failed"]
    assert totals["rejected_flows"] == totals["verdicts"]["DropFlowRate"]
    assert totals["stateless"] == 0
    assert "REJECTED" in daemon.ctl.table("status")
    # The very next new flow is let in again once the file says so.
    daemon.reload(chosen)
    report = clients.Load(lab.client, requests=100).run()
    assert report["failed"] == 0, report["failures"][:5]
