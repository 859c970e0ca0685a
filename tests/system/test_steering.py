"""The way of each port, as the daemon decides, forces, refuses and tells it. Null ports take an RSS
key and table and do nothing with them: enough to be configured, and nothing arrives anyway."""

import re

import pytest

from support import configuration, namespaces
from support.daemon import Daemon


def null_ports(mode, steering=None, workers=2):
    """Two workers on null ports; `steering` of front and back."""
    front = {"name": "front", "device": "net_null0", "kernel_path": False,
             "addresses": [f"{namespaces.FRONT_ADDRESS}/24"],
             "gateways": [namespaces.CLIENT_ADDRESS]}
    back = {"name": "back", "device": "net_null1", "kernel_path": False,
            "addresses": [f"{namespaces.BACK_ADDRESS}/24"], "local_addresses": ["10.0.1.240"]}
    for port, way in zip((front, back), steering or ()):
        port["steering"] = way
    return {
        "workers": workers, "idle": "sleep", "eal": {"hugepages": "off", "pci": False},
        "ports": [front, back], "flows": {"capacity": 8192},
        "neighbours": [
            {"port": "front", "address": namespaces.CLIENT_ADDRESS, "mac": "02:00:00:00:00:0c"},
            {"port": "back", "address": namespaces.target_address(1), "mac": "02:00:00:00:01:0b"}],
        "target_groups": [configuration.target_group("web", mode=mode, targets=(1,),
                                                     check={"enabled": False})],
        "listeners": [configuration.listener("web")],
    }


def ways(daemon):
    return [port["steering"] for port in daemon.ctl.status()["ports"]]


@pytest.mark.parametrize("steering, workers, expected", [
    (None, 2, ["hand_off", "hand_off"]),  # virtual devices are not believed
    (("rss", "rss"), 2, ["rss", "rss"]),
    (("hand_off", "rss"), 2, ["hand_off", "rss"]),
    (("hand_off", "hand_off"), 2, ["hand_off", "hand_off"]),
    (("rss", "rss"), 1, ["single_worker", "single_worker"])])
def test_status_tells_the_way_of_each_port(tmp_path, steering, workers, expected):
    with Daemon(tmp_path, null_ports("full_nat", steering, workers)) as daemon:
        assert ways(daemon) == expected
        for name, way in zip(("front", "back"), expected):
            assert re.search(f"port {name}: .* steering {way}$", daemon.log(), re.MULTILINE)


@pytest.mark.parametrize("mode, steering, words", [
    ("nat", ("rss", "auto"), "net_null cannot hash one end alone (L3_SRC_ONLY"),
    ("nat", ("auto", "rss"), "L4_DST_ONLY")])
def test_a_way_that_the_device_cannot_go_is_refused(tmp_path, mode, steering, words):
    daemon = Daemon(tmp_path, null_ports(mode, steering))
    with pytest.raises(RuntimeError, match="spillway ended with 1"):
        daemon.start()
    assert words in daemon.log()


def test_the_first_group_in_mode_nat_needs_a_restart(tmp_path):
    chosen = null_ports("full_nat", ("rss", "rss"))
    with Daemon(tmp_path, chosen) as daemon:
        chosen["target_groups"][0]["mode"] = "nat"
        daemon.write(chosen)
        refused = daemon.ctl.run("reload", check=False)
        assert refused.returncode == 1
        assert "target_groups[0].mode" in refused.stdout + refused.stderr
        assert ways(daemon) == ["rss", "rss"]
    chosen = null_ports("full_nat", ("hand_off", "rss"))
    with Daemon(tmp_path, chosen) as daemon:
        chosen["target_groups"][0]["mode"] = "nat"
        daemon.write(chosen)
        daemon.ctl.run("reload")
