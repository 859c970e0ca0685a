"""A capture in, a capture out: scapy and tshark judge every frame that the daemon emits.

One net_pcap port carries both subnets, so the order of frames in is the order of frames out. A
frame's fate must not depend on its burst, so steps of a conversation are kept apart by more noise
than fits into a burst.
"""

import collections
import random

import pytest
from scapy.all import (ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, IPOption, Padding, Raw, raw, rdpcap,
                       wrpcap)

from support import configuration, frames, namespaces, processes
from support.daemon import Daemon

CLIENT = namespaces.CLIENT_ADDRESS
LISTENER = namespaces.LISTENER_ADDRESS
TARGET = namespaces.target_address(1)
LOCAL = ["10.0.1.101", "10.0.1.102"]
# Longer than the longest burst: what is before it is dealt with when what is after it arrives.
NOISE = [Ether(src=frames.CLIENT_MAC, dst="02:00:00:00:00:99") / IP(src=CLIENT, dst=LISTENER)
         / UDP(sport=9, dport=9)] * 128


def wire_configuration(tmp_path, mode, vlan, workers, unknown_flow):
    port = {"name": "wire",
            "device": f"net_pcap0,rx_pcap={tmp_path}/in.pcap,tx_pcap={tmp_path}/out.pcap",
            "addresses": [f"{namespaces.FRONT_ADDRESS}/24", f"{namespaces.BACK_ADDRESS}/24"],
            "gateways": [CLIENT], "local_addresses": LOCAL, "kernel_path": False}
    port |= {"vlan": vlan} if vlan else {}
    group = {"mode": mode, "targets": (1,), "check": {"enabled": False}}
    return {
        "workers": workers, "idle": "yield", "eal": {"hugepages": "off", "pci": False},
        "ports": [port], "flows": {"capacity": 8192},
        "neighbours": [
            {"port": "wire", "address": CLIENT, "mac": frames.CLIENT_MAC},
            {"port": "wire", "address": TARGET, "mac": frames.TARGET_MAC}],
        "target_groups": [
            configuration.target_group("web", unknown_flow=unknown_flow, **group),
            configuration.target_group("echo", protocol="udp", port=9054, **group)],
        "listeners": [configuration.listener("web"),
                      configuration.listener("echo", protocol="udp", port=9053)],
    }


class Wire:
    """Runs the daemon over a list of frames."""

    def __init__(self, tmp_path):
        self.path = tmp_path

    def run(self, packets, *, mode="nat", vlan=0, workers=1, unknown_flow="reset"):
        """(frames that came out, verdicts)."""
        wrpcap(str(self.path / "in.pcap"), packets)
        chosen = wire_configuration(self.path, mode, vlan, workers, unknown_flow)
        with Daemon(self.path, chosen) as daemon:
            def all_in():
                totals = daemon.ctl.status()["totals"]
                return totals["received"] - totals["received_hand_off"] >= len(packets)
            processes.wait_until(all_in, 20, f"{len(packets)} frames are received")
            verdicts = collections.Counter(daemon.check_laws()["totals"]["verdicts"])
        verdicts.pop("HandOff", None)  # with one worker there is none, with more it is no fate
        return list(rdpcap(str(self.path / "out.pcap"))), verdicts


@pytest.fixture
def wire(tmp_path):
    return Wire(tmp_path)


def from_client(port, layers, vlan=0, **ip):
    return frames.ethernet(vlan) / IP(**{"src": CLIENT, "dst": LISTENER} | ip) / layers


def syn(port, vlan=0, **ip):
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    tcp = TCP(sport=port, dport=80, flags="S", seq=port, options=options)
    return from_client(port, tcp, vlan, **ip)


def corrupted(packet, layer):
    """The same frame with a wrong checksum in that layer."""
    built = Ether(raw(packet))
    built[layer].chksum ^= 0x5555
    return built


def judge(out, vlan=0):
    assert not [fault for frame in out for fault in frames.faults(frame)]
    for frame in out:
        assert frame.src == frames.OUR_MAC
        assert (frame[Dot1Q].vlan if Dot1Q in frame else 0) == vlan


