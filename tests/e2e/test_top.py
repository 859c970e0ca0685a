"""spillwayctl stats, and top in a real terminal (tmux)."""

import json
import re

import pytest

from support import clients, namespaces, processes
from support.terminal import Terminal

FIRST, SECOND = namespaces.target_address(1), namespaces.target_address(2)


@pytest.fixture
def loaded(lab, spillway):
    daemon = spillway(lab.configuration(workers=2))
    load = clients.Load(lab.client, connections=4).start()
    yield daemon
    load.stop()


@pytest.fixture
def terminal(loaded, tmp_path):
    window = Terminal(tmp_path, loaded.ctl.command("top", "--interval", "0.5"))
    yield window
    window.close()


def test_top_in_a_terminal_of_80_by_24(loaded, lab, terminal):
    text = terminal.wait(rf"{FIRST}:8080 .*healthy +[1-9][\d.k]*/s", "targets with rates")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert re.search(rf"{re.escape(loaded.instance)}  up \d", text), text

    terminal.keys("1")
    terminal.wait(r"LISTENER[^\n]*P99\s*\n\s*web +", "listeners")
    terminal.keys("2")
    terminal.wait(r"GROUP +HEALTHY[^\n]*\n *web +3/3 +healthy ", "target groups")
    terminal.keys("4")
    terminal.wait(r"WORKER +LOAD[^\n]*\n +0 +\d+%", "workers")
    terminal.keys("h")
    terminal.wait("Any key goes back", "help")
    terminal.keys("x", "3")
    terminal.wait("TARGET +GROUP", "targets again")

    terminal.keys("/", *SECOND, "Enter")
    text = terminal.wait(f'filter "{SECOND}"', "the filter")
    assert SECOND in text and FIRST not in text, text
    terminal.keys("/", "Escape")
    terminal.wait(FIRST, "all again")

    terminal.keys("s", "r")  # by target, from Z to A
    terminal.wait(rf"(?s)TARGET.*{SECOND}.*{FIRST}", "sorted the other way")

    terminal.resize(150, 30)
    terminal.wait(r"ACTIVE +TRAFFIC +P50 +P99", "wide: the columns that were left out")
    terminal.resize(44, 10)
    text = terminal.wait(r"TARGET +STATE|TARGET +GROUP", "narrow")
    assert all(len(line) <= 44 for line in text.splitlines()), text
    terminal.resize(80, 24)

    lab.nginx[1].kill()
    try:
        terminal.wait(rf"{SECOND}:8080 .*unhealthy", "a target's end")
    finally:
        lab.nginx[1].start()

    loaded.kill()
    terminal.wait(r"stale: instance \S+ is not running, it died", "it says that it is stale")
    loaded.start().wait_healthy()
    processes.wait_until(lambda: "stale" not in terminal.text(), 10, "it follows the next daemon")
    terminal.keys("q")
    processes.wait_until(terminal.gone, 5, "q quits")


def test_stats_once_and_again(loaded):
    table = loaded.ctl.table("stats", "--interval", "0.5")
    assert re.search(r"^LISTENER +ADDRESS +NEW/S", table, re.MULTILINE), table
    assert re.search(rf"^{FIRST}:8080 +web .*healthy +[1-9]", table, re.MULTILINE), table
    assert re.search(r"^ +0 +\d+%", table, re.MULTILINE), table

    document = loaded.ctl.json("stats", "--interval", "0.5")
    assert document["stale"] is False and document["seconds"] >= 0.5
    rates = sum(target["new_flows_per_second"] for target in document["targets"])
    assert rates > 10 and document["listeners"][0]["new_flows_per_second"] > 10
    assert all(0 <= worker["load_percent"] <= 100 for worker in document["workers"])

    watch = processes.start(loaded.ctl.command("--json", "stats", "--watch", "0.2"), stdout=-1,
                            text=True)
    try:
        lines = [json.loads(watch.stdout.readline()) for _ in range(2)]
    finally:
        processes.stop(watch)
    assert all(line["targets"] for line in lines)


def test_mistakes_are_explained(loaded):
    for words, said in ((["stats", "--watch", "0"], "from 0.1"),
                        (["stats", "--latency", "both"], "connect, response and queue"),
                        (["top", "--interval", "-1"], "from 0.1"),
                        (["--json", "top"], "stats --watch")):
        done = loaded.ctl.run(*words, check=False)
        assert done.returncode == 2 and said in done.stderr, done
    done = loaded.ctl.run("top", check=False)
    assert done.returncode == 1 and "stats --watch" in done.stderr, done
