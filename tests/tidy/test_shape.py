"""The rules of this code's shape that a program can check: who includes whom, sizes, words."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Who may include whom (docs/architecture.md). A folder may always include itself.
MAY_INCLUDE = {
    "dataplane/packet": set(),
    "dataplane/table": {"dataplane/packet"},
    "dataplane/path": {"dataplane/packet", "dataplane/table", "dataplane"},
    "dataplane": {"dataplane/packet", "dataplane/table", "dataplane/path"},
    "config": {"dataplane/packet", "dataplane/table", "dataplane"},
    "nic": {"dataplane/packet", "dataplane/table", "dataplane/path", "dataplane"},
    "report": {"dataplane/packet", "dataplane/table", "dataplane"},
    "control": {"config", "nic", "report", "dataplane/packet", "dataplane/table", "dataplane/path",
                "dataplane"},
    "tools": {"config", "report", "dataplane/packet", "dataplane/table", "dataplane/path",
              "dataplane"},
}
# A packet carries the id of the port it came by.
EXCEPTIONS = {("dataplane/packet/packet.h", "dataplane/table/ids.h")}
TOP = ("dataplane", "config", "nic", "report", "control", "tools", "tests")
REFUSED_NAMES = re.compile(r"(^|_)(util|utils|common|helper|helpers|misc|manager|impl)(_|$)")


def files(*endings):
    """Tracked and new files of the project with these endings."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.splitlines()
    else:  # an exported tree without git
        names = [str(path.relative_to(ROOT)) for top in TOP for path in (ROOT / top).rglob("*")]
    found = [ROOT / name for name in names if name.endswith(endings) and name.startswith(TOP)]
    return sorted(path for path in found if path.is_file())


def lines(path):
    return enumerate(path.read_text(encoding="utf-8").splitlines(), 1)


def where(path, number=None):
    name = str(path.relative_to(ROOT))
    return f"{name}:{number}" if number else name


def folder(name):
    """The part of the project that a file belongs to, as MAY_INCLUDE knows it."""
    parts = name.split("/")
    two = "/".join(parts[:2])
    return two if two in MAY_INCLUDE else parts[0]


def test_includes_follow_the_layers():
    wrong = []
    for path in files(".h", ".cpp"):
        owner = folder(str(path.relative_to(ROOT)))
        if owner == "tests":
            continue
        for number, line in lines(path):
            included = re.match(r'#include "([^"]+)"', line)
            if not included:
                continue
            name = included[1]
            if not name.startswith(TOP):
                wrong.append(f"{where(path, number)}: {name} is not relative to the project's root")
            elif (where(path), name) in EXCEPTIONS:
                continue
            elif folder(name) not in MAY_INCLUDE[owner] | {owner}:
                wrong.append(f"{where(path, number)}: {owner} may not include {name}")
    assert not wrong, "\n".join(wrong)


def test_dataplane_is_free_of_dpdk_and_the_system():
    refused = re.compile(r"#include <(rte_|sys/|unistd|netinet|iostream|thread|mutex|asio|boost)"
                         r"|\b(throw|try|catch)\b(?=[^\"]*$)")
    wrong = [f"{where(path, number)}: {line.strip()}" for path in files(".h", ".cpp")
             if where(path).startswith("dataplane/")
             for number, line in lines(path) if refused.search(line.split("//")[0])]
    assert not wrong, "\n".join(wrong)


def test_headers_say_what_they_are():
    wrong = [where(path) for path in files(".h")
             if not path.read_text().startswith("// ") or "#pragma once" not in path.read_text()]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_too_long():
    wrong = []
    for path in files(".h", ".cpp", ".py", ".sh", "/demo", "/test"):
        content = list(lines(path))
        if len(content) >= 500:
            wrong.append(f"{where(path)}: {len(content)} lines")
        wrong += [f"{where(path, number)}: {len(line)} columns"
                  for number, line in content if len(line) > 100]
    assert not wrong, "\n".join(wrong)


def test_clang_format_has_nothing_to_say():
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not program:
        pytest.skip("clang-format is not installed")
    done = subprocess.run([program, "--dry-run", *files(".h", ".cpp")], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+):\d+:\d+: warning", done.stderr, re.MULTILINE)))
    assert not wrong, "clang-format -i " + " ".join(wrong)


def test_names_hold_one_idea():
    wrong = [where(path) for path in files(".h", ".cpp", ".py") if REFUSED_NAMES.search(path.stem)]
    assert not wrong, "\n".join(wrong)


def test_words_that_are_not_ours():
    refused = re.compile(r"std::format\b|#include <format>|\bvolatile\b|\busing namespace std;")
    wrong = [f"{where(path, number)}: {line.strip()}" for path in files(".h", ".cpp")
             for number, line in lines(path) if refused.search(line.split("//")[0])]
    # An lcore is DPDK's word for what everybody else here calls a worker.
    wrong += [f"{where(path, number)}: {line.strip()}" for path in files(".h", ".cpp")
              if not where(path).startswith(("nic/", "tests/"))
              for number, line in lines(path) if "lcore" in re.sub(r'"(\\.|[^"\\])*"', "", line).lower().split("//")[0]]
    assert not wrong, "\n".join(wrong)


def test_no_trailing_space_or_tab():
    wrong = [where(path, number) for path in files(".h", ".cpp", ".py", ".sh", ".build", ".cfg")
             for number, line in lines(path) if line != line.rstrip() or "\t" in line]
    assert not wrong, "\n".join(wrong)
