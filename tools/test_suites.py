"""Which suites tools/test runs, on which builds.

A Build is a directory and how to make it; a Suite is a command that leaves a JUnit-like XML file,
or nothing but its exit status. Programs come from `meson introspect`, so a new one needs no entry
here; pytest suites are the test_*.py files of tests/system and tests/e2e.
"""

import dataclasses
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"

# Skips that CI lets pass: {part of the test's name or its reason: why that is all right}.
SKIPS_ALLOWED = {}


@dataclasses.dataclass(frozen=True)
class Build:
    """One build directory. `tests` are the kinds of suites that run on it."""

    name: str
    remark: str
    directory: pathlib.Path
    arguments: tuple = ()
    compiler: str = ""
    tests: tuple = ()
    environment: dict = dataclasses.field(default_factory=dict)
    timeout: int = 1800


@dataclasses.dataclass
class Suite:
    """One line of the report."""

    name: str
    build: Build
    command: tuple
    timeout: int
    pytest: bool = False
    alone: bool = False  # it measures, or needs what the machine has once
    environment: dict = dataclasses.field(default_factory=dict)

    @property
    def module(self):
        """By what pytest's report names the module of a pytest suite."""
        file = pathlib.Path(self.command[-1])
        return f"{file.parent.name}.{file.stem}"


def _directory(name):
    """build, build-asan, …; beside SPILLWAY_BUILD if that is set."""
    base = pathlib.Path(os.environ.get("SPILLWAY_BUILD", ROOT / "build")).resolve()
    return base.with_name(base.name + name)


# Parts of the names of suites that run alone; of the others, where the time goes: the longest begin
# first, or the last of them would run on its own.
ALONE = ("system", "prober cost", "many_targets")
LONG = ("model", "fail_open", "weights", "live_changes", "ipv6", "draining", "requests", "headers")
SOAK = {"SPILLWAY_SOAK": "1"}  # tests that are marked soak run too, and models for longer

SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
EVERYTHING = ("unit", "golden", "model", "sim", "system", "e2e", "tidy")

BUILDS = (
    Build("gcc", "release, warnings are errors", _directory(""), tests=EVERYTHING),
    Build("clang", "each file alone, warnings are errors", _directory("-clang"),
          ("--buildtype=plain", "-Dunity=off"), compiler="clang++-14"),
    Build("tsan", "ThreadSanitizer: dataplane and control", _directory("-tsan"),
          ("--buildtype=plain", "-Dcpp_args=-g1", "-Db_sanitize=thread", "-Dnic=false",
           "-Ddchecks=true"),
          tests=("unit", "golden", "model", "sim"), environment=SANITIZERS),
    Build("asan", "AddressSanitizer and UBSan", _directory("-asan"),
          ("--buildtype=plain", "-Dcpp_args=-g1", "-Db_sanitize=address,undefined",
           "-Ddchecks=true"),
          tests=("unit", "golden", "model", "sim", "system", "e2e"), environment=SANITIZERS),
)


def suites(build, soak=False):
    """The suites of a build that exists, in the order in which they begin."""
    found = [*_programs(build), *_pytest(build)]
    for suite in found:
        suite.alone = any(part in suite.name for part in ALONE)
        if soak:
            suite.environment = suite.environment | SOAK
            suite.timeout = suite.timeout * 10
    return sorted(found, key=lambda suite: not any(part in suite.name for part in LONG))


def _programs(build):
    """Test programs that meson knows; `meson test` itself does not count cases."""
    listing = subprocess.run(["meson", "introspect", "--tests", build.directory],
                             capture_output=True, text=True, check=True, timeout=60)
    found = []
    for test in json.loads(listing.stdout):
        kind = test["suite"][0].split(":")[-1] if test["suite"] else "unit"
        kind = kind if kind in EVERYTHING else "unit"
        if kind in build.tests:
            name = test["name"].removeprefix(kind).strip()
            found.append(Suite(_name(build, kind, name), build, tuple(test["cmd"]),
                               int(test["timeout"]) * 2, environment=dict(test["env"])))
    return sorted(found, key=lambda suite: EVERYTHING.index(suite.name.split()[0]))


def _pytest(build):
    found = []
    for kind in ("tidy", "system", "e2e"):
        if kind not in build.tests:
            continue
        for file in sorted((ROOT / "tests" / kind).glob("test_*.py")):
            command = (PYTHON, "-m", "pytest", "-q", "-c", str(ROOT / "tests" / "pytest.ini"),
                       str(file))
            found.append(Suite(_name(build, kind, file.stem.removeprefix("test_")), build, command,
                               240, pytest=True))
    return found


def _name(build, kind, name):
    words = [kind, name] if name else [kind]
    return " ".join(words if build.name == "gcc" else [*words, f"({build.name})"])
