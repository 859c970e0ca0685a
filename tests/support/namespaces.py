"""A small network made of namespaces: one client, one balancer, a switch and some targets.

    client ─── front0 [balancer] back0 ─── bridge [switch] ─── target1 … targetN
    198.51.100.1   (the balancer's DPDK ports)                 10.0.1.11 …

Two routed subnets: the client reaches the listener address by way of the balancer's front address,
the targets answer by way of its back address. The balancer's two interfaces carry no address: the
kernel must not speak on them, the daemon's TAP twins do. Nothing is made outside the namespaces,
their names carry our pid, and whatever a killed predecessor left is removed first.
"""

import contextlib
import ctypes
import itertools
import os
import re
import subprocess

from . import processes

CLIENT_ADDRESS = "198.51.100.1"
FRONT_ADDRESS = "198.51.100.2"
BACK_ADDRESS = "10.0.1.2"
LISTENER_ADDRESS = "203.0.113.10"

# The same network in IPv6, where a Topology is asked for it.
CLIENT_ADDRESS_6 = "fd00:f::1"
FRONT_ADDRESS_6 = "fd00:f::2"
BACK_ADDRESS_6 = "fd00:1::2"
LISTENER_ADDRESS_6 = "2001:db8::10"

_PREFIX = "spillway"
_NAMESPACES = "/run/netns"
_CLONE_NEWNET = 0x40000000
_serial = itertools.count(1)  # one process may have several networks
_libc = ctypes.CDLL(None, use_errno=True)

