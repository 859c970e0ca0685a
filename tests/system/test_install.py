"""meson install: what is installed works from where it is."""

import json
import os
import subprocess

import pytest

from support.daemon import BUILD


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The installed tree's prefix, below a directory of the test's own."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root],
                   check=True, capture_output=True, text=True, timeout=100)
    options = json.loads(subprocess.run(["meson", "introspect", "--buildoptions", BUILD],
                                        check=True, capture_output=True, timeout=60).stdout)
    prefix = next(option["value"] for option in options if option["name"] == "prefix")
    return root / prefix.lstrip("/")


def test_programs_say_their_version(installed):
    for name in ("spillway", "spillwayctl", "spillway-exporter", "spillway-replay"):
        done = subprocess.run([installed / "bin" / name, "--help"], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 0 and name in done.stdout, (name, done)


def test_the_c_example_is_built_with_the_installed_header(installed, tmp_path):
    program = tmp_path / "segment_reader"
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", installed / "include",
                    installed / "share/spillway/examples/segment_reader.c", "-o", program],
                   check=True, timeout=60)
    done = subprocess.run([program, "no-such-one"], capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 1 and "no-such-one" in done.stdout + done.stderr


def test_the_python_reader_finds_its_layout(installed):
    reader = installed / "bin" / "spillway_segment.py"
    assert reader.is_symlink() and os.access(reader, os.X_OK)
    done = subprocess.run([reader, "--instance", "no-such-one"], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 1
    assert "is not running: there is no /dev/shm/spillway-no-such-one" in done.stderr, done
    library = installed / "share/spillway/python"
    subprocess.run(["python3", "-c", "import spillway_segment; spillway_segment.Segment"],
                   check=True, timeout=20, env=os.environ | {"PYTHONPATH": str(library),
                                                            "PYTHONDONTWRITEBYTECODE": "1"})


def test_alerts_and_dashboard(installed):
    share = installed / "share/spillway"
    subprocess.run(["promtool", "test", "rules", "spillway.rules.test.yml"],
                   cwd=share / "prometheus", check=True, capture_output=True, timeout=60)
    assert json.loads((share / "grafana/spillway.json").read_text())["uid"] == "spillway"


def test_units_start_what_is_installed(installed, tmp_path):
    """systemd's own check, with the programs where they would be."""
    units = tmp_path / "units"
    units.mkdir()
    prefix = str(installed)[str(installed).index("/usr"):]
    for name in ("spillway", "spillway-exporter"):
        text = (installed / f"lib/systemd/system/{name}@.service").read_text()
        assert f"ExecStart={prefix}/bin/{name} " in text
        # The instance's own: a template is not checked as such.
        here = text.replace(f"{prefix}/bin", f"{installed}/bin")
        (units / f"{name}@edge-1.service").write_text(here)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())],
                          capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in done.stderr.splitlines() if "edge-1.service" in line]
    assert not complaints, complaints
    users = (installed / "lib/sysusers.d/spillway.conf").read_text()
    assert "g spillway" in users and "u spillway-exporter" in users
