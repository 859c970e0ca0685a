"""The rules. Each yields its complaints about one file; CHECKS lists them. Why each rule exists is
told in docs/architecture.md and docs/decisions.md; the messages say what to do."""

import re

LINE_MAX = 100
FILE_MAX = 500
FUNCTION_MAX = 70
NESTING_MAX = 3

TOP = ("config", "control", "dataplane", "nic", "tests", "tools")

# A layer is named by the folders or files that it consists of; the first that fits counts.
LAYERS = {
    "packet": ("dataplane/packet/",),
    "table": ("dataplane/table/",),
    "path": ("dataplane/path/",),
    "core": ("dataplane/burst.h", "dataplane/core.h", "dataplane/counter.h",
             "dataplane/counters.h", "dataplane/flow_histograms.h", "dataplane/histogram.h",
             "dataplane/flow_query.h", "dataplane/record.h", "dataplane/flow_log.h",
             "dataplane/spsc_ring.h", "dataplane/capture.h"),
    "worker": ("dataplane/",),
    "config": ("config/",),
    "nic": ("nic/",),
    "report": ("tools/report/",),
    "explain": ("tools/explain/",),
    "control": ("control/",),
    "tools": ("tools/",),
    "tests": ("tests/",),
    "interface": ("packaging/include/",),  # in C; only tests hold it against ours
}
MAY_INCLUDE = {
    "packet": set(),
    "table": {"packet"},
    "core": {"packet", "table"},
    "path": {"packet", "table", "core"},
    "worker": {"packet", "table", "core", "path"},
    "config": {"packet", "table"},
    "nic": {"packet", "table", "core", "worker"},
    "report": {"packet", "table", "core", "worker"},
    "explain": {"packet", "table", "core", "worker", "path", "config", "report"},
    "control": {"packet", "table", "core", "worker", "config", "nic", "report", "explain"},
    "tools": {"packet", "table", "core", "worker", "path", "config", "report", "explain"},
    "tests": set(LAYERS),
}
EXCEPTIONS = {
    ("dataplane/packet/packet.h", "dataplane/table/ids.h"),  # a packet carries its port's id
    # What a core owns and a verb writes.
    ("dataplane/core.h", "dataplane/path/turns.h"),
    ("dataplane/core.h", "dataplane/path/missing_hops.h"),
    ("dataplane/core.h", "dataplane/path/punt_meters.h"),
    ("dataplane/core.h", "dataplane/path/error_meter.h"),
    ("dataplane/core.h", "dataplane/path/places.h"),
    ("dataplane/core.h", "dataplane/path/waiting_room.h"),
}

# dataplane/ does not talk to the system: time, randomness and I/O are its arguments.
SYSTEM_HEADERS = re.compile(
    r"(rte_|sys/|net/|netinet/|arpa/|linux/|boost/|nlohmann/|fmt/|spdlog/)"
    r"|(unistd\.h|fcntl\.h|poll\.h|chrono|ctime|random|iostream|fstream|filesystem|thread"
    r"|mutex|shared_mutex|condition_variable|future)$")
SYSTEM_EXCEPTIONS = {
    ("dataplane/packet/address.cpp", "arpa/inet.h"),  # IPv6 as text: inet_pton asks nobody
}
ATOMICS = {"dataplane/publication.h", "dataplane/counter.h", "dataplane/segment.h",
           "dataplane/counters.h", "dataplane/flow_histograms.h", "dataplane/capture.h",
           "dataplane/flow_query.h", "dataplane/record.h", "dataplane/table/sticky_table.h",
           "dataplane/table/sticky_table.cpp", "dataplane/table/connection_limits.h",
           "dataplane/table/surge_queue.h", "dataplane/spsc_ring.h"}

FILE_WORDS = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "base", "impl",
              "stuff"}
# Refused because each names several things, or one that has a name here already.
WORDS = {
    "util": "a noun", "utils": "a noun", "helper": "a noun", "helpers": "a noun",
    "manager": "a noun", "misc": "a noun",
    "vip": "listener", "vserver": "listener", "backend": "target", "backends": "target",
    "upstream": "target", "conn": "flow", "conns": "flow", "session": "flow",
    "sessions": "flow", "pool": "target_group", "lcore": "worker", "lcores": "worker",
}
NIC_WORDS = {"pool", "lcore", "lcores"}  # DPDK's own, where DPDK is spoken


def layer_of(name):
    for layer, places in LAYERS.items():
        if any(name.startswith(place) for place in places):
            return layer
    return None


def includes(source):
    owner = layer_of(source.name)
    for include in source.includes:
        if include.system:
            continue
        target = layer_of(include.name)
        if target is None or ".." in include.name:
            yield include.line, f'"{include.name}" is not relative to the project\'s root'
        elif (source.name, include.name) in EXCEPTIONS:
            continue
        elif target != owner and target not in MAY_INCLUDE[owner]:
            yield include.line, f"{owner} may not include {include.name}, which is {target}"


def own_header_first(source):
    """So that each header with a source file is known to compile alone."""
    if not source.name.endswith(".cpp") or source.name.startswith("tests/"):
        return
    own = source.name.removesuffix(".cpp") + ".h"
    quoted = [include for include in source.includes if not include.system]
    if own in (include.name for include in quoted) and source.includes[0].name != own:
        yield source.includes[0].line, f'"{own}" comes first: that proves it includes what it needs'


