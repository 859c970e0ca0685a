"""symbols.py's own test: it finds what a worker may not call, and who is excused."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import symbols  # noqa: E402  (needs the path above)

EXCUSED = {**symbols.BY_CONTROL, **symbols.LAST_WORDS}


@pytest.fixture
def library(tmp_path):
    """Compiles {source: text} into objects named as Meson names them; the excused are empty."""
    def compiled(texts):
        for name, text in {**dict.fromkeys(EXCUSED, ""), **texts}.items():
            obj = tmp_path / (name.replace("/", "_") + ".o")
            subprocess.run(["c++", "-std=c++20", "-O2", "-x", "c++", "-c", "-o", obj, "-"],
                           input=text, text=True, check=True)
        return {symbols.source_of(obj): obj for obj in tmp_path.glob("*.o")}
    return compiled


@pytest.mark.parametrize("text, name", [
    ("#include <cstdlib>\nvoid* f() { return std::malloc(8); }\n", "malloc"),
    ("int* f(int n) { return new int[n]; }\n", "operator new"),
    ("#include <vector>\nvoid f(std::vector<int>& v) { v.push_back(1); }\n", "operator new"),
    ("#include <mutex>\nvoid f(std::mutex& m) { m.lock(); }\n", "pthread_mutex_lock"),
    ("#include <unistd.h>\nint f() { return getppid(); }\n", "getppid"),
    ("#include <ctime>\nlong f() { return std::time(nullptr); }\n", "time"),
    ("int f() { static int once = *new int; return once; }\n", "__cxa_guard_acquire"),
])
def test_finds(library, text, name):
    found = list(symbols.check(library({"path/find.cpp": text})))
    assert len(found) == 1, found
    assert found[0].startswith("path/find.cpp: calls ")
    assert name in found[0]


def test_leaves_alone_what_stays_inside(library):
    assert not list(symbols.check(library({
        "path/path.cpp": "void find();\nvoid run() { find(); }\n",
        "path/find.cpp": "#include <cstring>\nchar a[99], b[99]; long n = 99;\n"
                         "void find() { std::memcpy(a, b, static_cast<unsigned long>(n)); }\n",
    })))


def test_what_control_builds_may_allocate_but_no_worker_calls_it(library):
    builder = "int* build(int n) { return new int[n]; }\n"
    excused = {"table/maglev.cpp": builder}
    assert not list(symbols.check(library(excused)))
    found = list(symbols.check(library({
        **excused, "path/choose.cpp": "int* build(int n);\nint f() { return *build(3); }\n"})))
    assert found == ["path/choose.cpp: calls build(int); a worker may not (docs/architecture.md)"]


def test_an_excuse_that_nobody_needs_is_told(library):
    objects = library({})
    del objects["table/maglev.cpp"]
    assert list(symbols.check(objects)) == [
        "table/maglev.cpp: is an exception here, but there is no such object"]


def test_refuses_a_folder_without_objects(tmp_path):
    done = subprocess.run([sys.executable, str(HERE / "symbols.py"), str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no objects" in done.stderr
