"""Real servers for targets: nginx, iperf3, and a UDP echo that says who answered."""

import contextlib
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import threading

from . import processes

_HERE = pathlib.Path(__file__).parent

_NGINX_CONFIG = """
daemon off;
master_process off;          # one process: killing it kills the server
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
worker_rlimit_nofile 32768;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {port} backlog=4096;
    listen [::]:{port} ipv6only=on backlog=4096;
    {more_ports}
    add_header X-Target {name} always;
    add_header X-Client $remote_addr:$remote_port always;
    location = /healthz {{ return 200 "ok\\n"; }}
    location = / {{ return 200 "{name}\\n"; }}
    location /files/ {{ alias {files}/; }}
    location /slow/ {{ alias {files}/; limit_rate {slow_rate}; }}
  }}
}}
"""


class Nginx:
    """nginx as one target's server. GET / names it, /files/NAME and /slow/NAME download a file."""

    def __init__(self, namespace, name, directory, files, port=8080, slow_rate="8m",
                 more_ports=()):
        self.namespace = namespace
        self.name = name
        self.port = port
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = None
        (self.directory / "nginx.conf").write_text(_NGINX_CONFIG.format(
            directory=self.directory, files=files, name=name, port=port, slow_rate=slow_rate,
            more_ports=" ".join(f"listen {more} backlog=1024;" for more in more_ports)))

    def start(self):
        command = ["nginx", "-p", self.directory, "-e", self.directory / "error.log",
                   "-c", self.directory / "nginx.conf"]
        with open(self.directory / "output.log", "ab") as output:
            self.process = self.namespace.start(command, stdout=output, stderr=output)
        processes.wait_until(self._answers, 10, f"{self.name}'s nginx listens on port {self.port}")

    def _answers(self):
        if self.process.poll() is not None:
            text = (self.directory / "error.log").read_text() + (
                self.directory / "output.log").read_text()
            raise RuntimeError(f"nginx of {self.name} ended: {text}")
        with self.namespace.entered(), contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def kill(self):
        """kill -9: no goodbye, its kernel answers with RST from now on."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process:
            processes.stop(self.process)


def make_file(path, megabytes):
    """Writes that many MB of noise and returns its SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(megabytes):
            block = os.urandom(1_000_000)
            digest.update(block)
            file.write(block)
    os.chmod(path, 0o644)
    return digest.hexdigest()


class Iperf3:
    """iperf3 -s, for one test at a time.

    It says "Server listening" when it is ready for a client, and again after each. Who comes before
    that is refused, and as often with a RST (their first bytes were not read) as with a word.
    """

    def __init__(self, namespace, port=5201):
        self.namespace = namespace
        self.port = port
        self.process = None
        self.ready = threading.Semaphore(0)

    def start(self):
        self.process = self.namespace.start(
            ["iperf3", "--server", "--port", self.port, "--forceflush"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        for line in self.process.stdout:
            if "Server listening" in line:
                self.ready.release()

    def wait_ready(self, timeout=10):
        """Once for each client, before it starts."""
        if not self.ready.acquire(timeout=timeout):
            raise RuntimeError("iperf3 does not listen")

    def stop(self):
        if self.process:
            processes.stop(self.process)


class UdpEcho:
    """Answers every datagram with its own name, a space and the datagram."""

    def __init__(self, namespace, name, port=5353):
        self.namespace = namespace
        self.name = name
        self.port = port
        self.process = None

    def start(self):
        self.process = self.namespace.start(
            ["/usr/bin/python3", _HERE / "udp_echo.py", self.name, self.port],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the UDP echo of {self.name} did not start")

    def stop(self):
        if self.process:
            processes.stop(self.process)


class PortServer:
    """Answers on many ports, over TCP and UDP, with its name and the port that was asked."""

    def __init__(self, namespace, name, ports):
        self.namespace = namespace
        self.name = name
        self.ports = ports
        self.process = None

    def start(self):
        self.process = self.namespace.start(
            ["/usr/bin/python3", _HERE / "port_server.py", self.name, *self.ports],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the port server of {self.name} did not start")

    def stop(self):
        if self.process:
            processes.stop(self.process)


class WeightServer:
    """A health check's other end that reports a weight: whatever report() was given last."""

    def __init__(self, namespace, directory, name, port):
        self.namespace = namespace
        self.file = pathlib.Path(directory) / f"{name}.header"
        self.port = port
        self.process = None
        self.report("")

    def report(self, header):
        """ "Name: value", or "" for none; from the next check on."""
        new = self.file.with_suffix(".new")
        new.write_text(header, encoding="ascii")
        new.replace(self.file)  # at once: a check may be reading

    def start(self):
        self.process = self.namespace.start(
            ["/usr/bin/python3", _HERE / "weight_server.py", self.port, self.file],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the weight server did not start")

    def stop(self):
        if self.process:
            processes.stop(self.process)


class SlowServer:
    """Holds its connections until release(), and counts how many there are at once."""

    def __init__(self, namespace, port):
        self.namespace = namespace
        self.port = port
        self.process = None

    def start(self):
        self.process = self.namespace.start(
            ["/usr/bin/python3", _HERE / "slow_server.py", self.port],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the slow server did not start")

    def figures(self):
        """{"accepted": …, "now": …, "most": …}"""
        return self._tell("figures")

    def shows(self, **wanted):
        """Waits until its figures are these: a client is connected before the server accepts it."""
        def reached():
            now = self.figures()
            return all(now[name] == value for name, value in wanted.items())
        processes.wait_until(reached, 10, f"{wanted} at the server; now {self.figures()}")

    def release(self, seconds):
        """From now on it holds each connection for so long only; those that are there end."""
        return self._tell(f"release {seconds}")

    def _tell(self, command):
        with self.namespace.entered(), \
                socket.create_connection(("127.0.0.1", self.port + 1), timeout=10) as told:
            told.sendall(command.encode() + b"\n")
            return json.loads(told.makefile().readline())

    def stop(self):
        if self.process:
            processes.stop(self.process)
