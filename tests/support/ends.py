"""Both ends of connections, held by the test itself: servers in the targets' namespaces, clients in
the client's. So a test can leave a connection idle, speak from either end, and see which end was
told what, and when."""

import contextlib
import select
import socket
import threading
import time

from scapy.all import IP, TCP, raw

from . import namespaces, processes

PORT = 9000
HEALTH_PORT = 9001  # where health checks ask, so that health can change without the server


def readable(sockets, seconds):
    """Those of the sockets that have something to say within that time; any number of them."""
    waiting = select.poll()
    by_number = {one.fileno(): one for one in sockets}
    for number in by_number:
        waiting.register(number, select.POLLIN)
    return [by_number[number] for number, _ in waiting.poll(seconds * 1000)]


class Server:
    """Accepts what clients open on a target. `healthy(False)` lets checks of HEALTH_PORT fail."""

    def __init__(self, number, namespace, ports=(PORT,), health_port=HEALTH_PORT):
        self.address = namespaces.target_address(number)
        self.namespace = namespace
        self.ports = ports
        self.health_port = health_port
        self.accepted = {}  # the server's end by the client's port
        self._listening = []
        self._health = None
        self._thread = None
        self._ending = False

    def start(self):
        self.listen()
        self.healthy(True)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def listen(self):
        with self.namespace.entered():
            self._listening = [self._socket(port) for port in self.ports]

    def refuse(self):
        """No new connections; those that there are go on."""
        listening, self._listening = self._listening, []
        for one in listening:
            one.close()

    def _socket(self, port):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind(("", port))
        listening.listen(1024)
        return listening

    def healthy(self, is_healthy):
        if self._health:
            self._health.close()
        with self.namespace.entered():
            self._health = self._socket(self.health_port) if is_healthy else None

    def _accept(self):
        while not self._ending:
            listening = [*self._listening, *([self._health] if self._health else [])]
            for ready in readable([one for one in listening if one.fileno() >= 0], 0.05):
                with contextlib.suppress(OSError):  # closed meanwhile, or the client is gone
                    accepted, (address, port) = ready.accept()
                    if ready in self._listening and address == namespaces.CLIENT_ADDRESS:
                        self.accepted[port] = accepted
                    else:
                        accepted.close()  # a health check's

    def stop(self):
        self._ending = True
        if self._thread:
            self._thread.join()
        self.refuse()
        if self._health:
            self._health.close()
        for accepted in self.accepted.values():
            accepted.close()


class Connection:
    """One connection, and both its ends."""

    def __init__(self, client, server, at_server):
        self.client = client
        self.server = server
        self.at_server = at_server

    def works(self, timeout=3):
        """Bytes arrive in both directions."""
        try:
            for sender, receiver in ((self.client, self.at_server), (self.at_server, self.client)):
                sender.sendall(b"x")
                receiver.settimeout(timeout)
                if receiver.recv(1) != b"x":
                    return False
        except OSError:
            return False
        return True

    def close(self):
        self.client.close()
        self.at_server.close()


def connect(lab, servers, port=80):
    """A connection of the client's through the listener, to whichever server it comes to."""
    with lab.client.entered():
        client = socket.create_connection((namespaces.LISTENER_ADDRESS, port), timeout=5)
    local = client.getsockname()[1]

    def reached():
        return next((server for server in servers if local in server.accepted), None)
    server = processes.wait_until(reached, 5, "a server has the connection")
    return Connection(client, server, server.accepted[local])


def connect_to(lab, servers, address, attempts=30):
    """A connection to that target; those to others are closed."""
    for _ in range(attempts):
        connection = connect(lab, servers)
        if connection.server.address == address:
            return connection
        connection.close()
    raise AssertionError(f"no connection came to {address}")


def reset_within(end, seconds):
    """How long it took until that end got a RST; None if it got none."""
    begun = time.monotonic()
    if not readable([end], seconds):
        return None
    try:
        end.settimeout(1)
        end.recv(1)
    except ConnectionResetError:
        return time.monotonic() - begun
    except OSError:
        pass
    return None


class UdpClient:
    """One client's socket, which keeps its port: one flow."""

    def __init__(self, lab, port=53):
        with lab.client.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((namespaces.LISTENER_ADDRESS, port))

    def ask(self, timeout=0.5):
        """The name of the server that answers a datagram; None if none does."""
        self.socket.settimeout(timeout)
        try:
            self.socket.send(b"?")
            return self.socket.recv(100).split()[0].decode()
        except OSError:
            return None

    def close(self):
        self.socket.close()


class Forger:
    """Sends SYNs from the client's place with whatever source address."""

    def __init__(self, lab):
        with lab.client.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def syn(self, source, source_port, port=80):
        segment = TCP(sport=source_port, dport=port, flags="S", seq=source_port)
        self.socket.sendto(raw(IP(src=source, dst=namespaces.LISTENER_ADDRESS) / segment),
                           (namespaces.LISTENER_ADDRESS, 0))

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def serving(lab, **options):
    """A Server on every target, stopped in the end."""
    servers = [Server(number, namespace, **options)
               for number, namespace in enumerate(lab.network.targets, 1)]
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.stop()
