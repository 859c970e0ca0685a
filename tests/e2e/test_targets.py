"""Targets that die, come back, and are drained: what clients notice of it."""

import time

from support import clients, namespaces, processes, servers
from support.lab import URL

SECOND = namespaces.target_address(2)


def test_dead_target_fails_requests_only_until_the_checks_notice(lab, spillway):
    daemon = spillway(lab.configuration(workers=2))
    load = clients.Load(lab.client, connections=16).start()
    kept = clients.Load(lab.client, connections=8, keep_alive=True).start()
    try:
        processes.wait_until(lambda: daemon.ctl.target(SECOND)["new_flows"] > 200, 10,
                             "the target has work")
        lab.nginx[1].kill()
        out = daemon.wait_state(SECOND, "unhealthy")
        noticed = time.time()
        time.sleep(3)  # the promise is about what follows: there has to be some of it
    finally:
        lab.nginx[1].start()
        reports = [load.stop(), kept.stop()]

    assert not out["takes_new_flows"]
    assert out["reason"] == "Target.FailedHealthChecks", out
    assert "refused" in out["detail"].lower(), out
    log_line = daemon.wait_log(rf"{SECOND}.*unhealthy.*")
    assert "Target.FailedHealthChecks" in log_line[0], log_line[0]

    for report in reports:
        late = [failure for failure in report["failures"] if failure["at"] > noticed]
        assert not late, late
    assert reports[0]["failed"] > 0, "the kill was not felt: this test shows nothing"
    assert reports[0]["requests"] > 2_000, reports[0]["requests"]

    daemon.wait_state(SECOND, "healthy")
    report = clients.Load(lab.client, requests=300).run()
    assert report["failed"] == 0, report["failures"][:5]
    assert report["targets"]["target2"] >= 90, report["targets"]


def downloads_on_every_target(lab, daemon):
    """Starts downloads until every target has one: each worker has a round of its own, and which
    worker a client port falls to is not known beforehand."""
    downloads = []
    while not all(target["active_flows"] >= 1 for target in daemon.ctl.targets().values()):
        assert len(downloads) < 12, "a target gets no flow"
        begun = sum(target["new_flows"] for target in daemon.ctl.targets().values())
        downloads.append(clients.download(lab.client, f"{URL}/slow/slow"))
        processes.wait_until(
            lambda before=begun: sum(
                target["new_flows"] for target in daemon.ctl.targets().values()) > before,
            10, "the download has a target")
    return downloads


def test_drained_target_gets_no_new_flow_and_finishes_its_download(lab, spillway):
    digest = servers.make_file(lab.files / "slow", 20)
    daemon = spillway(lab.configuration(algorithm="round_robin", workers=2))
    downloads = downloads_on_every_target(lab, daemon)
    daemon.ctl.run("drain", "web", f"{SECOND}:8080")
    before = daemon.wait_state(SECOND, "draining")
    assert before["reason"] == "Target.DeregistrationInProgress", before
    assert before["drain_ends"], before
    report = clients.Load(lab.client, requests=1_000).run()
    assert report["failed"] == 0, report["failures"][:5]
    assert sorted(report["targets"]) == ["target1", "target3"], report["targets"]
    during = daemon.ctl.target(SECOND)
    assert during["new_flows"] == before["new_flows"]
    assert during["active_flows"] >= 1, "the download was over too early: this test shows nothing"
    for download in downloads:
        assert clients.download_digest(download) == digest
    after = daemon.ctl.target(SECOND)
    assert after["new_flows"] == before["new_flows"]
    assert after["packets_to_client"] > before["packets_to_client"]

    daemon.ctl.run("undrain", "web", f"{SECOND}:8080")
    daemon.wait_state(SECOND, "healthy")
    report = clients.Load(lab.client, requests=300).run()
    assert report["targets"].get("target2", 0) >= 90, report["targets"]


def test_all_targets_dead_is_fail_open_and_recovers(lab, spillway):
    daemon = spillway(lab.configuration())
    try:
        for server in lab.nginx:
            server.kill()
        for number in (1, 2, 3):
            daemon.wait_state(namespaces.target_address(number), "unhealthy")
        report = clients.Load(lab.client, requests=20, timeout=2).run()
        assert report["failed"] == 20
    finally:
        for server in lab.nginx:
            server.start()
    for number in (1, 2, 3):
        daemon.wait_state(namespaces.target_address(number), "healthy")
    report = clients.Load(lab.client, requests=300).run()
    assert report["failed"] == 0, report["failures"][:5]
