#!/usr/bin/python3
"""Checks what the data path can call at all: no allocator, no lock, no system call.

usage: symbols.py BUILD     looks at BUILD's objects of dataplane/

What runs on a worker may use other such objects, what CALLED lists, and nothing else. Files whose
code control runs, before or beside the workers, are in BY_CONTROL with the reason; on a worker
nothing of them is called but what their headers have inline (which then is in the caller's object).
tests/sealed proves the same by running; this finds what no test's packet has met.

Prints each complaint as FILE: MESSAGE. Exit status: 0 none, 1 some, 2 bad usage.
"""

import pathlib
import subprocess
import sys

CALLED = {
    "bcmp", "memchr", "memcmp", "memcpy", "memmove", "memset", "strlen",  # compilers add them, too
    "_GLOBAL_OFFSET_TABLE_",  # no call: position-independent code
    "__stack_chk_fail",  # where the distribution builds with it: ends the process
}
BY_CONTROL = {
    "packet/address.cpp": "addresses as text: configuration, log and tools",
    "table/access_list.cpp": "builds a list for a new snapshot",
    "table/maglev.cpp": "builds a table for a new snapshot",
    "table/rss.cpp": "is built from what a NIC says at start",
    "table/weighted_schedule.cpp": "builds a schedule for a new snapshot",
}
LAST_WORDS = {
    "packet/contract.cpp": "a CHECK failed: it says so and ends the process",
}


def symbols(obj, kind):
    """The mangled names that an object needs ("--undefined-only") or has ("--defined-only")."""
    listing = subprocess.run(["nm", "--format=posix", kind, obj], capture_output=True, text=True,
                             check=True)
    return {line.split()[0] for line in listing.stdout.splitlines() if line.strip()}


def readable(names):
    done = subprocess.run(["c++filt", *sorted(names)], capture_output=True, text=True, check=True)
    return ", ".join(done.stdout.splitlines())


def source_of(obj):
    """path_expire.cpp.o → path/expire.cpp, as Meson names objects."""
    return obj.name.removesuffix(".o").replace("_", "/", 1)


def check(objects):
    """Complaints about the objects of one library: {source: path of the object}."""
    for name in sorted((BY_CONTROL | LAST_WORDS).keys() - objects.keys()):
        yield f"{name}: is an exception here, but there is no such object"
    on_workers = {name: obj for name, obj in objects.items() if name not in BY_CONTROL}
    known = set(CALLED)
    for obj in on_workers.values():
        known |= symbols(obj, "--defined-only")
    for name, obj in sorted(on_workers.items()):
        if name in LAST_WORDS:
            continue
        strange = symbols(obj, "--undefined-only") - known
        if strange:
            yield f"{name}: calls {readable(strange)}; a worker may not (docs/architecture.md)"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1]) / "dataplane" / "libdataplane.a.p"
    objects = {source_of(obj): obj for obj in folder.glob("*.o")}
    if not objects:
        print(f"no objects in {folder}", file=sys.stderr)
        return 2
    complaints = list(check(objects))
    for complaint in complaints:
        print(complaint)
    print(f"{len(complaints)} complaints" if complaints
          else f"nothing to complain about in {len(objects)} objects")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
