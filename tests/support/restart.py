"""What a restart of the balancer must not cut, in either family."""

from . import clients, processes, servers
from .daemon import Daemon


def survives_kill(lab, directory, configuration, url, megabytes):
    """kill -9 of the balancer in the middle of a download: its successor must finish that."""
    digest = servers.make_file(lab.files / "survivor", megabytes)
    with Daemon(directory, configuration, lab.balancer) as daemon:
        daemon.wait_healthy()
        download = clients.download(lab.client, f"{url}/slow/survivor")
        processes.wait_until(
            lambda: any(t["bytes_to_client"] > 4_000_000 for t in daemon.ctl.targets().values()),
            20, "the download runs")
        daemon.kill()
        assert download.poll() is None, "the download was over too early: this test shows nothing"
        daemon.start()
        assert clients.download_digest(download) == digest
        assert sum(t["picked_up_flows"] for t in daemon.ctl.targets().values()) >= 1
