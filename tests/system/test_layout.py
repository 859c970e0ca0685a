"""The shared memory's layout: Python's is that of the C header, and a change raises its version."""

import ctypes
import hashlib
import json
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import spillway_layout  # noqa: E402  (needs the path above)

# What the versions looked like, by fingerprint(); of one that was released, nothing may change.
RECORDED = {5: "054fb6ab87612940"}


def structures():
    """(C's name, Python's structure) of all that the layout consists of, but records in place."""
    for name, kind in vars(spillway_layout).items():
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure):
            yield f"spillway_{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}_t", kind


@pytest.fixture(scope="module")
def header_layout(tmp_path_factory):
    """{structure: {"size", "fields": {field: [offset, size]}}} as the C compiler sees it."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", '#include "spillway_segment.h"',
             "int main(void) {", 'printf("{");']
    for number, (name, kind) in enumerate(structures()):
        comma = "," if number else ""
        lines.append(f'printf("{comma}\\"{name}\\": {{\\"size\\": %zu, \\"fields\\": {{",'
                     f' sizeof({name}));')
        for place, field in enumerate(field for field, *_ in kind._fields_):
            comma = "," if place else ""
            lines.append(f'printf("{comma}\\"{field}\\": [%zu, %zu]", offsetof({name}, {field}),'
                         f' sizeof((({name} *)0)->{field}));')
        lines.append('printf("}}");')
    lines += [r'printf(", \"version\": %d}\n", SPILLWAY_LAYOUT_VERSION);', "return 0;", "}"]
    directory = tmp_path_factory.mktemp("layout")
    source, program = directory / "layout.c", directory / "layout"
    source.write_text("\n".join(lines))
    subprocess.run(["cc", "-std=c11", "-I", ROOT / "packaging" / "include", source, "-o", program],
                   check=True, timeout=60)
    return json.loads(subprocess.run([program], capture_output=True, check=True, timeout=10).stdout)


def test_python_s_layout_is_the_header_s(header_layout):
    assert len(list(structures())) == len(header_layout) - 1 >= 20
    for name, kind in structures():
        ours = {field: [getattr(kind, field).offset, getattr(kind, field).size]
                for field, *_ in kind._fields_}
        assert ours == header_layout[name]["fields"], name
        assert ctypes.sizeof(kind) == header_layout[name]["size"], f"{name}: a field is missing"


def test_a_change_of_the_layout_raises_its_version(header_layout):
    version = header_layout["version"]
    assert version == spillway_layout.LAYOUT_VERSION
    text = json.dumps(header_layout, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert RECORDED.get(version) == fingerprint, (
        f"the layout is another one: raise layout_version (docs/metrics.md), and record "
        f"{fingerprint!r} for it here; within a version only reserved counters may get names")
