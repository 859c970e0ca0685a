"""The null PMD mode: config/examples/null.cfg as it is, unprivileged, no hugepages, no NIC."""

import os
import re
import shutil
import time

import pytest

from support import daemon as daemons
from support import processes

NOBODY = 65534


@pytest.fixture
def unprivileged(tmp_path):
    """(directory that nobody may write to, words before a command that make it run as nobody)."""
    if os.geteuid() != 0:
        return tmp_path, []
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(path.stat().st_mode | 0o055)
    os.chown(tmp_path, NOBODY, NOBODY)
    return tmp_path, ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                      "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


@pytest.fixture
def null_daemon(unprivileged):
    directory, prefix = unprivileged
    # The checkout may be somewhere that nobody may not read (/root).
    program = shutil.copy(daemons.PROGRAM, directory / "spillway")
    os.chmod(program, 0o755)
    example = (daemons.ROOT / "config" / "examples" / "null.cfg").read_text()
    # Nothing is changed but its name: another "null" may be running on this machine.
    configuration, changed = re.subn(r'^instance = "null";$', 'instance = "null-test";', example,
                                     flags=re.MULTILINE)
    assert changed == 1
    daemon = daemons.Daemon(directory, configuration, prefix=prefix, instance="null-test",
                            program=program)
    daemon.file.chmod(0o644)
    return daemon


def test_runs_counts_and_stops_with_every_mbuf_back(null_daemon):
    with null_daemon as daemon:
        first = daemon.ctl.status()["totals"]

        def moved():
            now = daemon.ctl.status()["totals"]
            return now["received"] > first["received"] + 10_000 and now["polls"] > first["polls"]
        processes.wait_until(moved, 10, "the workers receive from net_null")
        status = daemon.ctl.status()
        assert status["running"] and not status["stale"]
        assert {port["driver"] for port in status["ports"]} == {"net_null"}
        assert daemon.ctl.run("status").stdout
        assert daemon.ctl.run("targets").stdout


def test_says_what_its_flow_tables_took(null_daemon):
    with null_daemon as daemon:
        totals = daemon.ctl.status()["totals"]
        assert totals["flow_capacity"] == 16384 and totals["flow_capacity_ipv6"] == 0
        assert 140 * 16384 < totals["table_bytes"] < 160 * 16384
        # Transparent ones if the kernel takes the advice: that is its business.
        pages = {4096: "4 kB", 2 << 20: "2 MB"}[totals["table_page_bytes"]]
        assert f"per worker, in pages of {pages}" in daemon.log()
        assert f"for flow tables, in pages of {pages}\n" in daemon.ctl.run("status").stdout


def test_starts_again_after_kill(null_daemon):
    with null_daemon as daemon:
        first = daemon.ctl.status()["pid"]
        daemon.kill()
        dead = daemon.ctl.run("status", check=False)
        assert dead.returncode in (0, 1)  # it may show the last figures, but must say that they are
        assert any(word in dead.stdout + dead.stderr for word in ("stale", "not running", "dead"))
        daemon.start()
        assert daemon.ctl.status()["pid"] != first


def test_stop_is_quick(null_daemon):
    null_daemon.start()
    began = time.monotonic()
    null_daemon.stop(timeout=5)
    assert time.monotonic() - began < 5
