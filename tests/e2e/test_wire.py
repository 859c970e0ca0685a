"""What is on the wire, judged by tshark: every packet that Spillway sends has right checksums."""

import pytest

from support import clients, frames
from support.lab import URL


@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_tshark_finds_nothing_wrong(lab, spillway, tmp_path, mode):
    daemon = spillway(lab.configuration(mode=mode, workers=2))
    macs = {port["name"]: port["mac"] for port in daemon.ctl.status()["ports"]}
    client_side, target_side = tmp_path / "client.pcap", tmp_path / "target.pcap"
    target = lab.network.targets[0]
    with frames.captured(lab.client, "eth0", client_side), \
            frames.captured(target, "eth0", target_side):
        assert clients.Load(lab.client, requests=1_500).run()["failed"] == 0
        lab.client.run(["curl", "-s", "-o", "/dev/null", f"{URL}/?" + "x" * 4000])
        lab.client.run(["ping", "-c", "3", "-i", "0.05", "203.0.113.10"])
    for file, mac in ((client_side, macs["front"]), (target_side, macs["back"])):
        ours = f"eth.src == {mac}"
        assert len(frames.tshark(file, f"{ours} && tcp")) > 300
        assert frames.tshark_faults(file, ours) == []
        # A machine that is short of time drops a frame now and then, and TCP sends it again.
        assert len(frames.tshark(file, f"{ours} && tcp.analysis.lost_segment")) <= 3
