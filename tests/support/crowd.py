"""Many clients that connect at the same moment, from one thread: how each of them fared."""

import dataclasses
import errno
import selectors
import socket
import time


@dataclasses.dataclass
class Client:
    connection: socket.socket
    fate: str = "waits"  # "served", "refused", "cut" (connected, but no answer), "failed …"
    connected_after: float | None = None  # seconds
    ended_after: float | None = None


class Crowd:
    """`count` clients from a namespace to an address and port; connects at once.

    Use as a context manager; run(…) goes on until each has its fate, or so many have.
    """

    def __init__(self, namespace, address, port, count):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.began = time.monotonic()
        self.selector = selectors.DefaultSelector()
        self.clients = []
        with namespace.entered():
            for _ in range(count):
                client = Client(socket.socket(family, socket.SOCK_STREAM))
                client.connection.setblocking(False)
                self.clients.append(client)
                self.selector.register(client.connection, selectors.EVENT_WRITE, client)
                error = client.connection.connect_ex((address, port))
                if error != errno.EINPROGRESS:
                    self._end(client, f"failed {errno.errorcode.get(error, error)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.connection.close()
        self.selector.close()

    def _end(self, client, fate):
        client.fate = fate
        client.ended_after = time.monotonic() - self.began
        self.selector.unregister(client.connection)
        client.connection.close()

    def _go_on(self, client):
        if client.connected_after is None:
            error = client.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == errno.ECONNREFUSED:
                return self._end(client, "refused")
            if error:
                return self._end(client, f"failed {errno.errorcode.get(error, error)}")
            client.connected_after = time.monotonic() - self.began
            self.selector.modify(client.connection, selectors.EVENT_READ, client)
            return None
        try:
            got = client.connection.recv(100)
        except OSError:
            got = b""
        return self._end(client, "served" if got == b"done\n" else "cut")

    def count(self, fate):
        return sum(client.fate == fate for client in self.clients)

    @property
    def connected(self):
        """How many have a connection now."""
        return sum(client.fate == "waits" and client.connected_after is not None
                   for client in self.clients)

    def run(self, timeout, until=lambda crowd: crowd.count("waits") == 0):
        """Goes on until the condition holds; raises if it does not in time."""
        end = time.monotonic() + timeout
        while not until(self):
            if time.monotonic() > end:
                fates = {client.fate for client in self.clients}
                raise AssertionError({fate: self.count(fate) for fate in fates}
                                     | {"connected": self.connected})
            for key, _ in self.selector.select(0.05) if self.selector.get_map() else ():
                self._go_on(key.data)
        return self
