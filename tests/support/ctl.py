"""Asks and tells a running instance: by spillwayctl, or straight through its control socket."""

import http.client
import json
import socket
import subprocess


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Ctl:
    """One instance, by its name and run directory."""

    def __init__(self, program, run_dir, instance):
        self.program = program
        self.run_dir = run_dir
        self.instance = instance

    def command(self, *words):
        return [str(self.program), "--instance", self.instance, "--run-dir", str(self.run_dir),
                *(str(word) for word in words)]

    def run(self, *words, check=True):
        """spillwayctl as an operator calls it; its completed process."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=20,
                              check=check, stdin=subprocess.DEVNULL)

    def table(self, *words):
        return self.run(*words).stdout

    def json(self, *words):
        return json.loads(self.run("--json", *words).stdout)

    def request(self, method, path, body=None):
        """(HTTP status, decoded JSON) from the control socket; OSError if nobody listens."""
        connection = _UnixConnection(self.run_dir / f"{self.instance}.sock")
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null")
        finally:
            connection.close()

    def get(self, what):
        status, body = self.request("GET", f"/v1/{what}")
        if status != 200:
            raise AssertionError(f"GET /v1/{what}: {status} {body}")
        return body

    def status(self):
        return self.get("status")

    def targets(self):
        """The targets by (group, address)."""
        return {(target["target_group"], target["address"]): target
                for target in self.get("targets")["targets"]}

    def target(self, address, group="web"):
        return self.targets()[group, address]
