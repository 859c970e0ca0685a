"""Reads what a suite left (gtest's and pytest's XML), counts it, and prints it for people."""

import dataclasses
import os
import sys
import time
import xml.etree.ElementTree as ElementTree

FAILURE_LINES = 60


@dataclasses.dataclass
class Result:
    """What became of one suite."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: list = dataclasses.field(default_factory=list)  # (case, text)
    skips: list = dataclasses.field(default_factory=list)  # (case, reason)
    unsteady: list = dataclasses.field(default_factory=list)  # failures that a second run had not

    def fail(self, case, text):
        self.failed += 1
        self.failures.append((case, text))

    def settle(self, second):
        """Of what failed, a second run has passed some, which it counts; the rest counts here."""
        if second.passed + second.failed != self.failed:
            return  # it was not those cases that ran
        again = {case for case, _ in second.failures}
        self.unsteady = [failure for failure in self.failures if failure[0] not in again]
        self.failures = [failure for failure in self.failures if failure[0] in again]
        self.failed = len(self.failures)
        second.failures, second.failed = [], 0


def count(result, xml_file):
    """Adds the cases of an XML file to a result. False if there is none, or not a whole one."""
    try:
        document = ElementTree.parse(xml_file)
    except (OSError, ElementTree.ParseError):
        return False
    for case in document.iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        failures = case.findall("failure") + case.findall("error")
        skip = case.find("skipped")
        if failures:
            result.fail(name, "\n".join(_text(failure) for failure in failures) + _output(case))
        elif skip is not None or case.get("status") == "notrun":
            result.skipped += 1
            result.skips.append((name, _text(skip) if skip is not None else "disabled"))
        else:
            result.passed += 1
    return True


def _text(element):
    message, text = element.get("message") or "", (element.text or "").strip()
    return text if message.split("\n")[0] in text else f"{message}\n{text}".strip()


def _output(case):
    """What the case printed (pytest keeps it for those that failed)."""
    parts = [case.find(name) for name in ("system-out", "system-err")]
    return "".join(f"\n{part.text.strip()}" for part in parts if part is not None and part.text)


class Report:
    """The table on standard output: a line per suite as it ends, then failures, then the sum."""

    def __init__(self):
        self.results = []
        self.live = sys.stdout.isatty()
        self.colours = self.live and "NO_COLOR" not in os.environ
        self.said_at = time.monotonic()

    def begin(self):
        print(f"  {'suite':<34}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}", flush=True)

    def progress(self, name, seconds):
        """While a suite runs: a changing line, or now and then a word for a log."""
        if self.live:
            print(f"\r\033[K  {name:<34} … {seconds:.0f} s", end="", flush=True)
        elif time.monotonic() - self.said_at > 60:
            self.said_at = time.monotonic()
            print(f"  … {name} runs, {seconds:.0f} s", flush=True)

    def add(self, result):
        self.results.append(result)
        line = (f"  {result.name:<34}{result.passed:>8}{result.failed:>8}{result.skipped:>9}"
                f"{result.seconds:>9.1f}")
        if self.live:
            print("\r\033[K", end="")
        print(f"\033[31m{line}\033[0m" if result.failed and self.colours else line, flush=True)
        self.said_at = time.monotonic()

    def end(self, logs):
        """Prints what failed and was skipped, and the last line. Returns how many failed."""
        for result in self.results:
            for case, text in result.failures:
                _show(f"FAILED {result.name}: {case}", text)
            for case, text in result.unsteady:
                _show(f"UNSTEADY {result.name}: {case}: failed beside others, passed alone", text)
        skips = [(result.name, *skip) for result in self.results for skip in result.skips]
        if skips:
            print("\nskipped:")
            for name, case, reason in skips:
                first_line = (reason or "no reason given").splitlines()[0]
                print(f"  {name}: {case}: {first_line}")
        passed, failed, skipped = (sum(getattr(result, what) for result in self.results)
                                   for what in ("passed", "failed", "skipped"))
        unsteady = sum(len(result.unsteady) for result in self.results)
        if failed or unsteady:
            print(f"\nlogs: {logs}")
        remark = f" ({unsteady} of those passed only alone: see UNSTEADY)" if unsteady else ""
        print(f"\n{passed} passed{remark}, {failed} failed, {skipped} skipped", flush=True)
        return failed


def _show(title, text):
    lines = text.splitlines()
    print(f"\n--- {title}", *lines[:FAILURE_LINES], sep="\n")
    if len(lines) > FAILURE_LINES:
        print(f"… {len(lines) - FAILURE_LINES} more lines")
