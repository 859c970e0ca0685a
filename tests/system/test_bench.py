"""spillway-bench: every kind of case once, small. What is judged is that the packets took the way
that is measured, and what the documents say; no time is."""

import json
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from support.daemon import BUILD, ROOT

PROGRAM = BUILD / "tools" / "bench" / "spillway-bench"
KINDS = ("reference", "established", "new/syn", "new/tcp_short", "new/udp_one_packet", "lookup",
         "flood", "expiry", "publication", "two_workers", "maglev")
FORWARDS = {"ForwardToTarget", "ForwardToClient"}


def bench(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False,
                          timeout=200)


@pytest.fixture(scope="module")
def quick():
    done = bench("--quick", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_every_kind_of_case_has_figures(quick):
    assert quick["quick"] is True
    assert quick["failed"] == []
    # Only a machine with one CPU or too little memory may leave some out, and then says why.
    assert all(one["why"] for one in quick["skipped"])
    names = [figures["name"] for figures in quick["figures"] + quick["skipped"]]
    assert len(set(names)) == len(names)
    for kind in KINDS:
        assert any(kind in name for name in names), f"no {kind} in {names}"
    for family in ("v4", "v6"):
        # The kinds that are of a family have both; nothing else in a name tells which it is.
        for kind in KINDS[1:]:
            assert any(kind in name and f"/{family}/" in name for name in names), (family, kind)
        for mode in ("nat", "full_nat"):
            assert f"{mode}/{family}/established/64512" in names


def test_figures_are_complete_and_in_order(quick):
    for key in ("cpu", "cpus", "kernel", "tsc_gigahertz"):
        assert quick["machine"][key]
    for key in ("version", "compiler", "type", "march"):
        assert quick["build"][key]
    for figures in quick["figures"]:
        p10, p50, p99 = (figures[f"{p}_nanoseconds"] for p in ("p10", "p50", "p99"))
        assert 0 < p10 <= p50 <= p99, figures["name"]
        assert figures["millions_per_second"] == pytest.approx(1e3 / p50)
        assert figures["p50_cycles"] == pytest.approx(p50 * quick["machine"]["tsc_gigahertz"])
        if figures["unit"] in ("packet", "connection", "line"):
            assert figures["slices"] >= 1_000, figures["name"]
    for figures in quick["figures"]:
        if "/established/" in figures["name"]:
            assert figures["ratio_to_line"] == pytest.approx(
                figures["p50_nanoseconds"] / figures["line_nanoseconds"])
            # Two entries, of one line each or two, and their tags.
            most = 176 if "/v4/" in figures["name"] else 320
            assert 0 < figures["bytes_per_connection"] <= most


def test_every_packet_sent_has_one_verdict_and_it_is_the_one_measured(quick):
    measured = [figures for figures in quick["figures"] if "packets_sent" in figures]
    assert len(measured) >= 20
    for figures in measured:
        name, verdicts = figures["name"], figures["verdicts"]
        assert sum(verdicts.values()) == figures["packets_sent"] > 0, name
        if "/flood/" in name:
            # Strangers' are refused, unless they may go on without a flow; of the others none is.
            share = 1 if "forward" in name else 0.5 if "mixed" in name else 0
            forwarded = sum(verdicts.get(verdict, 0) for verdict in FORWARDS)
            assert forwarded == share * figures["packets_sent"], name
        else:
            assert set(verdicts) <= FORWARDS, name
        if "/established/" in name and "inbound" not in name:
            assert verdicts["ForwardToTarget"] == verdicts["ForwardToClient"], name


def test_a_build_that_is_slower_than_the_product_says_so(quick):
    done = bench("--quick", "--case", "reference/clock")
    warned = "these are not the product's figures" in done.stderr
    assert warned == bool(quick["build"]["objections"])


def test_prints_a_table_of_the_cases_asked_for():
    done = bench("--quick", "--case", "clock_reading", "--case", "16381x100")
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines() if "/" in line.split(" ")[0]]
    assert rows == ["reference/clock_reading", "maglev/v4/build/16381x100",
                    "maglev/v6/build/16381x100"]


def test_limits_leave_cases_out_and_say_so():
    done = bench("--quick", "--json", "--case", "nat/v4/established", "--max-flows", "2000",
                 "--memory", "5000")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {figures["flows"] for figures in document["figures"]} == {1008}
    assert {one["why"] for one in document["skipped"]} == {"more flows than --max-flows"}
    document = json.loads(bench("--quick", "--json", "--case", "established/1k", "--memory",
                                "1").stdout)
    assert document["figures"] == []
    assert all("may use 1 MB" in one["why"] for one in document["skipped"])


def test_lists_what_it_would_run():
    everything = bench("--list").stdout.split()
    assert "full_nat/v4/established/16515072/zipf/cold" in everything
    assert "full_nat/v6/established/4128768/zipf/cold" in everything
    assert bench("--list", "--quick", "--case", "expiry").stdout.split() == [
        f"nat/{family}/expiry/{idle}/64512" for family in ("v4", "v6")
        for idle in ("none_idle", "all_idle")]


def test_saves_the_document_besides_and_the_plot_draws_it(quick, tmp_path):
    saved = tmp_path / "bench.json"
    done = bench("--quick", "--case", "clock_reading", "--save", saved)
    assert done.returncode == 0 and "reference/clock_reading" in done.stdout
    assert [one["name"] for one in json.loads(saved.read_text())["figures"]] == [
        "reference/clock_reading"]
    picture = tmp_path / "performance.svg"
    plot = [sys.executable, ROOT / "tools" / "plot_bench.py", "--output", picture, saved]
    assert subprocess.run(plot, check=False, timeout=60).returncode == 1, "nothing to draw"
    saved.write_text(json.dumps(quick))
    subprocess.run(plot, check=True, timeout=60)
    root = xml.etree.ElementTree.parse(picture).getroot()
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    labels = ("full_nat: ", "nat: ", "full_nat v6: ", "nat v6: ", "one random line", "DPVS", "10M")
    for label in labels:
        assert any(word.startswith(label) for word in words), label
    curves = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(curves[0].get("points").split()) == 2, "1k and 64,512 flows"
    unwritable = bench("--quick", "--case", "clock_reading", "--save", tmp_path / "no" / "x")
    assert unwritable.returncode == 1 and "cannot be written" in unwritable.stderr


@pytest.mark.parametrize("words, complaint", [
    (["--fast"], "--fast"),
    (["now"], '"now" is not an option'),
    (["--case", "v7"], "no case has such a name"),
    (["--max-flows", "some"], "some"),
])
def test_bad_usage_is_2(words, complaint):
    done = bench(*words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_a_document_that_did_not_arrive_is_1():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([PROGRAM, "--quick", "--json", "--case", "clock_reading"],
                              stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1


def test_help_is_for_people():
    done = bench("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: spillway-bench")
