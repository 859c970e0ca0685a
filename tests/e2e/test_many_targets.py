"""A thousand targets that come and go, and five hundred that are checked each second.

tools/test runs it alone: it loads both CPUs, and asks that no check comes late.
"""

import copy
import signal
import time

from support import clients, namespaces, processes, servers


class Crowd:
    """Many targets on one host: one nginx that listens on many ports of many addresses."""

    ports = range(9001, 9021)

    def __init__(self, lab, host, count):
        self.host = host
        self.nginx = servers.Nginx(host, "crowd", lab.files.parent, lab.files, port=9000,
                                   more_ports=self.ports)
        hosts = [f"10.0.1.{number}" for number in range(40, 40 + -(-count // len(self.ports)))]
        self.addresses = hosts
        self.targets = [(address, port) for address in hosts for port in self.ports][:count]

    def __enter__(self):
        for address in self.addresses:
            self.host.ip("address", "add", f"{address}/32", "dev", "eth0")
        self.nginx.start()
        return self

    def __exit__(self, *_):
        self.nginx.stop()
        for address in self.addresses:
            self.host.ip("address", "delete", f"{address}/32", "dev", "eth0")

    def list(self):
        return "".join(f"{address}:{port}\n" for address, port in self.targets)

    def accepted(self):
        """TCP connections that this host's servers have ever taken."""
        with self.host.entered(), open("/proc/thread-self/net/snmp", encoding="ascii") as file:
            head, values = [line.split() for line in file if line.startswith("Tcp:")]
        return int(values[head.index("PassiveOpens")])


def post(daemon, verb, targets):
    body = {"targets": [{"address": address, "port": port} for address, port in targets]}
    status, answer = daemon.ctl.request("POST", f"/v1/target_groups/web/{verb}", body)
    assert status == 200, answer
    assert answer[f"{verb}ed"] == len(targets), answer


def change_thousand(daemon, verb, targets, file):
    """Half of them in one call, the most of the others in tens, a hundred one by one."""
    half, singles = len(targets) // 2, len(targets) - 100
    file.write_text("".join(f"{address}:{port}\n" for address, port in targets[:half]))
    daemon.ctl.run(verb, "web", "--from-file", file)
    for at in range(half, singles, 10):
        post(daemon, verb, targets[at:at + 10])
    for target in targets[singles:]:
        post(daemon, verb, [target])


def test_a_thousand_registrations_and_deregistrations_fail_no_request(lab, spillway, tmp_path):
    chosen = lab.configuration(
        workers=1, targets=(1, 2), algorithm="maglev",
        check={"protocol": "http", "path": "/healthz", "interval": 10, "timeout": 5})
    daemon = spillway(chosen)
    with Crowd(lab, lab.network.targets[2], 1000) as crowd:
        load = clients.wrk(lab.client, "http://203.0.113.10/", seconds=90, connections=8,
                           headers=["Connection: close"])
        generation = daemon.ctl.status()["generation"]
        began = time.monotonic()
        change_thousand(daemon, "register", crowd.targets, tmp_path / "targets")
        registered = time.monotonic()
        processes.wait_until(
            lambda: sum(t["new_flows"] > 0 for t in daemon.ctl.get("targets")["targets"]) > 50, 10,
            "registered targets get flows")
        served = time.monotonic()
        change_thousand(daemon, "deregister", crowd.targets, tmp_path / "targets")
        ended = time.monotonic()
        assert load.poll() is None, "the load was over too early: this test shows nothing"
        load.send_signal(signal.SIGINT)  # then wrk says what there was until now
        report = clients.wrk_report(load)
        generations = daemon.ctl.status()["generation"] - generation
        print(f"1000 registrations in {registered - began:.1f} s, 1000 deregistrations in "
              f"{ended - served:.1f} s, {generations} generations, {report['requests']} requests, "
              f"{report['failed']} failed")
        assert report["failed"] == 0, report["text"]
        assert report["requests"] > 1_000
    assert daemon.ctl.json("changes")["registered"] == []


def test_five_hundred_targets_checked_each_second_are_never_falsely_unhealthy(lab, spillway):
    """On two CPUs that two workers poll without pause, with traffic."""
    with Crowd(lab, lab.network.targets[2], 500) as crowd:
        chosen = lab.configuration(workers=2, targets=(1, 2))
        chosen["idle"] = "spin"
        crowded = copy.deepcopy(chosen["target_groups"][0])
        crowded |= {"name": "crowd", "targets": [{"address": address, "port": port}
                                                 for address, port in crowd.targets]}
        chosen["target_groups"].append(crowded)
        chosen["listeners"].append({"name": "crowd", "address": namespaces.LISTENER_ADDRESS,
                                    "port": 81, "protocol": "tcp", "target_group": "crowd"})
        daemon = spillway(chosen)
        checks = crowd.accepted()
        seconds = 12
        report = clients.wrk_report(clients.wrk(lab.client, "http://203.0.113.10/",
                                                seconds=seconds, connections=8))
        checks = crowd.accepted() - checks
        print(f"{checks} checks of 500 targets in {seconds} s beside {report['requests']} requests")
        assert checks > 500 * seconds * 0.8, "they were not checked each second"
        assert report["requests"] > 1_000
        states = {target["state"] for target in daemon.ctl.get("targets")["targets"]}
        assert states == {"healthy"}
        assert "-> unhealthy" not in daemon.log()