# Linux sends IPv6 router solicitations and the like on every new interface: off where packets are
# counted. The client opens many short connections.
_SETTINGS = {
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv4/ip_local_port_range": "1024 65535",
    "net/ipv4/tcp_tw_reuse": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


_SETTINGS_6 = {
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/default/accept_dad": "0",  # addresses are usable at once
    "net/ipv6/conf/default/accept_ra": "0",
}


class NotPossible(Exception):
    """This machine, or this user, cannot have network namespaces; the text says why."""


def target_address(number, family=4):
    return f"10.0.1.{10 + number}" if family == 4 else f"fd00:1::{10 + number:x}"


def _call(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise NotPossible(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    """One network namespace: a host of the test's network."""

    def __init__(self, name, ipv6=False):
        self.name = name
        _call(["ip", "netns", "add", name])
        settings = _SETTINGS | (_SETTINGS_6 if ipv6 else {})
        with self.entered():
            for setting, value in settings.items():
                with contextlib.suppress(OSError):  # a kernel without IPv6 has no such file
                    with open(f"/proc/sys/{setting}", "w", encoding="ascii") as file:
                        file.write(value)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return _call(["ip", "-n", self.name, *words])

    def command(self, command):
        return ["ip", "netns", "exec", self.name, *(str(word) for word in command)]

    def run(self, command, timeout=60, **options):
        """Runs a command to its end and returns it; raises if it fails, unless check=False."""
        options = {"check": True, "capture_output": True, "text": True,
                   "stdin": subprocess.DEVNULL} | options
        return subprocess.run(self.command(command), timeout=timeout, **options)

    def start(self, command, **options):
        """Starts a command that runs until it is stopped."""
        return processes.start(self.command(command), **options)

    @contextlib.contextmanager
    def entered(self):
        """This thread's sockets belong to the namespace inside the with block."""
        with open("/proc/thread-self/ns/net", "rb") as before, \
                open(f"{_NAMESPACES}/{self.name}", "rb") as inside:
            _set_namespace(inside)
            try:
                yield
            finally:
                _set_namespace(before)

    def remove(self):
        _remove(self.name)


def _set_namespace(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise NotPossible(f"setns: {os.strerror(error)}")


def _remove(name):
    """Removes a namespace and ends whatever still runs in it: it is ours, so are they."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True,
                          check=False)
    for pid in pids.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def remove_leftovers():
    """Removes the namespaces of test runs that were killed before they could do so."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(_NAMESPACES):
            owner = re.fullmatch(rf"{_PREFIX}(\d+)-\d+-\w+", name)
            if owner and not os.path.exists(f"/proc/{owner[1]}"):
                _remove(name)


def impossible():
    """Why there can be no network of namespaces here; None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"{_PREFIX}{os.getpid()}-0-trial"
    try:
        trial = Namespace(name)
        trial.ip("link", "add", "name", "left", "type", "veth", "peer", "name", "right")
    except (NotPossible, FileNotFoundError) as error:
        return str(error)
    finally:
        _remove(name)
    return None


class Topology:
    """The whole network, as a context manager.

    silence_kernel: for net_af_packet, which only copies: the balancer's kernel drops what it
    sees on the two ports (after the copy), or it would answer with RSTs.
    ipv6: clients and targets have IPv6 addresses too.
    vlan: the back port's frames carry this tag; `vlan_patch` on the switch takes it off again.
    """

    def __init__(self, targets=3, silence_kernel=False, vlan=0, ipv6=False):
        if os.geteuid() != 0:
            raise NotPossible("network namespaces need root")
        self.target_count = targets
        self.silence_kernel = silence_kernel
        self.vlan = vlan
        self.ipv6 = ipv6
        self.prefix = f"{_PREFIX}{os.getpid()}-{next(_serial)}"
        self.namespaces = []
        self.targets = []
        self.patch = None

    def __enter__(self):
        remove_leftovers()
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.patch:
            processes.stop(self.patch)
            self.patch = None
        while self.namespaces:
            self.namespaces.pop().remove()

    def _namespace(self, role, ipv6=False):
        namespace = Namespace(f"{self.prefix}-{role}", ipv6)
        self.namespaces.append(namespace)
        return namespace

    def _build(self):
        self.client = self._namespace("client", self.ipv6)
        self.balancer = self._namespace("balancer")
        self.switch = self._namespace("switch")
        self.targets = [self._namespace(f"target{n}", self.ipv6)
                        for n in range(1, self.target_count + 1)]

        self._wire(self.client, "eth0", self.balancer, "front0")
        self.client.ip("address", "add", f"{CLIENT_ADDRESS}/24", "dev", "eth0")
        self.client.ip("route", "add", f"{LISTENER_ADDRESS}/32", "via", FRONT_ADDRESS)

        self.switch.ip("link", "add", "name", "bridge", "type", "bridge")
        self.switch.ip("link", "set", "bridge", "up")
        self._wire(self.balancer, "back0", self.switch, "balancer")
        self._attach_balancer()
        for number, target in enumerate(self.targets, 1):
            port = f"target{number}"
            self._wire(target, "eth0", self.switch, port)
            self.switch.ip("link", "set", port, "master", "bridge")
            target.ip("address", "add", f"{target_address(number)}/24", "dev", "eth0")
            target.ip("route", "add", "default", "via", BACK_ADDRESS)
        if self.ipv6:
            self._add_ipv6()
        if self.silence_kernel:
            self.silence()

    def _add_ipv6(self):
        self.client.ip("address", "add", f"{CLIENT_ADDRESS_6}/64", "dev", "eth0")
        self.client.ip("route", "add", f"{LISTENER_ADDRESS_6}/128", "via", FRONT_ADDRESS_6)
        for number, target in enumerate(self.targets, 1):
            target.ip("address", "add", f"{target_address(number, 6)}/64", "dev", "eth0")
            target.ip("route", "add", "default", "via", BACK_ADDRESS_6)

    def _wire(self, left, left_name, right, right_name):
        left.ip("link", "add", "name", left_name, "type", "veth",
                "peer", "name", right_name, "netns", right.name)
        for namespace, name in ((left, left_name), (right, right_name)):
            # A veth leaves checksums to a NIC that does not exist; a packet that passes through
            # user space would arrive with a wrong one. Tags, too, must be in the frame.
            namespace.run(["ethtool", "-K", name, "tx", "off", "txvlan", "off"])
            namespace.ip("link", "set", name, "up")

    def _attach_balancer(self):
        if not self.vlan:
            self.switch.ip("link", "set", "balancer", "master", "bridge")
            return
        self._wire(self.switch, "untagged", self.switch, "patch")
        self.switch.ip("link", "set", "untagged", "master", "bridge")
        script = os.path.join(os.path.dirname(__file__), "vlan_patch.py")
        self.patch = self.switch.start(
            ["/usr/bin/python3", script, "balancer", "patch", str(self.vlan)],
            stdout=subprocess.PIPE, text=True)
        if self.patch.stdout.readline() != "ready\n":
            raise NotPossible("vlan_patch.py did not start")

    def silence(self):
        """The kernel answers nothing any more on the balancer's two ports."""
        rules = "".join(
            f"table netdev silence_{port} {{\n chain ingress {{\n  type filter hook ingress device "
            f"\"{port}\" priority 0; policy drop;\n }}\n}}\n" for port in ("front0", "back0"))
        _call(self.balancer.command(["nft", "-f", "-"]), rules)
