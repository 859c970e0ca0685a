"""The daemon's own life under load: reloads, a bad reload, kill -9, a clean end."""

import copy
import signal

from support import clients, processes, restart, servers
from support.lab import URL


def test_fifty_reloads_fail_no_request(lab, spillway):
    chosen = lab.configuration(workers=2)
    daemon = spillway(chosen)
    load = clients.Load(lab.client, connections=8).start()
    kept = clients.Load(lab.client, connections=8, keep_alive=True).start()
    try:
        for number in range(50):
            changed = copy.deepcopy(chosen)
            group = changed["target_groups"][0]
            group["algorithm"] = ("maglev", "weighted_round_robin")[number % 2]
            group["targets"][number % 3]["weight"] = 1 + number
            changed["listeners"][0]["idle_timeout"] = 60 + number
            daemon.reload(changed)
    finally:
        reports = [load.stop(), kept.stop()]
    assert daemon.ctl.status()["reloads"] == 50
    for report in reports:
        assert report["failed"] == 0, report["failures"][:5]
        assert report["requests"] > 300


def test_reload_keeps_flows_and_counters_of_targets_that_stay(lab, spillway):
    digest = servers.make_file(lab.files / "stays", 10)
    chosen = lab.configuration()
    daemon = spillway(chosen)
    report = clients.Load(lab.client, requests=300).run()
    assert report["failed"] == 0
    download = clients.download(lab.client, f"{URL}/slow/stays")
    processes.wait_until(
        lambda: any(t["active_flows"] and t["bytes_to_client"] > 500_000
                    for t in daemon.ctl.targets().values()), 10, "the download runs")
    before = daemon.ctl.targets()
    changed = copy.deepcopy(chosen)
    changed["target_groups"][0]["targets"].reverse()
    changed["listeners"][0]["idle_timeout"] = 100
    daemon.reload(changed)
    after = daemon.ctl.targets()
    for key, target in before.items():
        assert after[key]["new_flows"] >= target["new_flows"] >= 100
        assert after[key]["state"] == "healthy"
    assert clients.download_digest(download) == digest


def test_bad_reload_changes_nothing(lab, spillway):
    daemon = spillway(lab.configuration())
    good = daemon.file.read_text()
    before = daemon.ctl.status()
    load = clients.Load(lab.client, connections=4).start()
    try:
        mistakes = (good.replace("203.0.113.10", "203.0.113.310"),
                    good.replace("round_robin", "best"),
                    good[:len(good) // 2], "", good + "surprise = 1;\n")
        for number, bad in enumerate(mistakes, 1):
            daemon.write(bad)
            told = daemon.ctl.run("reload", check=False)
            assert told.returncode == 1, told.stdout
            assert str(daemon.file) in told.stderr, told.stderr
            assert daemon.ctl.status()["reloads_refused"] == number
        daemon.signal(signal.SIGHUP)
        processes.wait_until(
            lambda: daemon.ctl.status()["reloads_refused"] == len(mistakes) + 1, 5,
            "the reload by SIGHUP is refused too")
        now = daemon.ctl.status()
        assert str(daemon.file) in now["last_reload_error"], now["last_reload_error"]
        assert (now["generation"], now["reloads"]) == (before["generation"], before["reloads"])
    finally:
        report = load.stop()
    assert report["failed"] == 0, report["failures"][:5]
    daemon.write(good)
    daemon.reload()
    assert daemon.ctl.status()["last_reload_error"] == ""


def test_killed_balancer_does_not_cut_a_nat_download(lab, tmp_path):
    restart.survives_kill(lab, tmp_path, lab.configuration(algorithm="maglev", workers=2), URL, 40)


def test_sigterm_under_load_is_a_clean_end(lab, spillway):
    daemon = spillway(lab.configuration(workers=2))
    load = clients.Load(lab.client, connections=8, timeout=1).start()
    try:
        processes.wait_until(
            lambda: daemon.ctl.status()["totals"]["flows_inserted"] > 500, 10, "traffic flows")
        code = processes.stop(daemon.process, 15)
    finally:
        load.stop()
    assert code == 0, daemon.log()
    daemon.check_mbufs(daemon.log())
    gone = daemon.ctl.run("status")  # the last figures, and that they are the last
    assert "stopped" in gone.stdout + gone.stderr, gone.stdout + gone.stderr
