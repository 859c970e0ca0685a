#!/usr/bin/python3
"""Runs the suites of test_suites.py and reports them; tools/test calls this.

Suites that measure, or share what the machine has once (huge pages, its CPUs), run alone. After
them the other programs run one by one, and beside them those of tests/e2e, some at a time: each
makes a network of its own, and waits most of the time. Of these, a few cases that fail beside the
others run once more, alone; what they printed is in the report either way.
"""

import argparse
import atexit
import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import test_suites  # noqa: E402
from test_results import Report, Result, count  # noqa: E402

ROOT = test_suites.ROOT
# What all of it may take; a suite that would begin later fails unrun.
DEADLINE_SECONDS = int(os.environ.get("SPILLWAY_TEST_SECONDS", 60 * 60))
E2E_AT_A_TIME = 3
# More failures than this are no accident of a crowded machine: nothing is run again.
UNSTEADY_MAX = 3


class Runner:
    """Runs commands with a bound on their time, and keeps what they print."""

    def __init__(self, report, logs):
        self.report = report
        self.logs = logs
        # Not beside the logs: a suite that gives up its rights may not come there.
        self.counts = pathlib.Path(tempfile.mkdtemp(prefix="spillway-counts-"))
        self.counts.chmod(0o755)
        atexit.register(shutil.rmtree, self.counts, ignore_errors=True)
        self.began = time.monotonic()
        self.running = set()
        self.speaking = threading.Lock()  # for the report

    def run(self, name, command, timeout, environment):
        """(exit status, None if it took too long; seconds; log file)."""
        log = self.logs / f"{file_name(name)}.log"
        began = time.monotonic()
        timeout = min(timeout, DEADLINE_SECONDS - (began - self.began))
        if timeout <= 0:
            log.write_text(f"not run: all of tools/test has {DEADLINE_SECONDS} s\n")
            return None, 0.0, log
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env=os.environ | environment, start_new_session=True)
            self.running.add(process)
            try:
                return *self.watch(process, name, began, timeout), log
            finally:
                self.running.discard(process)

    def watch(self, process, name, began, timeout):
        """(exit status, None if it took too long; seconds)."""
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            seconds = time.monotonic() - began
            if process.returncode is not None:
                return process.returncode, seconds
            with self.speaking:
                self.report.progress(name, seconds)
            if seconds > timeout:
                self.end(process)
                return None, seconds

    def end_running(self):
        for process in list(self.running):
            self.end(process)

    @staticmethod
    def end(process):
        """Ends a running suite: it may clean up, then it must go."""
        if process.poll() is not None:
            return
        for number, patience in ((signal.SIGINT, 20), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                return

    def build(self, build):
        """Makes a build; its Result has one case: that it compiles."""
        result = Result(f"build {build.name}")
        environment = {"CXX": build.compiler} if build.compiler else {}
        code, result.seconds, log = self.run(
            result.name, ["tools/build.sh", build.directory, *build.arguments], build.timeout,
            environment)
        if code == 0:
            result.passed = 1
        else:
            result.fail(build.remark, tail(log, 40) if code is not None else "took too long")
        self.report.add(result)
        return code == 0

    def suite(self, suite):
        """Runs it, reports it, and returns its Result."""
        result = Result(suite.name)
        xml = self.counts / f"{file_name(suite.name)}.xml"
        xml.write_bytes(b"")
        xml.chmod(0o666)  # some suites give up their rights before they report
        command = [*suite.command, f"--junitxml={xml}"] if suite.pytest else suite.command
        environment = {"GTEST_OUTPUT": f"xml:{xml}", "GTEST_COLOR": "no",
                       "SPILLWAY_BUILD": str(suite.build.directory)}
        code, result.seconds, log = self.run(
            suite.name, command, suite.timeout, suite.build.environment | environment
            | suite.environment)
        counted = count(result, xml)
        if code is None:
            result.fail("the suite", f"took longer than {result.seconds:.0f} s\n{tail(log, 40)}")
        elif code != 0 and not result.failed:
            # It crashed, a sanitizer spoke, or nothing could be collected.
            result.fail("the suite", f"exit status {code}\n{tail(log, 60)}")
        elif not counted:
            result.passed += 1  # a program that speaks by its exit status
        if os.environ.get("CI") == "true":
            refuse_skips(result)
        with self.speaking:
            self.report.add(result)
        return result

    def again(self, failed):
        """Runs what failed beside others once more, alone. `failed`: [(Suite, Result)]."""
        if not 0 < sum(result.failed for _, result in failed) <= UNSTEADY_MAX:
            return
        for suite, first in failed:
            # pytest names a case by module and name; a suite that did not come to its end, by none.
            names = [case.removeprefix(f"{suite.module}.") for case, _ in first.failures]
            if not all(case.startswith(f"{suite.module}.") for case, _ in first.failures):
                continue
            *command, file = suite.command
            second = self.suite(dataclasses.replace(
                suite, name=f"{suite.name}, again",
                command=(*command, *(f"{file}::{name}" for name in names))))
            first.settle(second)


def refuse_skips(result):
    """In CI a skip is a failure, unless it is on the list."""
    for case, reason in result.skips:
        excuse = next((why for part, why in test_suites.SKIPS_ALLOWED.items()
                       if part in case or part in reason), None)
        if excuse is None:
            result.skipped -= 1
            result.fail(case, f"skipped, which CI does not let pass: {reason}")
        else:
            print(f"  {case} may be skipped: {excuse}")
    result.skips = [(case, reason) for case, reason in result.skips
                    if case not in dict(result.failures)]


def tail(log, lines):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def file_name(name):
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/test", add_help=False)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--no-install", action="store_true")
    return parser.parse_args(arguments)


