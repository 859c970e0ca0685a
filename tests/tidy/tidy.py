#!/usr/bin/python3
"""Checks what a program can check of the code's shape.

usage: tidy.py [--root DIR]                rules.py for every file, and clang-format
       tidy.py [--root DIR] --headers BUILD  headers compile alone, with the flags of BUILD's
                                           compile_commands.json

Prints each complaint as FILE:LINE: MESSAGE. Exit status: 0 none, 1 some, 2 bad usage.
"""

import argparse
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import rules
from cpp_source import Source

ENDINGS = (".h", ".cpp", ".py", ".sh", ".build", ".cfg")
SCRIPTS = ("tools/demo", "tools/test")


def file_names(root):
    """Tracked and new files; in an exported tree without git, all."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=root, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        names = set(listing.stdout.splitlines())
    else:
        names = {str(path.relative_to(root)) for top in rules.TOP
                 for path in (root / top).rglob("*")}
    wanted = {name for name in names if name.startswith(tuple(top + "/" for top in rules.TOP))
              and (name.endswith(ENDINGS) or name in SCRIPTS)}
    return sorted(name for name in wanted if (root / name).is_file())


def read(root, name):
    return Source(name, (root / name).read_text(encoding="utf-8"))


def check_rules(root):
    for name in file_names(root):
        for line, message in rules.check(read(root, name)):
            yield f"{name}:{line}: {message}"


def check_format(root):
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not program:
        yield "clang-format is not installed (tools/packages.txt)"
        return
    # Golden cases are tables: they are laid out to be read, one step a line where it fits.
    names = [name for name in file_names(root) if name.endswith((".h", ".cpp"))
             and not name.startswith("tests/golden/")]
    done = subprocess.run([program, "--dry-run", *names], cwd=root, capture_output=True,
                          text=True, check=False)
    for name in sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning", done.stderr, re.MULTILINE))):
        yield f"{name}:1: run clang-format -i {name}"


def unproven_headers(root):
    """Those that no source file includes before everything else."""
    names = file_names(root)
    proven = set()
    for name in names:
        if name.endswith(".cpp"):
            proven |= {include.name for include in read(root, name).includes[:1]}
    return [name for name in names if name.endswith(".h") and name not in proven]


def flags_for(name, commands):
    """The compiler and flags of the source file that is nearest to the header."""
    def distance(command):
        common = 0
        for a, b in zip(name.split("/"), command["name"].split("/")):
            if a != b:
                break
            common += 1
        return -common
    command = min(commands, key=distance)
    words = shlex.split(command["command"])
    drop = {"-c", "-MD", command["file"]}
    result, skip = [], False
    for word in words:
        if not skip and word not in drop and word not in ("-MQ", "-MF", "-o"):
            result.append(word)
        skip = word in ("-MQ", "-MF", "-o")
    return result, command["directory"]


def check_headers(root, build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    for command in commands:
        file = (pathlib.Path(command["directory"]) / command["file"]).resolve()
        if file.is_relative_to(build.resolve()):  # several files together, for the target there
            command["name"] = command["output"]
        else:
            command["name"] = str(file.relative_to(root)) if file.is_relative_to(root) else ""
    commands = [command for command in commands if command["name"].endswith((".cpp", ".o"))]
    for name in unproven_headers(root):
        flags, directory = flags_for(name, commands)
        done = subprocess.run([*flags, "-fsyntax-only", "-x", "c++", "-"], cwd=directory,
                              input=f'#include "{name}"\n', capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            yield f"{name}:1: does not compile alone:\n{done.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--headers", type=pathlib.Path, metavar="BUILD")
    options = parser.parse_args()
    root = options.root.resolve()
    if options.headers:
        complaints = list(check_headers(root, options.headers))
    else:
        complaints = [*check_rules(root), *check_format(root)]
    for complaint in complaints:
        print(complaint)
    print(f"{len(complaints)} complaints" if complaints else "nothing to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
