#!/usr/bin/python3
"""What tools/demo shows, step by step; each step asserts what it shows."""

import argparse
import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from stage import BrokenPromise, Stage  # noqa: E402
from support import clients, configuration, namespaces, processes, servers  # noqa: E402
from support.daemon import Daemon, broken_laws  # noqa: E402
from support.lab import URL, Lab  # noqa: E402

PICTURE = """
    client ────────────── front [ Spillway ] back ──┬── target1  nginx 10.0.1.11:8080
    198.51.100.1        listener 203.0.113.10:80    ├── target2  nginx 10.0.1.12:8080
                                                    └── target3  nginx 10.0.1.13:8080
"""
LOAD_CONNECTIONS = 32
DOWNLOAD_MEGABYTES = 32  # at 8 MB/s: long enough to drain a target meanwhile
CHECK = configuration.health_check(interval=0.5, timeout=0.5, healthy_threshold=2)


class Demo:
    """The lab and the balancer, and the five things to see."""

    def __init__(self, stage, lab, daemon, workplace):
        self.stage = stage
        self.lab = lab
        self.daemon = daemon
        self.workplace = workplace

    def targets_table(self):
        self.stage.command("spillwayctl targets")
        self.stage.block(self.daemon.ctl.table("targets"))

    def curl(self, requests, remark):
        """curl, one connection a request; {target: answers}."""
        self.stage.command(f'curl --header "Connection: close" "{URL}/?[1-{requests}]"', remark)
        return clients.curl_spread(self.lab.client, f"{URL}/", requests)

    def wrk(self, seconds, remark, headers=("Connection: close",)):
        words = "".join(f' -H "{header}"' for header in headers)
        self.stage.command(f"wrk -c {LOAD_CONNECTIONS} -d {seconds}s{words} {URL}/", remark)
        return clients.wrk(self.lab.client, f"{URL}/", seconds=seconds,
                           connections=LOAD_CONNECTIONS, headers=headers)

    def spread(self):
        self.stage.chapter("1. Requests are spread over the targets")
        answers = self.curl(300, "a new connection each")
        self.stage.promise(
            "failed" not in answers and sum(answers.values()) == 300
            and len(answers) == 3 and max(answers.values()) - min(answers.values()) <= 1,
            f"300 requests: {shares(answers)}")
        report = clients.wrk_report(self.wrk(3, "keep-alive", headers=()))
        self.stage.promise(report["failed"] == 0 and report["requests"] > 0,
                           f"{report['requests']:,} requests, {report['per_second']:,.0f} a "
                           f"second, {report['failed']} failed")
        self.targets_table()

    def death(self):
        self.stage.chapter("2. A target dies under load")
        load = self.wrk(5, "in the background, a new connection for each request")
        processes.wait_until(self.load_arrives(namespaces.target_address(2)), 5, "load on target2")
        self.stage.command(f"kill -9 {self.lab.nginx[1].process.pid}", "target2's nginx")
        self.lab.nginx[1].kill()
        killed = time.monotonic()
        target = self.daemon.wait_state(namespaces.target_address(2), "unhealthy")
        noticed = time.monotonic() - killed
        self.stage.promise(not target["takes_new_flows"],
                           f"out {noticed:.1f} s later: {target['reason']} ({target['detail']})")
        report = clients.wrk_report(load)
        self.stage.say(f"  meanwhile {report['failed']:,} of {report['requests']:,} requests "
                       "failed, all before the checks noticed, as the next run shows:")
        report = clients.wrk_report(self.wrk(3, "again, now that it is out"))
        self.stage.promise(report["failed"] == 0 and report["requests"] > 0,
                           f"{report['requests']:,} requests, {report['failed']} failed")
        self.targets_table()

    def load_arrives(self, address):
        before = self.daemon.ctl.target(address)["new_flows"]
        return lambda: self.daemon.ctl.target(address)["new_flows"] > before + 100

    def recovery(self):
        self.stage.chapter("3. It comes back")
        self.stage.command("nginx", "on target2")
        began = time.monotonic()
        self.lab.nginx[1].start()
        self.daemon.wait_state(namespaces.target_address(2), "healthy")
        self.stage.promise(True, f"healthy again {time.monotonic() - began:.1f} s later")
        answers = self.curl(300, "a new connection each")
        self.stage.promise("failed" not in answers and len(answers) == 3
                           and max(answers.values()) - min(answers.values()) <= 1,
                           f"300 requests: {shares(answers)}")

    def drain(self, digest):
        self.stage.chapter("4. A target is drained while it serves a download")
        self.stage.command(f"curl --output file {URL}/slow/file",
                           f"{DOWNLOAD_MEGABYTES} MB at 8 MB/s, in the background")
        download, name = self.start_download()
        number = int(name.removeprefix("target"))
        address = namespaces.target_address(number)
        self.stage.command(f"spillwayctl drain web {address}:8080", f"{name}, which serves it")
        self.daemon.ctl.run("drain", "web", f"{address}:8080")
        before = self.daemon.wait_state(address, "draining")
        answers = self.curl(300, "while it drains")
        now = self.daemon.ctl.target(address)
        self.stage.promise("failed" not in answers and name not in answers,
                           f"300 requests: {shares(answers)}, none on {name}")
        self.stage.promise(
            now["new_flows"] == before["new_flows"] and now["active_flows"] >= 1
            and download.poll() is None, "no new flow on it, and its download goes on:")
        self.targets_table()
        self.stage.promise(
            download.wait(60) == 0 and file_digest(self.workplace / "download") == digest,
            f"download complete, SHA-256 {digest[:16]}… is right")
        self.daemon.ctl.run("undrain", "web", f"{address}:8080")
        self.daemon.wait_state(address, "healthy")
        self.stage.command(f"spillwayctl undrain web {address}:8080", "and it serves again")

    def start_download(self):
        """(curl's process, name of the target that serves it)."""
        headers = self.workplace / "headers"
        download = self.lab.client.start(
            ["curl", "--silent", "--fail", "--max-time", "60", "--dump-header", headers,
             "--output", self.workplace / "download", f"{URL}/slow/file"])

        def serving():
            with contextlib.suppress(OSError):
                for line in headers.read_text().splitlines():
                    if line.startswith("X-Target: "):
                        return line.split()[1]
            return None
        return download, processes.wait_until(serving, 10, "the download begins")

    def counters(self):
        self.stage.chapter("5. Nothing is lost: every packet has its counter")
        status = self.daemon.check_laws()
        self.stage.command("spillwayctl status")
        self.stage.block(self.daemon.ctl.table("status"))
        laws = [law for worker in status["workers"] for law in broken_laws(worker)]
        self.stage.promise(not laws, f"{status['totals']['received']:,} packets received "
                                     "= the sum of what became of them")

    def stop(self):
        self.stage.command(f"kill {self.daemon.process.pid}", "SIGTERM")
        try:
            self.daemon.stop()
        except AssertionError as error:
            self.stage.promise(False, str(error))
        self.stage.promise(True, "stopped cleanly, every packet buffer is back in its pool")

    def keep(self):
        network = self.lab.network
        self.stage.chapter("Left running (--keep). In another terminal:")
        self.stage.command(f"ip netns exec {network.client.name} curl -i {URL}/")
        self.stage.command(" ".join(self.daemon.ctl.command("targets")))
        for number, target in enumerate(network.targets, 1):
            self.stage.command(f"ip netns exec {target.name} bash", f"a shell on target{number}")
        self.stage.command(f"less {self.daemon.file} {self.daemon.log_file}")
        self.stage.say("Ctrl-C here ends it and removes everything.")
        while self.daemon.process.poll() is None:
            time.sleep(0.5)
        raise BrokenPromise(f"spillway ended by itself, status {self.daemon.process.returncode}")


