#!/usr/bin/python3
"""A tight HTTP client that knows of every request what became of it.

wrk tells totals only. This one counts exactly N requests (or runs until SIGTERM), says who answered
each, and for every failure when its request began and what happened. Prints one JSON object in the
end:
{"requests", "failed", "targets": {name: answers}, "failures": [{"at": unix time, "error"}]}.
"""

import argparse
import collections
import json
import signal
import socket
import sys
import threading
import time

FAILURES_KEPT = 1000


class Client(threading.Thread):
    """One connection's worth of requests, one after the other."""

    def __init__(self, options, tickets, stopping, start_line):
        super().__init__()
        self.address = (options.address, options.port)
        self.timeout = options.timeout
        self.keep_alive = options.keep_alive
        self.tickets = tickets
        self.stopping = stopping
        self.start_line = start_line
        self.targets = collections.Counter()
        self.failures = []
        self.failed = 0
        self.socket = None
        connection = "keep-alive" if options.keep_alive else "close"
        self.request = (f"GET {options.path} HTTP/1.1\r\nHost: {options.address}\r\n"
                        f"Connection: {connection}\r\n\r\n").encode()

    def run(self):
        if self.keep_alive:
            self.line_up()
        while not self.stopping.is_set() and self.tickets.take():
            began = time.time()
            try:
                self.targets[self.exchange()] += 1
            except (OSError, ValueError) as error:
                self.failed += 1
                self.tickets.count_failure()
                if len(self.failures) < FAILURES_KEPT:
                    self.failures.append({"at": began, "error": f"{type(error).__name__}: {error}"})
                self.close()
                time.sleep(0.01)  # a dead target must not make this a busy loop
        self.close()

    def line_up(self):
        """Opens the connection; no client asks before all have theirs, or the first ones would
        have asked for everything before the last connected."""
        try:
            self.connect()
        except OSError:
            pass  # exchange() tries again, and counts it
        self.start_line.wait(self.timeout * 2)

    def connect(self):
        self.socket = socket.create_connection(self.address, self.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def exchange(self):
        """One request and its whole answer; returns who answered."""
        if not self.socket:
            self.connect()
        self.socket.sendall(self.request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        status, *lines = data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines)}
        if status.split(" ")[1] != "200":
            raise ValueError(status)
        missing = int(headers["content-length"]) - (len(data) - end - 4)
        while missing > 0:
            missing -= len(self.receive())
        if not self.keep_alive or headers.get("connection") == "close":
            self.close()
        return headers.get("x-target", "?")

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise ValueError("connection closed before the answer was complete")
        return data


class Tickets:
    """One for each request to make, shared by all clients; none after too many failures."""

    def __init__(self, requests, failures_max):
        self.left = float("inf") if requests is None else requests
        self.failures_left = float("inf") if failures_max is None else failures_max
        self.lock = threading.Lock()

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0 and self.failures_left > 0

    def count_failure(self):
        with self.lock:
            self.failures_left -= 1


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--path", default="/")
    parser.add_argument("--requests", type=int, help="default: until SIGTERM")
    parser.add_argument("--failures-max", type=int, help="give up after so many")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--keep-alive", action="store_true")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for a request's step")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    tickets = Tickets(options.requests, options.failures_max)
    start_line = threading.Barrier(options.connections)
    clients = [Client(options, tickets, stopping, start_line) for _ in range(options.connections)]
    for client in clients:
        client.start()
    print("ready", flush=True)
    for client in clients:
        client.join()
    targets = sum((client.targets for client in clients), collections.Counter())
    failed = sum(client.failed for client in clients)
    print(json.dumps({
        "requests": sum(targets.values()) + failed,
        "failed": failed,
        "targets": dict(sorted(targets.items())),
        "failures": sorted((failure for client in clients for failure in client.failures),
                           key=lambda failure: failure["at"]),
    }))


if __name__ == "__main__":
    main(sys.argv[1:])