@pytest.mark.parametrize("workers", (1, 2))
@pytest.mark.parametrize("vlan", (0, 100))
@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_client_packets_reach_the_target(wire, mode, vlan, workers):
    sent = [
        syn(1001, vlan, flags="DF"),
        syn(1002, vlan, options=IPOption(b"\x94\x04\x00\x00")),  # router alert
        syn(1003, vlan, tos=0xb8, ttl=2),
        from_client(1004, UDP(sport=1004, dport=9053) / Raw(b"even"), vlan),
        from_client(1005, UDP(sport=1005, dport=9053) / Raw(b"odd"), vlan),
        from_client(1006, UDP(sport=1006, dport=9053), vlan),
        from_client(1007, UDP(sport=1007, dport=9053, chksum=0) / Raw(b"no checksum"), vlan),
        from_client(1008, UDP(sport=1008, dport=9053) / Raw(bytes(1400)), vlan),
        # As short frames arrive from a NIC: padded to 60 bytes.
        from_client(1009, UDP(sport=1009, dport=9053) / Raw(b"x"), vlan) / Padding(b"\xaa" * 17),
    ]
    for number, packet in enumerate(sent, 4711):
        packet[IP].id = number
    out, verdicts = wire.run(sent, mode=mode, vlan=vlan, workers=workers)
    assert verdicts == {"ForwardToTarget": len(sent)}
    judge(out, vlan)
    out.sort(key=lambda frame: frame[IP].id)  # workers keep the order within a flow, not between
    for before, after in zip(sent, out, strict=True):
        before = Ether(raw(before))
        assert after.dst == frames.TARGET_MAC
        assert (after[IP].dst, after[IP].ttl) == (TARGET, before[IP].ttl - 1)
        assert after[IP].src == CLIENT if mode == "nat" else after[IP].src in LOCAL
        for field in ("tos", "id", "flags", "options", "len", "proto"):
            assert getattr(after[IP], field) == getattr(before[IP], field), field
        if TCP in before:
            assert after[TCP].dport == 8080
            for field in ("seq", "ack", "flags", "window", "options"):
                assert getattr(after[TCP], field) == getattr(before[TCP], field), field
        else:
            assert after[UDP].dport == 9054
            assert (after[UDP].chksum == 0) == (before[UDP].chksum == 0)
        if mode == "nat":
            assert after.sport == before.sport
        assert frames.payload(after) == frames.payload(before)


def test_conversation_comes_back_from_the_listener_address(wire):
    # One worker: NOISE keeps question and answer in different bursts. It is not handed off, so with
    # more workers the owner could get both in one burst, which only a replay can bring about.
    def to_client(layers):
        return frames.ethernet(source=frames.TARGET_MAC) / IP(src=TARGET, dst=CLIENT) / layers

    sent = [syn(2001), from_client(2002, UDP(sport=2002, dport=9053) / Raw(b"question")), *NOISE,
            to_client(TCP(sport=8080, dport=2001, flags="SA", seq=9, ack=2002,
                          options=[("MSS", 1460)])),
            to_client(UDP(sport=9054, dport=2002) / Raw(b"answer")),
            to_client(UDP(sport=9054, dport=2002, chksum=0) / Raw(b"unsummed")), *NOISE,
            from_client(2001, TCP(sport=2001, dport=80, flags="PA", seq=2002, ack=10)
                        / Raw(b"GET"))]
    out, verdicts = wire.run(sent)
    assert verdicts == {"ForwardToTarget": 3, "ForwardToClient": 3, "DropNotOurs": 256}
    judge(out)
    back = [frame for frame in out if frame.dst == frames.CLIENT_MAC]
    assert [(f[IP].src, f[IP].dst, f[IP].ttl, f.sport, f.dport) for f in back] == [
        (LISTENER, CLIENT, 63, 80, 2001), (LISTENER, CLIENT, 63, 9053, 2002),
        (LISTENER, CLIENT, 63, 9053, 2002)]
    assert (back[0][TCP].flags, back[0][TCP].seq, back[0][TCP].ack) == ("SA", 9, 2002)
    assert back[0][TCP].options == [("MSS", 1460)]
    assert frames.payload(back[1]) == b"answer"
    assert back[2][UDP].chksum == 0