def chosen(name, options):
    return not options.only or any(part in name for part in options.only)


def run_all(runner, options):
    for build in test_suites.BUILDS:
        if build.name != "gcc" and not options.all:
            continue
        # A build is made if its own line was asked for, or may have suites that were.
        may_have = build.tests and (build.name == "gcc" or not options.only
                                    or any(build.name in part for part in options.only))
        if not (chosen(f"build {build.name}", options) or may_have):
            continue
        if not runner.build(build):
            continue
        suites = [one for one in test_suites.suites(build, soak=options.all)
                  if chosen(one.name, options)]
        for suite in suites:
            if suite.alone:
                runner.suite(suite)
        run_together(runner, [one for one in suites if not one.alone])


def run_together(runner, suites):
    """End to end in lanes of their own, the rest in one: that needs the CPU all the time."""
    end_to_end = [suite for suite in suites if suite.name.startswith("e2e")]
    programs = [suite for suite in suites if suite not in end_to_end]
    with concurrent.futures.ThreadPoolExecutor(1) as one, \
            concurrent.futures.ThreadPoolExecutor(E2E_AT_A_TIME) as some:
        try:
            others = [one.submit(runner.suite, suite) for suite in programs]
            results = [some.submit(runner.suite, suite) for suite in end_to_end]
            for done in (*others, *results):
                done.result()
        except BaseException:
            for pool in (one, some):
                pool.shutdown(wait=False, cancel_futures=True)
            runner.end_running()
            raise
    ended = zip(end_to_end, (done.result() for done in results), strict=True)
    runner.again([(suite, result) for suite, result in ended if result.failed])


def list_suites(options):
    for build in test_suites.BUILDS:
        print(f"build {build.name}: {build.remark}")
        if not build.tests:
            continue
        if not (build.directory / "build.ninja").exists():
            print("  (its suites are known when it is built)")
            continue
        for suite in test_suites.suites(build):
            if chosen(suite.name, options):
                print(f"  {suite.name}")


def main(arguments):
    options = parse(arguments)
    if options.list:
        list_suites(options)
        return 0
    logs = test_suites.BUILDS[0].directory / "test-logs"
    shutil.rmtree(logs, ignore_errors=True)
    report = Report()
    # The build script may make its directory anew: the logs of this run move in at its end.
    staging = logs.parent.with_name(logs.parent.name + "-test-logs")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    runner = Runner(report, staging)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report.begin()
    try:
        run_all(runner, options)
        if not report.results:
            print(f"no suite is called {' or '.join(options.only)}: tools/test --list")
            return 2
    except KeyboardInterrupt:
        print("\ninterrupted")
        return 130
    finally:
        runner.end_running()
        logs.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(staging, logs)
    return 1 if report.end(logs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
