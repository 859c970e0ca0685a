"""tidy's own test: each rule finds what it is for, and leaves alone what is right."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import rules  # noqa: E402  (needs the path above)
import tidy  # noqa: E402
from cpp_source import Source  # noqa: E402

HEADER = "// What it is.\n#pragma once\n"


def complaints(name, text):
    return [message for _, message in rules.check(Source(name, text))]


@pytest.mark.parametrize("name, text, expected", [
    # who includes whom
    ("dataplane/packet/a.h", '#include "dataplane/table/flow.h"\n', "packet may not include"),
    ("dataplane/table/a.h", '#include "dataplane/path/path.h"\n', "table may not include"),
    ("dataplane/path/a.h", '#include "dataplane/publication.h"\n', "path may not include"),
    ("config/a.h", '#include "dataplane/core.h"\n', "config may not include"),
    ("nic/a.h", '#include "config/config.h"\n', "nic may not include"),
    ("tools/report/a.h", '#include "control/log.h"\n', "report may not include"),
    ("tools/explain/a.h", '#include "control/log.h"\n', "explain may not include"),
    ("control/a.h", '#include "tools/x.h"\n', "control may not include"),
    ("tools/a.h", '#include "nic/port.h"\n', "tools may not include"),
    ("nic/a.h", '#include "port.h"\n', "not relative to the project's root"),
    ("nic/a.h", '#include "nic/../config/config.h"\n', "not relative to the project's root"),
    # what of the system
    ("dataplane/a.h", "#include <thread>\n", "dataplane may not include"),
    ("dataplane/path/a.h", "#include <rte_mbuf.h>\n", "dataplane may not include"),
    ("control/a.h", "#include <rte_ethdev.h>\n", "only nic/ may include"),
    ("control/a.h", "#include <format>\n", "not in GCC 12"),
    ("config/a.h", "#include <ranges>\n", "clang 14 cannot"),
    # words
    ("control/a.h", "int x = std::format();\n", "use fmt"),
    ("control/a.h", "volatile int x;\n", "volatile orders nothing"),
    ("dataplane/a.h", "void f() { throw 1; }\n", "no exceptions"),
    ("dataplane/a.h", "std::atomic<int> x;\n", "belongs into"),
    ("dataplane/a.h", "struct A { virtual void f(); };\n", "no inheritance"),
    ("control/a.h", "int backend_count;\n", "our word for backend is target"),
    ("control/a.h", "struct ConnTable {};\n", "our word for conn is flow"),
    ("control/a.h", "int lcore;\n", "our word for lcore is worker"),
    ("control/a.h", "struct StringUtils {};\n", "our word for utils"),
    # headers
    ("control/a.h", "#pragma once\n", "begins with what it is"),
    ("control/a.h", "// What it is.\nint x;\n", "no #pragma once"),
    ("control/a.h", "using namespace std::chrono;\n", "using namespace in a header"),
    ("control/a.h", "namespace nic {\n}\n", "namespace nic in control/"),
    # sizes and white space
    ("control/a.h", "// " + "x" * 98 + "\n", "101 columns"),
    ("control/a.py", "x" * 101 + "\n", "101 columns"),
    ("control/a.cpp", 'auto text = R"(x)";\n// ' + "x" * 98 + "\n", "101 columns"),
    ("control/a.py", "\n" * 501, "501 lines"),
    ("control/a.cfg", "a \n", "space at the end"),
    ("control/meson.build", "\ta\n", "a tab"),
    ("control/a.h", "int x;", "no newline"),
    ("control/a.h", "// TODO: later\n", "names its issue"),
    ("control/string_utils.h", HEADER, "named for the one thing"),
    ("control/Judge.h", HEADER, "snake_case"),
])
def test_finds(name, text, expected):
    found = complaints(name, text)
    assert any(expected in message for message in found), found


@pytest.mark.parametrize("name, text", [
    ("dataplane/packet/packet.h", HEADER + '#include "dataplane/table/ids.h"\n'),
    ("dataplane/worker.h", HEADER + '#include "dataplane/path/path.h"\n'),
    ("dataplane/counters.h", HEADER + "std::atomic<int> x;\n"),
    ("nic/a.h", HEADER + "#include <rte_mbuf.h>\nint lcore; mbuf_pool* pool;\n"),
    ("tests/unit/a.cpp", '#include "control/daemon.h"\n#include "nic/port.h"\n'),
    ("control/a.h", HEADER + "// throw, volatile, backend: a comment may say it\n"),
    ("control/a.h", HEADER + 'auto text = "volatile backend std::format(";\n'),
    ("control/a.h", HEADER + "auto n = 1'000'000; volatile_ = 2;\n"),
    ("control/a.h", HEADER + "namespace boost::asio {\nclass io_context;\n}\n"),
    ("control/a.h", HEADER + "// TODO(#12): IPv6\n"),
    ("config/a.h", HEADER + '#include "dataplane/table/ids.h"\n'),
    ("control/a.cpp", "auto text = R\"(\n" + "x" * 101 + " \n)\";\n"),
    ("tests/a.cpp", "// clang-format off\n\"" + "x" * 101 + "\"\n// clang-format on\n"),
])
def test_leaves_alone(name, text):
    assert not complaints(name, text)


def functions(text):
    return [(function.line, function.lines, function.nesting)
            for function in Source("control/a.cpp", text).functions]


def test_measures_functions():
    assert functions("void f() {\n}\n") == [(1, 2, 0)]
    assert functions("namespace a {\nstruct B {\n  int f() const {\n    return 1;\n  }\n};\n}\n") \
        == [(3, 3, 0)]
    assert functions("template <class T>\nT g(T t) {\n  return t;\n}\n") == [(1, 4, 0)]
    # initialisers, lambdas, arrays and types are no functions
    assert functions("int a[] = {1, 2};\nauto l = [] { return 1; };\nenum class E { A };\n") == []
    assert functions("auto f() -> std::pair<int, int> {\n  return {1, 2};\n}\n") == [(1, 3, 0)]


def test_measures_constructors_with_member_initialisers():
    text = "A::A(int x)\n    : a_(x), b_{x, 2}, c_{} {\n  for (;;) {\n  }\n}\n"
    assert functions(text) == [(1, 5, 1)]


def test_measures_nesting():
    text = ("void f() {\n  for (int i = 0; i < 3; ++i) {\n    if (i) {\n      while (i) {\n"
            "        switch (i) {\n          case 1: {\n          }\n        }\n      }\n    }\n"
            "  }\n  struct L { int x{}; };\n  auto g = [&](int y) { if (y) { return; } };\n}\n")
    assert [nesting for _, _, nesting in functions(text)] == [4]
    assert any("blocks 4 deep" in message for message in complaints("tests/a.cpp", text))


def test_finds_long_functions():
    body = "  f();\n" * 69
    assert any("function of 71 lines" in message
               for message in complaints("tests/a.cpp", "void f() {\n" + body + "}\n"))
    assert not complaints("tests/a.cpp", "void f() {\n" + "  f();\n" * 68 + "}\n")


def test_own_header_comes_first():
    text = "#include <vector>\n\n#include \"control/a.h\"\n"
    assert any("comes first" in message for message in complaints("control/a.cpp", text))
    right = "#include \"control/a.h\"\n\n#include <vector>\n"
    assert not complaints("control/a.cpp", right)


def test_checks_a_whole_tree(tmp_path):
    (tmp_path / "nic").mkdir()
    (tmp_path / "nic" / "port.h").write_text("// A port.\n#pragma once\nstd::string name();\n")
    (tmp_path / "nic" / "port.cpp").write_text("int  main( ) { }\n")
    (tmp_path / ".clang-format").write_text("BasedOnStyle: Google\n")
    program = [sys.executable, str(HERE / "tidy.py"), "--root", str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nic/port.cpp:1: run clang-format" in done.stdout
    assert done.stdout.endswith("1 complaints\n")
    (tmp_path / "nic" / "port.cpp").write_text("int main() {}\n")
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "nothing to complain about\n")


def test_finds_headers_that_do_not_compile_alone(tmp_path):
    (tmp_path / "nic").mkdir()
    (tmp_path / "nic" / "alone.h").write_text(
        "// A.\n#pragma once\n#include <string>\nstd::string a();\n")
    (tmp_path / "nic" / "needy.h").write_text("// B.\n#pragma once\nstd::string b();\n")
    (tmp_path / "nic" / "proven.h").write_text("// C.\n#pragma once\nsyntax error\n")
    (tmp_path / "nic" / "proven.cpp").write_text('#include "nic/proven.h"\n')
    build = tmp_path / "build"
    build.mkdir()
    (build / "compile_commands.json").write_text(
        '[{"directory": "%s", "file": "nic/proven.cpp",'
        ' "command": "c++ -std=c++20 -I. -MD -MQ x.o -MF x.d -o x.o -c nic/proven.cpp"}]'
        % tmp_path)
    assert tidy.unproven_headers(tmp_path) == ["nic/alone.h", "nic/needy.h"]
    found = list(tidy.check_headers(tmp_path, build))
    assert len(found) == 1
    assert found[0].startswith("nic/needy.h:1: does not compile alone:")
