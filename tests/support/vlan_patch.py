#!/usr/bin/python3
"""Joins a tagged and an untagged interface: what a switch's access port does with a VLAN.

vlan_patch.py TAGGED UNTAGGED VLAN. For kernels without 802.1Q devices. Frames with another tag, or
none, are dropped on the tagged side and counted on stderr at the end.
"""

import selectors
import signal
import socket
import struct
import sys

ETH_P_ALL = 0x0003
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
TP_STATUS_VLAN_VALID = 1 << 4
AUXDATA = struct.Struct("=IIIHHHH")  # status, length, captured, mac, net, vlan_tci, vlan_tpid
TAG_PROTOCOL = b"\x81\x00"


def open_socket(interface):
    packet_socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packet_socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    packet_socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    packet_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    packet_socket.bind((interface, ETH_P_ALL))
    # The untagged side is a bridge's peer: frames for other stations pass here.
    index = socket.if_nametoindex(interface)
    packet_socket.setsockopt(SOL_PACKET, 1, struct.pack("=iHH8s", index, 1, 0, b""))  # promiscuous
    return packet_socket


def receive(packet_socket):
    """(frame without its outer tag, VLAN or None): the kernel strips tags into auxiliary data."""
    frame, ancillary, _, _ = packet_socket.recvmsg(65536, 128)
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, *_, tag, _ = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return frame, tag & 0xFFF
    if frame[12:14] == TAG_PROTOCOL:
        return frame[:12] + frame[16:], int.from_bytes(frame[14:16], "big") & 0xFFF
    return frame, None


def main(tagged_name, untagged_name, vlan):
    tagged, untagged = open_socket(tagged_name), open_socket(untagged_name)
    tag = TAG_PROTOCOL + struct.pack("!H", vlan)
    refused = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{refused} frames without tag {vlan}"))
    selector = selectors.DefaultSelector()
    selector.register(tagged, selectors.EVENT_READ)
    selector.register(untagged, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            frame, seen = receive(key.fileobj)
            if key.fileobj is untagged:
                if seen is None:
                    tagged.send(frame[:12] + tag + frame[12:])
            elif seen == vlan:
                untagged.send(frame)
            else:
                refused += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
