"""tools/test's own rules: what is run a second time, what that changes, and what it shows."""

import os
import sys

import pytest

from support import daemon as daemons

sys.path.insert(0, str(daemons.ROOT / "tools"))

import test_results  # noqa: E402
import test_run  # noqa: E402
import test_suites  # noqa: E402

# Counts its own runs; a case may fail in the first of them only.
CASES = """
import pathlib, pytest
@pytest.fixture
def run(request):
    seen = pathlib.Path(__file__).with_name(request.node.name.replace("/", "-"))
    with seen.open("a") as file:
        file.write("x")
    return len(seen.read_text())
@pytest.mark.parametrize("value", ("one", "two"))
def test_unsteady(run, value):
    assert value == "two" or run > 1, "the first time"
def test_steady(run):
    assert run == 1, "run a second time in vain"
"""
BROKEN = "def test_broken():\n    assert False, 'each time'\n"


@pytest.fixture
def report():
    return test_results.Report()


@pytest.fixture
def run(tmp_path, report):
    """run(text) makes a suite of that text, runs it in the lanes, and returns its first result."""
    def run(text):
        directory = tmp_path / "e2e"
        directory.mkdir()
        file = directory / "test_it.py"
        file.write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
        command = (test_suites.PYTHON, "-m", "pytest", "-q", "-c", tmp_path / "pytest.ini", file)
        runner = test_run.Runner(report, tmp_path)
        suite = test_suites.Suite("e2e it", test_suites.BUILDS[0], command, 60, pytest=True)
        test_run.run_together(runner, [suite])
        return report.results[0]
    return run


def printed(report, capsys):
    failed = report.end("the logs")
    return failed, capsys.readouterr().out


def test_a_failure_beside_others_that_passes_alone_is_shown_and_does_not_count(run, report, capsys):
    first = run(CASES)
    assert (first.passed, first.failed) == (2, 0)
    assert [case for case, _ in first.unsteady] == ["e2e.test_it.test_unsteady[one]"]
    assert [result.name for result in report.results] == ["e2e it", "e2e it, again"]
    failed, output = printed(report, capsys)
    assert failed == 0
    assert "--- UNSTEADY e2e it: e2e.test_it.test_unsteady[one]" in output
    assert "the first time" in output, "what went wrong is in the report"
    assert output.endswith("3 passed (1 of those passed only alone: see UNSTEADY), 0 failed, "
                           "0 skipped\n")


def test_what_fails_alone_too_has_failed(run, report, capsys):
    first = run(CASES + BROKEN)
    assert (first.failed, len(first.unsteady)) == (1, 1)
    failed, output = printed(report, capsys)
    assert failed == 1
    assert "--- FAILED e2e it: e2e.test_it.test_broken" in output


def test_many_failures_are_not_run_again(run, report):
    many = "".join(BROKEN.replace("broken", f"broken_{number}")
                   for number in range(test_run.UNSTEADY_MAX + 1))
    assert run(many).failed == test_run.UNSTEADY_MAX + 1
    assert len(report.results) == 1


def test_a_suite_that_dies_is_not_run_again(run, report):
    assert run("import os\ndef test_dies():\n    os._exit(3)\n").failed == 1
    assert len(report.results) == 1


def test_a_skip_is_a_failure_in_ci_also_the_second_time(run, report, monkeypatch):
    monkeypatch.setitem(os.environ, "CI", "true")
    run("import pytest\ndef test_skips():\n    pytest.skip('no such thing here')\n")
    assert sum(result.failed for result in report.results) == 1
    assert not any(result.unsteady for result in report.results)
