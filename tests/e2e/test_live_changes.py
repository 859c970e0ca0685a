"""Changes while it runs: targets without the file, what a restart remembers, plans, reloads that
are refused, rollbacks; and what all that must not do to traffic."""

import copy
import datetime
import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import clients, namespaces, processes, servers
from support import daemon as daemons

FIRST, SECOND, THIRD = (namespaces.target_address(number) for number in (1, 2, 3))


def spread(lab, requests=300):
    """Who answered, of so many requests that must not fail."""
    report = clients.Load(lab.client, requests=requests).run()
    assert report["failed"] == 0, report["failures"][:5]
    return report["targets"]


def names(daemon, group="web"):
    return sorted(address for name, address in daemon.ctl.targets() if name == group)


def gone(daemon, address):
    """Closed connections are remembered for 10 s (flows.closing_timeout)."""
    processes.wait_until(lambda: address not in names(daemon), 20, f"{address} is gone")


def test_a_registered_target_takes_traffic_until_it_is_deregistered(lab, spillway):
    digest = servers.make_file(lab.files / "leaving", 20)
    daemon = spillway(lab.configuration(targets=(1, 2)))
    assert sorted(spread(lab)) == ["target1", "target2"]
    told = daemon.ctl.table("register", "web", THIRD, "--weight", 3, "--zone", "c")
    assert "web: 1 target registered, generation" in told and "initial" in told, told
    target = daemon.wait_state(THIRD, "healthy")
    assert (target["port"], target["weight"], target["zone"]) == (8080, 3, "c")
    assert spread(lab)["target3"] >= 90

    download = clients.download(lab.client, "http://203.0.113.10/slow/leaving")
    while daemon.ctl.target(THIRD)["active_flows"] == 0:  # two of three go elsewhere
        processes.wait_until(lambda: sum(t["active_flows"] for t in daemon.ctl.targets().values()),
                             10, "the download has a target")
        if daemon.ctl.target(THIRD)["active_flows"] == 0:
            processes.stop(download)
            download = clients.download(lab.client, "http://203.0.113.10/slow/leaving")
            time.sleep(0.1)
    answer = daemon.ctl.json("deregister", "web", THIRD)
    assert answer["targets"][0]["state"] == "draining", answer
    assert answer["targets"][0]["reason"] == "Target.DeregistrationInProgress"
    assert sorted(spread(lab)) == ["target1", "target2"]
    assert clients.download_digest(download) == digest
    gone(daemon, THIRD)
    assert daemon.ctl.json("changes")["registered"] == []


def test_mistakes_change_nothing_and_name_the_value(lab, spillway):
    daemon = spillway(lab.configuration())
    generation = daemon.ctl.status()["generation"]
    for words, status, told in (
            (("register", "wbe", THIRD), 1, 'no target group "wbe". Did you mean "web"?'),
            (("register", "web", "10.0.1.20", "--weight", "1000"), 2,
             "web 10.0.1.20: weight = 1000: is out of range; allowed: 0 to 999."),
            (("register", "web", "10.0.1.255"), 1,
             'registered target web 10.0.1.255:8080: address = "10.0.1.255": is the broadcast'),
            (("register", "web", "somewhere"), 2, '"somewhere" is not a target'),
            (("register", "web"), 2, "register takes targets, or --from-file FILE"),
            (("register", "web", THIRD, "--weight", "4"), 2, "is in "),
            (("deregister", "web", "10.0.1.99"), 1, "has no target 10.0.1.99"),
            (("changes", "forget"), 2, "discard is allowed"),
            (("rollback",), 1, "there is nothing to go back to"),
            (("plan",), 2, "plan takes FILE, or --rollback")):
        done = daemon.ctl.run(*words, check=False)
        assert done.returncode == status, (words, done.returncode, done.stderr)
        assert told in done.stderr, (words, done.stderr)
    assert daemon.ctl.status()["generation"] == generation
    assert not daemon.state_dir.exists()