def shares(answers):
    return ", ".join(f"{name} {count}" for name, count in sorted(answers.items()))


def file_digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def start_daemon(stage, lab, options, workplace):
    """The first driver that works here, of those that may be used. Returns a running daemon."""
    drivers = [options.driver] if options.driver else ["af_xdp", "af_packet"]
    for driver in drivers:
        chosen = configuration.balanced(driver=driver, mode=options.mode, check=CHECK)
        daemon = Daemon(workplace / driver, chosen, lab.balancer, instance="demo")
        if driver == "af_packet":
            lab.network.silence()
        try:
            with stage.preparing("spillway") as done:
                daemon.start().wait_healthy()
                done(f"1 worker polls 2 DPDK ports (net_{driver}); mode {options.mode}, "
                     "round_robin; 3 targets healthy")
            return daemon
        except (RuntimeError, processes.Timeout) as error:
            daemon.kill()
            daemon.forget()
            if driver == drivers[-1]:
                raise BrokenPromise(f"spillway does not start on net_{driver}: {error}") from None
            stage.say(f"- net_{driver} is not possible here, trying net_{drivers[1]}: "
                      f"{last_error(daemon)}")
    raise AssertionError("no driver")


def last_error(daemon):
    lines = daemon.log().strip().splitlines() or ["no word about why"]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])


