#!/usr/bin/python3
"""hostile_server.py PORT: what health checks may meet, a port each from PORT on (KINDS says which).

The port behind the last tells, to whoever connects, how many visits each kind has had: JSON.
"""

import asyncio
import json
import socket
import struct
import sys

_HEAD = b"HTTP/1.1 200 OK\r\n"


async def send_for_ever(writer, head, chunk, pause=0.0):
    writer.write(head)
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(pause)


async def slowloris(_, writer):
    await send_for_ever(writer, _HEAD, b"A: b\r\n", 0.02)


async def endless_headers(_, writer):
    await send_for_ever(writer, _HEAD, b"X-Filler: yes\r\n" * 1000)


async def gigabyte_of_body(_, writer):
    await send_for_ever(writer, _HEAD + b"Content-Length: 1073741824\r\n\r\n", b"x" * 65536)


async def redirect_loop(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /healthz\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def connection_reset(reader, writer):
    await reader.read(1)
    no_lingering = struct.pack("ii", 1, 0)  # so that close() is a RST
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)


async def silence(reader, _):
    while await reader.read(65536):
        pass


async def tls_garbage(_, writer):
    await send_for_ever(writer, b"", b"\x16" * 65536)


KINDS = [slowloris, endless_headers, gigabyte_of_body, redirect_loop, connection_reset, silence,
         tls_garbage]


def name_of(kind):
    return kind.__name__.replace("_", "-")


async def main(port):
    visits = dict.fromkeys(map(name_of, KINDS), 0)

    def visited(kind):
        async def serve(reader, writer):
            visits[name_of(kind)] += 1
            try:
                await kind(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # who checks need not stay
            writer.close()
        return serve

    async def tell(_, writer):
        writer.write(json.dumps(visits).encode())
        await writer.drain()
        writer.close()

    for number, serve in enumerate([*map(visited, KINDS), tell]):
        await asyncio.start_server(serve, "0.0.0.0", port + number)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
