"""Spillway configurations as Python values, and their libconfig text.

A dict is a group, a list of dicts is a list of groups, any other list an array. Tests take
`balanced(...)`, change what they are about, and give it to a Daemon.
"""

import itertools
import re

from . import namespaces

# full_nat's sources: addresses of the back subnet that no target has. Each configuration gets its
# own, for a target remembers for a minute (TIME_WAIT) which ports of an address it has talked to,
# and tests start balancers faster than that.
_local_addresses = itertools.cycle([f"10.0.1.{n}", f"10.0.1.{n + 1}"] for n in range(100, 250, 2))
_local_addresses_6 = itertools.cycle(
    [f"fd00:1::{n:x}", f"fd00:1::{n + 1:x}"] for n in range(0x100, 0x400, 2))


def libconfig(value, indent=0):
    """The libconfig text of a value."""
    pad = "  " * indent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    if isinstance(value, dict):
        lines = [f"{pad}  {name} = {libconfig(item, indent + 1)};" for name, item in value.items()]
        return "\n".join(["{", *lines, pad + "}"])
    if value and all(isinstance(item, dict) for item in value):
        items = [f"{pad}  {libconfig(item, indent + 1)}" for item in value]
        return "(\n" + ",\n".join(items) + f"\n{pad})"
    return "[" + ", ".join(libconfig(item) for item in value) + "]"


def text(configuration):
    """The whole file."""
    return "".join(f"{name} = {libconfig(value)};\n" for name, value in configuration.items())


def ports(driver="af_xdp", vlan=0, full_nat=False, ipv6=False):
    """The balancer's two ports in a namespaces.Topology."""
    front = {"name": "front", "device": f"net_{driver}0,iface=front0",
             "addresses": [f"{namespaces.FRONT_ADDRESS}/24"],
             "gateways": [namespaces.CLIENT_ADDRESS]}
    back = {"name": "back", "device": f"net_{driver}1,iface=back0",
            "addresses": [f"{namespaces.BACK_ADDRESS}/24"]}
    if full_nat:
        back["local_addresses"] = next(_local_addresses)
    if ipv6:
        front["addresses"].append(f"{namespaces.FRONT_ADDRESS_6}/64")
        front["gateways"].append(namespaces.CLIENT_ADDRESS_6)
        back["addresses"].append(f"{namespaces.BACK_ADDRESS_6}/64")
        if full_nat:
            back["local_addresses"] += next(_local_addresses_6)
    if vlan:
        back["vlan"] = vlan
    return [front, back]


def health_check(**changes):
    """An HTTP check that notices a dead server in two seconds, and does not mind a busy one."""
    return {"protocol": "http", "path": "/healthz", "interval": 1, "timeout": 1,
            "healthy_threshold": 1, "unhealthy_threshold": 2} | changes


def target_group(name="web", *, port=8080, protocol="tcp", mode="nat", algorithm="round_robin",
                 targets=(1, 2, 3), check=None, family=4, **changes):
    """A group over targets of the topology, by number."""
    return {
        "name": name, "protocol": protocol, "port": port, "mode": mode, "algorithm": algorithm,
        "deregistration_delay": {"timeout": 60},
        "health_check": check or health_check(),
        "targets": [{"address": namespaces.target_address(number, family)}
                    for number in targets],
    } | changes


def listener(name="web", *, port=80, protocol="tcp", group=None, family=4, **changes):
    address = namespaces.LISTENER_ADDRESS if family == 4 else namespaces.LISTENER_ADDRESS_6
    return {"name": name, "address": address, "port": port,
            "protocol": protocol, "target_group": group or name} | changes


def balanced(*, driver="af_xdp", workers=1, mode="nat", algorithm="round_robin", vlan=0,
             family=4, **group):
    """Listener 203.0.113.10:80 (or 2001:db8::10) over the topology's three nginx."""
    return {
        "workers": workers,
        "idle": "sleep",  # the machine has other things to do than our polling
        "ports": ports(driver, vlan, full_nat=mode == "full_nat", ipv6=family == 6),
        "flows": {"capacity": 65536},
        "target_groups": [target_group(mode=mode, algorithm=algorithm, family=family, **group)],
        "listeners": [listener(family=family)],
    }