def run_in_namespaces(stage, options, workplace):
    with contextlib.ExitStack() as cleanup:
        with stage.preparing("network") as done:
            lab = cleanup.enter_context(Lab(workplace, serve=False))
            done(f"{len(lab.network.namespaces)} namespaces, wired with veth")
        with stage.preparing("servers") as done:
            lab.serve()
            digest = servers.make_file(lab.files / "file", DOWNLOAD_MEGABYTES)
            done("nginx on 3 targets, port 8080")
        daemon = start_daemon(stage, lab, options, workplace)
        cleanup.callback(daemon.forget)
        cleanup.callback(daemon.kill)
        demo = Demo(stage, lab, daemon, workplace)
        try:
            demo.spread()
            demo.death()
            demo.recovery()
            demo.drain(digest)
            demo.counters()
            if options.keep:
                demo.keep()
            demo.stop()
        except (AssertionError, BrokenPromise):
            stage.say("The daemon's last words:")
            stage.block("\n".join(daemon.log().splitlines()[-15:]))
            raise


def run_on_null_ports(stage, reason, workplace):
    """What can be shown without root or namespaces: the daemon, on ports that lead nowhere."""
    stage.say(f"This machine or user cannot have network namespaces: {reason}")
    stage.say("So there are no clients and servers to show. Instead: the daemon on DPDK's null")
    stage.say("ports, which receive as fast as they are asked; unprivileged, no NIC, no hugepages.")
    example = (ROOT / "config" / "examples" / "null.cfg").read_text()
    daemon = Daemon(workplace, example, instance="null")
    stage.chapter("The null PMD mode")
    stage.command("spillway --config config/examples/null.cfg")
    with daemon:
        stage.promise(True, "running; every worker polls")
        before = daemon.ctl.status()["totals"]["received"]
        time.sleep(2)
        received = daemon.ctl.status()["totals"]["received"] - before
        stage.promise(received > 0, f"{received / 2:,.0f} packets a second through the path")
        stage.command("spillwayctl --instance null status")
        stage.block(daemon.ctl.table("status"))
    stage.promise(True, "stopped cleanly, the laws hold, every packet buffer is back in its pool")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/demo", add_help=False)
    parser.add_argument("--mode", choices=("nat", "full_nat"), default="nat")
    parser.add_argument("--driver", choices=("af_xdp", "af_packet"))
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args(arguments)


def interrupt(*_):
    raise KeyboardInterrupt


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    stage = Stage()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="spillway-demo-") as name:
        workplace = pathlib.Path(name)
        try:
            reason = namespaces.impossible()
            if reason:
                run_on_null_ports(stage, reason, workplace)
            else:
                stage.line(PICTURE)
                run_in_namespaces(stage, options, workplace)
        except KeyboardInterrupt:
            stage.line("\nInterrupted; everything is removed.")
            return 130
        except (BrokenPromise, AssertionError, subprocess.SubprocessError) as error:
            stage.line(f"\nNot as promised: {error}")
            return 1
    stage.chapter(f"All {stage.promises_kept} promises kept, {time.monotonic() - began:.0f} s. "
                  "Everything is removed again.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