def test_a_restart_forgets_nothing(lab, spillway):
    daemon = spillway(lab.configuration(targets=(1, 2)))
    daemon.ctl.run("register", "web", THIRD)
    daemon.wait_state(THIRD, "healthy")
    daemon.ctl.run("deregister", "web", FIRST)
    daemon.ctl.run("drain", "web", SECOND)
    daemon.kill()
    daemon.start()
    daemon.wait_state(THIRD, "healthy")
    assert FIRST not in names(daemon)
    assert daemon.ctl.target(SECOND)["state"] == "draining"
    assert sorted(spread(lab)) == ["target3"]
    assert "3 changes beside the file" in daemon.log()
    refused = daemon.ctl.run("changes", "discard", check=False)
    assert "no healthy target left (1 now)" in refused.stderr, "the two others are not healthy yet"
    daemon.ctl.run("changes", "discard", "--force")
    daemon.wait_state(FIRST, "healthy")
    daemon.wait_state(SECOND, "healthy")
    gone(daemon, THIRD)
    assert not list(daemon.state_dir.glob("*.state"))


def test_a_restart_forgets_neither_a_drain_s_end_nor_a_weight_that_the_file_still_has(
        lab, spillway):
    chosen = lab.configuration(deregistration_delay={"timeout": 300})
    daemon = spillway(chosen)
    daemon.ctl.run("drain", "web", f"{SECOND}:8080")
    daemon.ctl.run("weight", "web", f"{FIRST}:8080", "7")
    daemon.ctl.run("weight", "web", f"{THIRD}:8080", "8")
    ends_at = daemon.ctl.target(SECOND)["drain_ends"]
    daemon.kill()
    chosen["target_groups"][0]["targets"][2]["weight"] = 3
    daemon.write(chosen)
    daemon.start()
    daemon.wait_state(FIRST, "healthy")
    after = daemon.ctl.target(SECOND)
    assert after["state"] == "draining"
    assert abs(seconds(after["drain_ends"]) - seconds(ends_at)) < 1, "it began anew"
    assert daemon.ctl.target(FIRST)["weight"] == 7
    assert daemon.ctl.target(THIRD)["weight"] == 3, "who edits the file means it"
    daemon.wait_log(f"weight of web {THIRD}:8080 is dropped: the file has 3 now, not 1")
    chosen["target_groups"][0]["deregistration_delay"] = {"timeout": 1}
    daemon.write(chosen)
    daemon.kill()
    daemon.start()
    assert daemon.wait_state(SECOND, "unused")["reason"] == "Target.NotRegistered", "it was over"


def seconds(time_text):
    return datetime.datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp()


def test_a_state_file_that_cannot_be_read_is_no_start(lab, spillway):
    daemon = spillway(lab.configuration(targets=(1, 2)))
    daemon.ctl.run("register", "web", THIRD)
    daemon.stop()
    state = daemon.state_dir / f"{daemon.instance}.state"
    text = state.read_text()
    for content, told in ((text[:-20], "is not JSON"),
                          (text.replace('"version": 2', '"version": 9'), "has version 9")):
        state.write_text(content)
        with pytest.raises(RuntimeError) as refused:
            daemon.start()
        assert "ended with 1" in str(refused.value) and told in str(refused.value)
        assert "--discard-changes" in str(refused.value)
    checked = daemons.check(daemon.file)
    assert checked.returncode == 0, "--check is of the file alone"
    daemon.arguments = ["--discard-changes"]
    daemon.start().wait_healthy()
    assert names(daemon) == [FIRST, SECOND]
    assert (state.parent / f"{state.name}.discarded").exists() and not state.exists()


def test_what_leaves_no_healthy_target_needs_force(lab, spillway):
    chosen = lab.configuration(targets=(1,))
    daemon = spillway(chosen)
    moved = copy.deepcopy(chosen)
    moved["target_groups"][0]["targets"] = [{"address": THIRD}]
    daemon.write(moved)
    for words in (("reload",), ("drain", "web", f"{FIRST}:8080"), ("deregister", "web", FIRST)):
        refused = daemon.ctl.run(*words, check=False)
        assert refused.returncode == 1, words
        assert 'target group "web" would have no healthy target left (1 now)' in refused.stderr
        assert "--force" in refused.stderr
    daemon.signal(signal.SIGHUP)
    processes.wait_until(lambda: daemon.ctl.status()["reloads_refused"] == 2, 5,
                         "SIGHUP is refused too")
    assert "no healthy target left" in daemon.ctl.status()["last_reload_error"]
    plan = daemon.ctl.run("plan", daemon.file, check=False)
    assert plan.returncode == 1 and "would be refused without --force" in plan.stdout, plan.stdout
    assert daemon.ctl.run("plan", daemon.file, "--force").returncode == 0
    assert names(daemon) == [FIRST]
    daemon.ctl.run("reload", "--force")
    daemon.wait_state(THIRD, "healthy")
    assert spread(lab) == {"target3": 300}


