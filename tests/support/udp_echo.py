#!/usr/bin/python3
"""udp_echo.py NAME PORT: answers every datagram with NAME, a space and the datagram."""

import socket
import sys


def main(name, port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # both families
    server.bind(("::", port))
    print("ready", flush=True)
    while True:
        datagram, client = server.recvfrom(65536)
        server.sendto(name.encode() + b" " + datagram, client)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