def test_wrong_transport_checksum_stays_wrong(wire):
    """We correct sums by what we changed (RFC 1624): damage must still be seen by the target."""
    sent = [corrupted(syn(3001), TCP),
            corrupted(from_client(3002, UDP(sport=3002, dport=9053) / Raw(b"damaged")), UDP)]
    out, verdicts = wire.run(sent)
    assert verdicts == {"ForwardToTarget": 2}
    assert [len(frames.faults(frame)) for frame in out] == [1, 1]
    assert len(frames.tshark_faults(wire.path / "out.pcap")) == 2


REFUSED = {
    "a wrong IP checksum": (corrupted(syn(4001), IP), "DropMalformed"),
    "TTL 1": (syn(4002, ttl=1), "DropTtl"),
    "the first fragment": (syn(4003, flags="MF"), "DropFragment"),
    "a later fragment": (syn(4004, frag=100), "DropFragment"),
    "an IP length beyond the frame": (syn(4005, len=1400), "DropMalformed"),
    "an IP length within the header": (syn(4006, len=12), "DropMalformed"),
    "a TCP header beyond the packet": (
        from_client(4007, TCP(sport=4007, dport=80, flags="S", dataofs=15)), "DropMalformed"),
    "a UDP length beyond the packet": (
        from_client(4008, UDP(sport=4008, dport=9053, len=500) / Raw(b"short")), "DropMalformed"),
    "a frame of 14 bytes": (Ether(src=frames.CLIENT_MAC, dst=frames.OUR_MAC, type=0x800),
                            "DropMalformed"),
    "somebody else's MAC": (
        frames.ethernet(destination="02:00:00:00:00:77") / IP(src=CLIENT, dst=LISTENER)
        / TCP(sport=4009, dport=80, flags="S"), "DropNotOurs"),
    "a tag that the port has not": (syn(4010, vlan=5), "DropVlan"),
    "a loopback source": (syn(4011, src="127.0.0.1"), "DropSource"),
    "a multicast source": (syn(4012, src="224.0.0.5"), "DropSource"),
    "a port without listener": (
        from_client(4013, TCP(sport=4013, dport=81, flags="S")), "DropNoListener"),
    "GRE": (from_client(0, Raw(bytes(8)), proto=47), "DropProtocol"),
}


def test_refused_packets_are_counted_with_their_reason(wire):
    out, verdicts = wire.run([packet for packet, _ in REFUSED.values()])
    assert verdicts == collections.Counter(verdict for _, verdict in REFUSED.values())
    assert out == []


@pytest.mark.parametrize("vlan", (0, 100))
def test_listener_address_answers(wire, vlan):
    question = ARP(op="who-has", psrc=CLIENT, hwsrc=frames.CLIENT_MAC, pdst=LISTENER)
    sent = [frames.ethernet(vlan, destination="ff:ff:ff:ff:ff:ff") / question,
            frames.ethernet(vlan) / IP(src=CLIENT, dst=LISTENER)
            / ICMP(type="echo-request", id=7, seq=3) / Raw(bytes(range(57)))]
    out, verdicts = wire.run(sent, vlan=vlan)
    assert verdicts == {"ReplyArp": 1, "ReplyEcho": 1}
    judge(out, vlan)
    arp, echo = out
    assert (arp[ARP].op, arp[ARP].psrc, arp[ARP].hwsrc) == (2, LISTENER, frames.OUR_MAC)
    assert (arp[ARP].pdst, arp[ARP].hwdst) == (CLIENT, frames.CLIENT_MAC)
    assert (echo[IP].src, echo[IP].dst, echo.dst) == (LISTENER, CLIENT, frames.CLIENT_MAC)
    assert (echo[ICMP].type, echo[ICMP].id, echo[ICMP].seq) == (0, 7, 3)
    assert raw(echo[ICMP].payload) == bytes(range(57))


def test_full_nat_local_addresses_answer_arp(wire):
    sent = [frames.ethernet(source=frames.TARGET_MAC, destination="ff:ff:ff:ff:ff:ff")
            / ARP(op="who-has", psrc=TARGET, hwsrc=frames.TARGET_MAC, pdst=local)
            for local in LOCAL]
    out, verdicts = wire.run(sent, mode="full_nat")
    assert verdicts == {"ReplyArp": 2}
    assert [(frame[ARP].psrc, frame[ARP].hwsrc) for frame in out] == [
        (local, frames.OUR_MAC) for local in LOCAL]


