"""Frames for the pcap tests, and scapy's and tshark's judgement of what came out."""

import contextlib
import signal
import subprocess

from scapy.all import ICMP, IP, TCP, UDP, Dot1Q, Ether, raw

from . import processes

# What DPDK's net_pcap says its first device's address is.
OUR_MAC = "02:70:63:61:70:00"
CLIENT_MAC = "02:00:00:00:00:01"
TARGET_MAC = "02:00:00:00:00:11"

BAD = ("ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || "
       "icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || ip.bogus_ip_length || "
       "tcp.bogus_header_length || udp.length.bad")


def ethernet(vlan=0, source=CLIENT_MAC, destination=OUR_MAC):
    header = Ether(src=source, dst=destination)
    return header / Dot1Q(vlan=vlan) if vlan else header


def faults(frame):
    """What is wrong with a frame: lengths and sums that scapy would have written differently."""
    packet = Ether(raw(frame))
    if IP not in packet:
        return []
    header = packet[IP]
    wrong = []
    wire = raw(header)
    if header.len > len(wire):
        wrong.append(f"IP length {header.len}, but only {len(wire)} bytes are there")
    # Rebuild it without checksums and lengths; trailing padding is no part of the packet.
    fresh = IP(wire[:header.len])
    del fresh.chksum, fresh.len
    for layer in (TCP, UDP):
        if layer in fresh:
            keeps_zero = layer is UDP and header[UDP].chksum == 0
            del fresh[layer].chksum
            if layer is UDP:
                del fresh[UDP].len
            if keeps_zero:
                fresh[UDP].chksum = 0
    if ICMP in fresh:
        del fresh[ICMP].chksum
    if raw(fresh) != wire[:header.len]:
        wrong.append(f"got {wire[:header.len].hex()}, scapy builds {raw(fresh).hex()}")
    return wrong


def payload(packet):
    """The bytes above TCP or UDP, without the padding of short frames."""
    wire = raw(packet[IP])
    transport = 4 * (wire[0] & 0xF)
    header = 8 if UDP in packet else 4 * (wire[transport + 12] >> 4)
    return wire[transport + header:int.from_bytes(wire[2:4], "big")]


def tshark(file, display_filter):
    """The lines of a capture that match, with every checksum validated."""
    done = subprocess.run(
        ["tshark", "-n", "-r", file, "-o", "ip.check_checksum:TRUE",
         "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", display_filter],
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def tshark_faults(file, among="frame"):
    """The lines of a capture that tshark finds something wrong with."""
    return tshark(file, f"({among}) && ({BAD})")


@contextlib.contextmanager
def captured(namespace, interface, file):
    """Captures in a namespace while the with block runs; the first moments may be missing."""
    capture = namespace.start(["dumpcap", "-q", "-i", interface, "-w", file, "-B", "64"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in capture.stdout:
            if line.startswith("File:"):  # dumpcap's word that it has begun
                break
        yield
    finally:
        processes.stop(capture, first=signal.SIGINT)
