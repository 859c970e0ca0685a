#!/usr/bin/python3
"""slow_server.py PORT: a server that takes its time, and counts who is there at once.

PORT (IPv4 and IPv6): every connection is held until it is let go, then gets "done" and is closed.
PORT + 1: takes one command a connection, and answers with the figures as a line of JSON:

    figures          nothing but the figures
    release SECONDS  from now on each connection is let go so long after it was accepted

Figures: {"accepted": …, "now": …, "most": …}; most: connections that were there at once.
"""

import asyncio
import json
import sys


class Server:
    def __init__(self):
        self.accepted = self.now = self.most = 0
        self.seconds = 0.0
        self.released = asyncio.Event()

    def figures(self):
        return {"accepted": self.accepted, "now": self.now, "most": self.most}

    async def serve(self, _, writer):
        self.accepted += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await self.released.wait()
        await asyncio.sleep(self.seconds)
        self.now -= 1  # before the close: nobody may come for this place earlier
        try:
            writer.write(b"done\n")
            await writer.drain()
        except ConnectionError:
            pass  # the client did not wait
        writer.close()

    async def obey(self, reader, writer):
        words = (await reader.readline()).decode().split()
        if words[0] == "release":
            self.seconds = float(words[1])
            self.released.set()
        writer.write(json.dumps(self.figures()).encode() + b"\n")
        await writer.drain()
        writer.close()


async def main(port):
    server = Server()
    hosts = ["0.0.0.0", "::"]
    async with await asyncio.start_server(server.serve, hosts, port, backlog=4096), \
            await asyncio.start_server(server.obey, hosts, port + 1):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
