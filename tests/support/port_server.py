#!/usr/bin/python3
"""port_server.py NAME PORT...: on each port, over TCP and UDP and both families, says who answered.

TCP: every line that comes is answered with "NAME PORT LINE". UDP: every datagram likewise.
"""

import selectors
import socket
import sys


def listening(kind, port):
    server = socket.socket(socket.AF_INET6, kind)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        server.listen(256)
    return server


def answer(name, port, said):
    return f"{name} {port} ".encode() + said


def serve(name, ports):
    events = selectors.DefaultSelector()

    def accept(server, port):
        connection, _ = server.accept()
        events.register(connection, selectors.EVENT_READ, (read, port))

    def read(connection, port):
        try:
            said = connection.recv(65536)
            if said:
                connection.sendall(answer(name, port, said))
                return
        except ConnectionError:
            pass
        events.unregister(connection)
        connection.close()

    def datagram(server, port):
        said, client = server.recvfrom(65536)
        server.sendto(answer(name, port, said), client)

    for port in ports:
        events.register(listening(socket.SOCK_STREAM, port), selectors.EVENT_READ, (accept, port))
        events.register(listening(socket.SOCK_DGRAM, port), selectors.EVENT_READ, (datagram, port))
    print("ready", flush=True)
    while True:
        for key, _ in events.select():
            call, port = key.data
            call(key.fileobj, port)


if __name__ == "__main__":
    serve(sys.argv[1], [int(port) for port in sys.argv[2:]])
