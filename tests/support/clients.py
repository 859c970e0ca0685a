"""Real clients: our own counting one (load.py), wrk, curl, iperf3."""

import json
import pathlib
import re
import signal
import subprocess

from . import namespaces, processes

_HERE = pathlib.Path(__file__).parent


class Load:
    """load.py in a namespace, in the background: start(), then finish() for what became of it."""

    def __init__(self, namespace, *, address=namespaces.LISTENER_ADDRESS, port=80, requests=None,
                 connections=16, keep_alive=False, path="/", timeout=5.0):
        self.namespace = namespace
        self.command = ["/usr/bin/python3", _HERE / "load.py", address, port, "--path", path,
                        "--connections", connections, "--timeout", timeout]
        if requests is not None:
            # Nobody wants to wait for 10,000 time-outs.
            self.command += ["--requests", requests, "--failures-max", 100]
        if keep_alive:
            self.command += ["--keep-alive"]
        self.process = None

    def start(self):
        self.process = self.namespace.start(self.command, stdout=subprocess.PIPE, text=True)
        if processes.first_line(self.process) != "ready\n":
            raise RuntimeError("load.py did not start")
        return self

    def finish(self, timeout=120):
        """Waits for the requests that were asked for, and returns the report."""
        try:
            output, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            processes.stop(self.process, first=signal.SIGKILL)
            raise processes.Timeout(f"load.py still runs after {timeout} s") from None
        return json.loads(output)

    def stop(self):
        """Ends a load without a number of requests, and returns the report."""
        self.process.send_signal(signal.SIGTERM)
        return self.finish(timeout=30)

    def run(self, timeout=120):
        return self.start().finish(timeout)


def wrk(namespace, url, *, seconds, connections=32, threads=1, headers=()):
    """wrk in the background; pass the process to wrk_report."""
    command = ["timeout", "--kill-after=1", seconds + 10,  # wrk hangs if no connection ever opens
               "wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    return namespace.start([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)


def wrk_report(process):
    """{"requests", "per_second", "failed", "text"}: failed is socket errors and answers not 2xx."""
    text, _ = process.communicate(timeout=120)
    requests = re.search(r"(\d+) requests in", text)
    if not requests:
        raise RuntimeError(f"wrk did not finish: {text}")
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(int(number) for number in errors.groups()) if errors else 0
    return {
        "requests": int(requests[1]),
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "failed": failed + (int(refused[1]) if refused else 0),
        "text": text,
    }


def curl_spread(namespace, url, requests):
    """That many curl requests, each on a connection of its own: {target's name: answers}.

    One curl process; what was not answered with 200 counts under "failed".
    """
    done = namespace.run(
        ["curl", "--silent", "--max-time", 60, "--connect-timeout", 3,
         "--header", "Connection: close", "--output", "/dev/null",
         "--write-out", "%{http_code} %header{x-target}\\n",
         f"{url}?[1-{requests}]"], check=False, timeout=90)
    answers = {}
    for line in done.stdout.splitlines():
        status, _, name = line.partition(" ")
        name = name if status == "200" else "failed"
        answers[name] = answers.get(name, 0) + 1
    return answers


def download(namespace, url, timeout=120):
    """A curl download in the background that ends in `SHA256  -` on stdout."""
    return namespace.start(
        ["bash", "-o", "pipefail", "-c", 'curl --silent --show-error --fail --max-time "$1" "$2" | '
         "sha256sum", "download", timeout, url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def download_digest(process, timeout=120):
    output, errors = process.communicate(timeout=timeout)
    if process.returncode != 0:
        raise AssertionError(f"curl failed: {errors.strip()}")
    return output.split()[0]


def iperf3(namespace, server, *, address=namespaces.LISTENER_ADDRESS, port=5201, seconds=3,
           udp=False, reverse=False, megabits=None):
    """iperf3's own JSON report; raises if it could not run to its end. `server`: its Iperf3."""
    command = ["iperf3", "--client", address, "--port", port, "--time", seconds, "--json",
               "--connect-timeout", 3000]
    command += ["--udp"] if udp else []
    command += ["--reverse"] if reverse else []
    command += ["--bitrate", f"{megabits}M"] if megabits else []
    server.wait_ready()
    done = namespace.run(command, check=False, timeout=seconds + 30)
    report = json.loads(done.stdout or "{}")
    error = report.get("error") or (done.stderr.strip() if done.returncode != 0 else "")
    if error:
        raise AssertionError(f"iperf3: {error}")
    return report
