"""A Spillway: started, awaited, reloaded, killed, stopped, and held to its laws.

Every stop checks what must be true of any run: exit status 0, the counters' laws, every mbuf back.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

from . import configuration as configurations
from . import processes
from .ctl import Ctl

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPILLWAY_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "control" / "spillway"
CTL = BUILD / "tools" / "spillwayctl"

# Sanitizers print their own report; whatever they print is a failure.
_SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


class Daemon:
    """One instance, in a namespace if given; `prefix` goes before the command (setpriv, …)."""

    def __init__(self, directory, configuration, namespace=None, *, prefix=(), arguments=(),
                 instance=None, program=PROGRAM):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.instance = instance or f"test-{os.getpid()}"
        self.program = program
        self.run_dir = self.directory / "run"
        self.state_dir = self.directory / "state"
        self.file = self.directory / "spillway.cfg"
        self.log_file = self.directory / "spillway.log"
        self.namespace = namespace
        self.prefix = list(prefix)
        self.arguments = list(arguments)
        self.process = None
        self.ctl = Ctl(CTL, self.run_dir, self.instance)
        self.write(configuration)

    def write(self, configuration):
        """Replaces the configuration file: a dict, or text as it stands."""
        if isinstance(configuration, dict):
            configuration = configurations.text({"instance": self.instance} | configuration)
        self.file.write_text(configuration)

    # Life

    def command(self):
        return [*self.prefix, self.program, "--config", self.file, "--run-dir", self.run_dir,
                "--state-dir", self.state_dir, *self.arguments]

    def start(self, timeout=30):
        """Starts it and waits until every worker polls with a snapshot."""
        assert pathlib.Path(self.program).exists(), f"no {self.program}: tools/build.sh build"
        start = self.namespace.start if self.namespace else processes.start
        with open(self.log_file, "ab") as log:
            self.process = start(self.command(), stdout=log, stderr=log)
        try:
            processes.wait_until(self._ready, timeout, "spillway is ready")
        except processes.Timeout as error:
            self.kill()
            raise processes.Timeout(f"{error}; its log:\n{self.log()}") from None
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"spillway ended with {self.process.returncode}:\n{self.log()}")
        with contextlib.suppress(OSError):
            status = self.ctl.status()
            workers = status["workers"]
            return status["running"] and workers and all(w["polls"] > 0 for w in workers)
        return False

    def wait_healthy(self, timeout=15):
        """Waits until all targets are in service and the workers know it."""
        def healthy():
            targets = self.ctl.targets().values()
            return all(target["takes_new_flows"] and target["state"] != "initial"
                       for target in targets) and self.applied()
        processes.wait_until(healthy, timeout, f"all targets are healthy; log:\n{self.log()}")
        return self

    def applied(self):
        """Every worker uses the newest generation."""
        status = self.ctl.status()
        return all(w["generation"] == status["generation"] for w in status["workers"])

    def wait_state(self, address, state, group="web", timeout=15):
        """Waits for a target's state, known to all workers; returns the target."""
        def reached():
            target = self.ctl.target(address, group)
            return target if target["state"] == state and self.applied() else None
        return processes.wait_until(reached, timeout, f"{address} is {state}")

    def reload(self, configuration=None, timeout=10):
        """SIGHUP, and waits until all workers use what it brought."""
        if configuration is not None:
            self.write(configuration)
        before = self.ctl.status()
        self.signal(signal.SIGHUP)

        def done():
            now = self.ctl.status()
            if now["reloads_refused"] > before["reloads_refused"]:
                raise AssertionError(f"reload refused: {now['last_reload_error']}")
            return now["reloads"] > before["reloads"] and self.applied()
        processes.wait_until(done, timeout, "the reload is applied")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def forget(self):
        """Removes the last figures, which a daemon leaves in shared memory for spillwayctl."""
        pathlib.Path(f"/dev/shm/spillway-{self.instance}").unlink(missing_ok=True)

    def stop(self, timeout=15):
        """SIGTERM; then everything must be as a clean run leaves it. Returns the last status."""
        if self.process.poll() is not None:
            raise AssertionError(f"spillway was gone already, status {self.process.returncode}:\n"
                                 f"{self.log()}")
        status = self.ctl.status()
        code = processes.stop(self.process, timeout)
        self.check_last_figures()
        log = self.log()
        assert code == 0, f"exit status {code} after SIGTERM:\n{log}"
        assert not _SANITIZER_REPORT.search(log), log
        self.check_mbufs(log)
        assert not (self.run_dir / f"{self.instance}.sock").exists(), "the socket is left behind"
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
            elif self.process:
                print(f"--- {self.log_file}:\n{self.log()[-20000:]}")
                with contextlib.suppress(Exception):
                    print(self.ctl.table("targets"), self.ctl.table("status"), sep="\n")
                processes.stop(self.process)
        finally:
            self.kill()
            self.forget()

    # What it says

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, pattern, timeout=10):
        return processes.wait_until(lambda: re.search(pattern, self.log()), timeout,
                                    f"/{pattern}/ in the log")

    # Laws

    def check_laws(self, timeout=3):
        """The counters' laws, per worker; while packets flow, figures may be a burst apart."""
        broken = []

        def hold():
            status = self.ctl.status()
            broken[:] = [law for worker in status["workers"] for law in broken_laws(worker)]
            return status if not broken else None
        try:
            return processes.wait_until(hold, timeout, "the counters obey their laws", 0.1)
        except processes.Timeout:
            raise AssertionError("; ".join(broken)) from None

    def check_last_figures(self):
        """The same once it has stopped: the segment stays, and its figures are exact."""
        status = json.loads(self.ctl.run("--json", "status").stdout)
        broken = [law for worker in status["workers"] for law in broken_laws(worker)]
        assert not broken, "; ".join(broken)

    @staticmethod
    def check_mbufs(log):
        """What the daemon says on its way out about every pool."""
        assert "every packet buffer is back in its pool" in log, log


def broken_laws(worker):
    """What does not add up in one worker's counters."""
    verdicts = worker["verdicts"]
    out = sum(count for name, count in verdicts.items() if name.startswith(("Forward", "Reply")))
    laws = {
        "received = sum of verdicts": (worker["received"], sum(verdicts.values())),
        "forwards + replies = sent + unsent": (out, worker["sent"] + worker["unsent"]),
        "flows alive = inserted - expired - removed": (
            worker["flows_alive"],
            worker["flows_inserted"] - worker["flows_expired"] - worker["flows_removed"]),
    }
    return [f"worker {worker['worker']}: {law}: {left} != {right}"
            for law, (left, right) in laws.items() if left != right]


def check(file):
    """spillway --check FILE."""
    return subprocess.run([PROGRAM, "--config", file, "--check"], capture_output=True, text=True,
                          timeout=20, check=False, stdin=subprocess.DEVNULL)