def test_middle_of_an_unknown_flow_is_reset(wire):
    """RFC 9293, 3.10.7.1: an ACK gets <SEQ=SEG.ACK><RST>, others <SEQ=0><ACK=..><RST,ACK>."""
    sent = [from_client(5001, TCP(sport=5001, dport=80, flags="A", seq=100, ack=700)
                        / Raw(b"data")),
            from_client(5002, TCP(sport=5002, dport=80, flags="F", seq=100) / Raw(b"data")),
            from_client(5003, TCP(sport=5003, dport=80, flags="R", seq=100))]
    out, verdicts = wire.run(sent)
    assert verdicts == {"ReplyResetUnknownFlow": 2, "DropUnknownFlow": 1}
    judge(out)
    first, second = out
    assert (first[IP].src, first[IP].dst, first.sport, first.dport) == (LISTENER, CLIENT, 80, 5001)
    assert (first[TCP].flags, first[TCP].seq) == ("R", 700)
    assert (second[TCP].flags, second[TCP].seq, second[TCP].ack) == ("RA", 0, 105)
    assert not frames.payload(first) and not frames.payload(second)


@pytest.mark.parametrize("mode", ("nat", "full_nat"))
def test_thousands_of_random_packets(wire, mode):
    dice = random.Random(20240607)
    sent = []
    for _ in range(1000):
        port = dice.randint(1024, 65535)
        address = f"192.0.2.{dice.randint(1, 254)}"
        if dice.random() < 0.5:
            layers = TCP(sport=port, dport=80, flags="S", seq=dice.getrandbits(32),
                         options=[("MSS", dice.randint(536, 9000)),
                                  ("WScale", dice.randint(0, 14))])
        else:
            layers = UDP(sport=port, dport=9053) / Raw(dice.randbytes(dice.randint(0, 1400)))
        sent.append(from_client(port, layers, src=address, id=dice.getrandbits(16),
                                ttl=dice.randint(2, 255)))
    out, verdicts = wire.run(sent, mode=mode)
    collisions = verdicts.pop("DropFlowCollision", 0)
    assert collisions == 0 and verdicts == {"ForwardToTarget": len(sent)}
    judge(out)
    assert frames.tshark_faults(wire.path / "out.pcap") == []
    for before, after in zip(sent, out, strict=True):
        assert (after[IP].dst, after[IP].id, after[IP].ttl) == (
            TARGET, before[IP].id, before[IP].ttl - 1)
        assert frames.payload(after) == frames.payload(Ether(raw(before)))
    if mode == "full_nat":  # no two flows to the target may look the same
        flows = {(frame[IP].proto, frame[IP].src, frame.sport) for frame in out}
        assert len(flows) == len({(p[IP].proto, p[IP].src, p.sport) for p in sent})


def turns(came_out):
    """Where on the way over all local ports (dataplane/path/local_ports) each SYN's one is."""
    ports = 65536 - 1024
    return [(frame[TCP].sport - 1024) * pow(7919, -1, ports) % ports * len(LOCAL)
            + LOCAL.index(frame[IP].src) for frame in came_out]


def test_local_ports_go_on_after_a_restart_where_they_stood(tmp_path):
    wrpcap(str(tmp_path / "in.pcap"), [syn(port) for port in range(20000, 20500)])
    daemon = Daemon(tmp_path, wire_configuration(tmp_path, "full_nat", 0, 1, "reset"))
    taken = []
    try:
        for _ in range(2):
            daemon.start()
            processes.wait_until(lambda: daemon.ctl.status()["totals"]["received"] >= 500, 20,
                                 "all SYNs are received")
            daemon.stop()
            taken.append(turns(rdpcap(str(tmp_path / "out.pcap"))))
    finally:
        daemon.kill()
        daemon.forget()
    before, after = taken
    assert before == list(range(before[0], before[0] + 500))
    assert after == list(range(before[-1] + 1, before[-1] + 501))