def test_plan_shows_what_a_reload_then_does_and_rollback_undoes_it(lab, spillway, tmp_path):
    chosen = lab.configuration(algorithm="maglev")
    daemon = spillway(chosen)
    changed = copy.deepcopy(chosen)
    group = changed["target_groups"][0]
    del group["targets"][2]
    group["health_check"]["interval"] = 2
    changed["listeners"].append({"name": "more", "address": namespaces.LISTENER_ADDRESS,
                                 "port": 81, "protocol": "tcp", "target_group": "web"})
    new = tmp_path / "new.cfg"
    daemon_file = daemon.file.read_text()
    daemon.write(changed)
    daemon.file.rename(new)
    daemon.file.write_text(daemon_file)

    before = daemon.ctl.status()["generation"]
    plan = daemon.ctl.json("plan", new)
    found = {(c["action"], c["kind"], c["name"]) for c in plan["changes"]}
    assert found == {("add", "listener", "more"), ("change", "target_group", "web"),
                     ("remove", "target", f"{THIRD}:8080")}, plan
    assert plan["moved"][0]["target_group"] == "web"
    assert 0.3 < plan["moved"][0]["moved"] < 0.36, "a third was the target's"
    assert plan["refused"] is None and plan["restart_needed"] == []
    assert daemon.ctl.run("plan", new, "--exit-code", check=False).returncode == 3
    assert daemon.ctl.run("plan", daemon.file, "--exit-code").returncode == 0
    assert daemon.ctl.status()["generation"] == before, "a plan changes nothing"

    restart = tmp_path / "restart.cfg"
    restart.write_text(new.read_text().replace("workers = 1;", "workers = 2;"))
    refused = daemon.ctl.run("plan", restart, check=False)
    assert refused.returncode == 1 and "cannot change while spillway runs" in refused.stdout
    wrong = tmp_path / "wrong.cfg"
    wrong.write_text(new.read_text() + "surprise = 1;\n")
    assert daemon.ctl.run("plan", wrong, check=False).returncode == 2

    load = clients.Load(lab.client, connections=8).start()
    try:
        daemon.file.write_text(new.read_text())
        daemon.ctl.run("reload")
        gone(daemon, THIRD)
        back = daemon.ctl.json("plan", "--rollback")
        assert {(c["action"], c["kind"], c["name"]) for c in back["changes"]} == {
            ("remove", "listener", "more"), ("change", "target_group", "web"),
            ("add", "target", f"{THIRD}:8080")}
        daemon.kill()  # what came before survives that
        daemon.start().wait_healthy()
        told = daemon.ctl.table("rollback")
        assert "runs as it was until" in told, told
        daemon.wait_state(THIRD, "healthy")
    finally:
        load.stop()
    assert daemon.ctl.run("plan", daemon.file, "--exit-code", check=False).returncode == 3
    assert spread(lab)["target3"] > 50


def test_the_examples_of_the_documents_work(lab, spillway, tmp_path):
    daemon = spillway(lab.configuration())
    text = (daemons.ROOT / "docs" / "live-changes.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 15
    programs = tmp_path / "programs"
    programs.mkdir()
    wrapper = programs / "spillwayctl"
    wrapper.write_text("#!/bin/sh\nexec " + " ".join(daemon.ctl.command()) + ' "$@"\n')
    wrapper.chmod(0o755)
    (tmp_path / "edge.cfg").symlink_to(daemon.file)
    (tmp_path / "new.cfg").write_text(daemon.file.read_text().replace(
        "round_robin", "maglev").replace("interval = 1", "interval = 5"))
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=tmp_path,
                              env=environment, capture_output=True, text=True, timeout=20,
                              check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        if "--json" in command:
            json.loads(done.stdout)
    assert daemon.ctl.json("changes")["deregistered"] == []
