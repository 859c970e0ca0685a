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


def pytest_configure():
    """A SIGTERM (tools/test's, timeout's) ends the run as Ctrl-C does: everything is removed."""
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
