"""What every pytest suite here shares."""

import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # for `support`


@pytest.fixture(scope="session")
def driver():
    """The DPDK driver of the balancer's ports: af_xdp, or what SPILLWAY_DRIVER says."""
    return os.environ.get("SPILLWAY_DRIVER", "af_xdp")


def pytest_configure(config):
    """A SIGTERM (tools/test's, timeout's) ends the run as Ctrl-C does: everything is removed."""
    config.addinivalue_line("markers", "soak: takes long; run by tools/soak only")
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)


def pytest_collection_modifyitems(config, items):
    """Leaves tests that are marked soak to tools/soak, which sets SPILLWAY_SOAK."""
    if "SPILLWAY_SOAK" in os.environ:
        return
    left = [item for item in items if item.get_closest_marker("soak")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_sessionfinish(session, exitstatus):
    """A file of nothing but soak tests is all right."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and "SPILLWAY_SOAK" not in os.environ:
        session.exitstatus = pytest.ExitCode.OK