def system_headers(source):
    dpdk = source.name.startswith(("nic/", "tests/unit/nic/", "tests/system/nic/"))
    for include in source.includes:
        if not include.system:
            continue
        if (source.name, include.name) in SYSTEM_EXCEPTIONS:
            continue
        if source.name.startswith("dataplane/") and SYSTEM_HEADERS.match(include.name):
            yield include.line, f"dataplane may not include <{include.name}>"
        elif include.name.startswith("rte_") and not dpdk:
            yield include.line, f"only nic/ may include <{include.name}>"
        elif include.name in ("format", "expected", "source_location"):
            yield include.line, f"<{include.name}> is not in GCC 12 or not in clang 14"
        elif include.name == "ranges" and source.name.startswith(("dataplane/", "config/")):
            yield include.line, "clang 14 cannot compile the views of <ranges>"


TOKENS = (
    (re.compile(r"\bstd::format\b"), ("",), "std::format is not in GCC 12: use fmt"),
    (re.compile(r"\bvolatile\b"), ("",), "volatile orders nothing: use a Counter or a Publication"),
    (re.compile(r"\busing namespace std\s*;"), ("",), "using namespace std hides names' origin"),
    (re.compile(r"\b(throw|try|catch)\b"), ("dataplane/",), "dataplane has no exceptions"),
    (re.compile(r"\bvirtual\b"), ("dataplane/",), "dataplane has no inheritance"),
)


def tokens(source):
    for number, line in enumerate(source.code_lines, 1):
        for pattern, places, message in TOKENS:
            if source.name.startswith(places) and pattern.search(line):
                yield number, message
        if (source.name.startswith("dataplane/") and source.name not in ATOMICS
                and re.search(r"\bstd::(atomic|memory_order)", line)):
            yield number, "std::atomic in dataplane/ belongs into " + ", ".join(sorted(ATOMICS))


def words(source):
    own = NIC_WORDS if "nic/" in source.name else set()
    for number, line in enumerate(source.code_lines, 1):
        if line.lstrip().startswith("#"):
            continue
        for identifier in re.findall(r"(?<![\w:])[A-Za-z_]\w*", line):  # qualified: a library's
            if identifier.startswith(("nghttp2_", "SSL_")):
                continue  # as good as qualified
            parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower().split("_")
            for part in set(parts) & set(WORDS) - own:
                yield number, f"{identifier}: our word for {part} is {WORDS[part]}"


def header_shape(source):
    if not source.name.endswith(".h"):
        return
    if not source.text.startswith("//"):
        yield 1, "a header begins with what it is, who writes and reads it, and what bounds it"
    if not re.search(r"^#pragma once$", source.text, re.MULTILINE):
        yield 1, "no #pragma once"
    for number, line in enumerate(source.code_lines, 1):
        if re.match(r"\s*using namespace\b", line):
            yield number, "using namespace in a header"


def namespaces(source):
    """One namespace for each top folder; what is declared ahead of a library's is the library's."""
    top = source.name.split("/")[0]
    if top == "tests":
        return
    for layer in ("report", "explain"):  # layers of their own, which control uses too
        if source.name.startswith(f"tools/{layer}/"):
            top = layer
    for number, line in enumerate(source.code_lines, 1):
        found = re.match(r"(?:inline )?namespace (\w[\w:]*)", line)
        if not found or "=" in line or found[1].split("::")[0] in (top, "boost", "std"):
            continue
        inside = any(re.match(rf"namespace {top}\b", before)
                     for before in source.code_lines[:number - 1])
        if not inside:
            yield number, f"namespace {found[1]} in {top}/"


def functions(source):
    for function in source.functions:
        if function.lines > FUNCTION_MAX:
            yield (function.line, f"function of {function.lines} lines: above {FUNCTION_MAX} it "
                                  "holds two ideas")
        if function.nesting > NESTING_MAX:
            yield (function.line, f"function with blocks {function.nesting} deep; at most "
                                  f"{NESTING_MAX}")


def sizes(source):
    if len(source.lines) > FILE_MAX:
        yield 1, f"{len(source.lines)} lines: above {FILE_MAX} a file holds two ideas"
    for number, line in enumerate(source.lines, 1):
        if len(line) > LINE_MAX and number not in source.drawn:
            yield number, f"{len(line)} columns; at most {LINE_MAX}"


def white_space(source):
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip() and number not in source.drawn:
            yield number, "space at the end of the line"
        if "\t" in line:
            yield number, "a tab"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "no newline at the end"


def todos(source):
    for number, line in enumerate(source.lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line):
            yield number, "a TODO names its issue: TODO(#12)"


def file_names(source):
    stem = source.name.split("/")[-1].split(".")[0]
    refused = set(re.split(r"[_-]", stem.lower())) & FILE_WORDS
    if refused:
        yield 1, f"a file is named for the one thing it holds, not {', '.join(refused)}"
    if source.name.endswith((".h", ".cpp")) and not re.fullmatch(r"[a-z0-9_]+", stem):
        yield 1, "file names are snake_case"


EVERY_FILE = (sizes, white_space, file_names)
CPP = (includes, own_header_first, system_headers, tokens, words, header_shape, namespaces,
       functions, todos)


def check(source):
    """Every complaint about one file, as (line, message)."""
    rules = EVERY_FILE + (CPP if source.name.endswith((".h", ".cpp")) else ())
    for rule in rules:
        yield from rule(source)
