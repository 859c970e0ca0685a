"""Servers that health checks ask: nginx under TLS, gRPC, and hostile ones."""

import contextlib
import json
import pathlib
import signal
import socket
import subprocess

from . import hostile_server, processes

_HERE = pathlib.Path(__file__).parent

_NGINX_CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {port} ssl;
    server_name {name};
    ssl_protocols {protocols};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location = /healthz {{ return 200 "ok\\n"; }}
    location = /moved {{ return 301 https://$host/moved; }}
  }}
}}
"""


class Certificate:
    """A self-signed certificate for a name, as files `certificate` and `key`."""

    def __init__(self, directory, name):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.certificate = directory / "certificate.pem"
        self.key = directory / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=test target",
             "-addext", f"subjectAltName=DNS:{name}",
             "-out", self.certificate, "-keyout", self.key],
            check=True, capture_output=True, timeout=30)


class TlsNginx:
    """nginx under TLS: GET /healthz is answered with 200, GET /moved with a redirect to itself."""

    def __init__(self, namespace, directory, certificate, port=8443):
        self.namespace = namespace
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.process = None
        self.use(certificate)

    def use(self, certificate, protocols="TLSv1.2 TLSv1.3"):
        """Shows this certificate, and speaks these versions, from the next start on."""
        (self.directory / "nginx.conf").write_text(_NGINX_CONFIG.format(
            directory=self.directory, port=self.port, name=certificate.name,
            protocols=protocols, certificate=certificate.certificate, key=certificate.key))

    def start(self):
        with open(self.directory / "output.log", "ab") as output:
            self.process = self.namespace.start(
                ["nginx", "-p", self.directory, "-e", self.directory / "error.log",
                 "-c", self.directory / "nginx.conf"], stdout=output, stderr=output)
        processes.wait_until(self._answers, 10, f"nginx listens on port {self.port}")

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nginx ended: {(self.directory / 'error.log').read_text()}")
        with self.namespace.entered(), contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def stop(self):
        if self.process:
            processes.stop(self.process)


class GrpcHealth:
    """A gRPC server with the standard health service, in clear text and under TLS."""

    def __init__(self, namespace, certificate, port=50051, tls_port=50052):
        self.namespace = namespace
        self.command = ["/usr/bin/python3", _HERE / "grpc_health.py", port, tls_port,
                        certificate.certificate, certificate.key]
        self.process = None

    def start(self):
        self.process = self.namespace.start(self.command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the gRPC server did not start")

    def serving(self, does):
        self.process.send_signal(signal.SIGUSR2 if does else signal.SIGUSR1)

    def stop(self):
        if self.process:
            processes.stop(self.process)


class HostileServer:
    """A port for each kind of mischief, from PORT on; `ports` says which. See hostile_server.py."""

    PORT = 9100

    def __init__(self, namespace):
        self.namespace = namespace
        self.ports = {hostile_server.name_of(kind): self.PORT + number
                      for number, kind in enumerate(hostile_server.KINDS)}
        self.process = None

    def start(self):
        self.process = self.namespace.start(
            ["/usr/bin/python3", hostile_server.__file__, self.PORT],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the hostile server did not start")

    def visits(self):
        """How often each kind has been asked."""
        told_at = self.PORT + len(self.ports)
        with self.namespace.entered(), \
                socket.create_connection(("127.0.0.1", told_at), timeout=10) as told:
            return json.loads(told.makefile().read())

    def stop(self):
        if self.process:
            processes.stop(self.process)
