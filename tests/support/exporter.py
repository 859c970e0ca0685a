"""A spillway-exporter and a Prometheus, started, asked and stopped."""

import http.client
import json
import pathlib
import re
import socket
import urllib.parse

from . import processes
from .daemon import BUILD

PROGRAM = BUILD / "tools" / "exporter" / "spillway-exporter"
_SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def get(port, path, method="GET", timeout=10):
    """(status, headers, text) of one request to a program on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Metrics:
    """What one scrape brought: asked by name and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = _SAMPLE.match(line).groups()
            self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def names(self):
        return {name for name, _, _ in self.samples}

    def of(self, name, **labels):
        """The values of all samples of that name that have these labels."""
        return [value for found, has, value in self.samples
                if found == name and labels.items() <= has.items()]

    def one(self, name, **labels):
        values = self.of(name, **labels)
        assert len(values) == 1, (name, labels, values)
        return values[0]


class Exporter:
    """As a context manager. Listens on a port of 127.0.0.1 that was free."""

    def __init__(self, instance, *options):
        self.command = [PROGRAM, "--instance", instance, "--listen", "127.0.0.1:0", *options]
        self.process = None
        self.port = None

    def __enter__(self):
        assert pathlib.Path(PROGRAM).exists(), f"no {PROGRAM}: tools/build.sh build"
        self.process = processes.start(self.command, stdout=-1, stderr=-2, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/$", line.strip()).group(1))
        return self

    def __exit__(self, kind, *_):
        code = processes.stop(self.process)
        rest = self.process.stdout.read()
        if kind is None:
            assert code == 0, f"exit status {code}:\n{rest}"

    def metrics(self):
        status, _, text = get(self.port, "/metrics")
        assert status == 200, text
        return Metrics(text)

    def status(self):
        return json.loads(get(self.port, "/status.json")[2])


class Prometheus:
    """A real one that scrapes `exporter` twice a second, with these rule files."""

    def __init__(self, directory, exporter, rule_files):
        self.directory = pathlib.Path(directory)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.file = self.directory / "prometheus.json"  # JSON is YAML
        self.file.write_text(json.dumps({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms",
                       "evaluation_interval": "500ms"},
            "rule_files": [str(name) for name in rule_files],
            "scrape_configs": [{"job_name": "spillway", "static_configs": [
                {"targets": [f"127.0.0.1:{exporter.port}"]}]}]}))
        self.process = None

    def __enter__(self):
        log = open(self.directory / "prometheus.log", "wb")  # the child's; closed with it
        self.process = processes.start(
            ["prometheus", f"--config.file={self.file}",
             f"--storage.tsdb.path={self.directory / 'prometheus'}",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        log.close()
        return self

    def __exit__(self, *_):
        processes.stop(self.process)

    def query(self, expression):
        """[(labels, value)]; empty also while it does not answer yet."""
        try:
            answer = json.loads(get(self.port, "/api/v1/query?" + urllib.parse.urlencode(
                {"query": expression}))[2])
        except (OSError, ValueError):
            return []
        return [(sample["metric"], float(sample["value"][1]))
                for sample in answer.get("data", {}).get("result", [])]

    def firing(self):
        """Names of the alerts that fire."""
        return {labels["alertname"] for labels, _ in self.query('ALERTS{alertstate="firing"}')}

    def get(self, path):
        return json.loads(get(self.port, path)[2])["data"]
