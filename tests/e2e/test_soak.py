"""Minutes of load with everything on: memory stays flat, and the laws hold at every sample.

Run by tools/soak, or: SPILLWAY_SOAK=1 SPILLWAY_SOAK_SECONDS=60 python3 -m pytest -s … test_soak.py
"""

import contextlib
import json
import os
import pathlib
import threading
import time

import pytest

from support import clients, configuration, exporter, namespaces, processes, servers, surge
from support.crowd import Crowd
from support.daemon import broken_laws
from support.lab import URL

SECONDS = int(os.environ.get("SPILLWAY_SOAK_SECONDS", "600"))
WARM_UP = max(30, SECONDS // 5)  # more than two rounds of what the operator does
ROUND = 12  # seconds
GROWTH_MAX = 1.03
SLOW_LISTENER_PORT, UDP_PORT = 8000, 5353
SECOND = namespaces.target_address(2)
UDP_LOAD = pathlib.Path(clients.__file__).with_name("udp_load.py")


def everything(lab, flow_log):
    """Stickiness, a security group, a limit with a queue, UDP through full_nat, a flow log."""
    chosen = lab.configuration(workers=2, stickiness={"type": "source_ip", "timeout": 60})
    api = surge.limited(lab, timeout=1)["target_groups"][0] | {
        "name": "api", "deregistration_delay": {"timeout": 1}}
    chosen["target_groups"] += [
        api, configuration.target_group("dns", protocol="udp", port=UDP_PORT, mode="full_nat",
                                        check=configuration.health_check(port=8080))]
    chosen["ports"] = configuration.ports(lab.driver, full_nat=True)
    chosen["listeners"] += [
        configuration.listener("api", port=SLOW_LISTENER_PORT),
        configuration.listener("dns", port=UDP_PORT, protocol="udp")]
    everybody = [{"protocol": protocol, "source": "198.51.100.0/24"} for protocol in ("tcp", "udp")]
    return chosen | {"flow_log": {"path": str(flow_log), "sample": 0.1},
                     "security_groups": [{"name": "clients", "inbound": everybody}],
                     "balancer_security_groups": ["clients"]}


class Crowds(threading.Thread):
    """One crowd after the other, of which each is too large for places and queue together."""

    def __init__(self, lab):
        super().__init__()
        self.lab = lab
        self.stopping = threading.Event()
        self.fates = {}

    def run(self):
        while not self.stopping.is_set():
            with Crowd(self.lab.client, namespaces.LISTENER_ADDRESS, SLOW_LISTENER_PORT,
                       surge.CROWD) as crowd:
                with contextlib.suppress(AssertionError):  # its fate is "waits", which is told
                    crowd.run(30)
                for client in crowd.clients:
                    self.fates[client.fate] = self.fates.get(client.fate, 0) + 1
            self.stopping.wait(1)

    def stop(self):
        self.stopping.set()
        self.join()


class Operator:
    """A target dies and comes back, another is registered and goes, the file is read again; packets
    are captured, flows listed, and one is explained."""

    def __init__(self, lab, daemon, captured):
        self.lab = lab
        self.daemon = daemon
        self.captured = captured
        self.done = []

    def act(self, second):
        what = {1: self.kill, 2: self.capture, 3: self.flows, 5: self.revive, 6: self.register,
                8: self.explain, 9: self.deregister, 11: self.daemon.reload}.get(second % ROUND)
        if what:
            what()
            self.done.append(what.__name__)

    def kill(self):
        self.lab.nginx[2].kill()

    def revive(self):
        self.lab.nginx[2].start()

    def register(self):
        self.daemon.ctl.run("register", "api", SECOND, "--max-connections", 5)

    def capture(self):
        self.daemon.ctl.run("capture", "--verdict", "ReplyResetSpillover", "--verdict",
                            "ForwardToTarget", "--count", 3000, "--seconds", 1, "-w", self.captured)
        assert self.captured.stat().st_size > 1000

    def flows(self):
        listed = self.daemon.ctl.json("flows", "--limit", "all")
        assert len(listed["flows"]) > 0 and not listed["truncated"]

    def explain(self):
        told = self.daemon.ctl.json("explain", "--from", "198.51.100.1:555", "--to",
                                    f"{namespaces.LISTENER_ADDRESS}:{SLOW_LISTENER_PORT}")
        assert told["verdict"] in ("ForwardToTarget", "Wait", "ReplyResetSpillover"), told

    def deregister(self):
        self.daemon.ctl.run("deregister", "api", f"{SECOND}:{surge.SLOW_PORT}")


def queue_law(group):
    return group["surge_entered"] == sum(group[name] for name in (
        "surge_admitted", "surge_timed_out", "surge_left", "surge_queue_length"))


def lines_told(status):
    """What has become of the flow log's lines: written, or lost."""
    log = status["flow_log"]
    return log["written"] + log["dropped"]["slow"] + log["dropped"]["unavailable"]


def hold(law, what):
    """Figures are not read at one instant: a law that fails for a burst under way holds again."""
    return processes.wait_until(law, 3, what, 0.01)


class Sampler:
    def __init__(self, daemon, running, slow_servers, watched):
        self.daemon = daemon
        self.exporter = running
        self.slow_servers = slow_servers
        self.pids = {"spillway": daemon.ctl.status()["pid"],
                     "spillway-exporter": running.process.pid, "spillwayctl": watched.pid}
        self.memory = {name: [] for name in self.pids}
        self.polls = {}
        self.longest = 0.0  # seconds that a sample took to find its laws held

    def sample(self):
        for name, pid in self.pids.items():
            self.memory[name].append(processes.resident(pid))
        began = time.monotonic()
        status = self.no_worker_stands_still()
        for number, _ in enumerate(status["workers"]):
            hold(lambda number=number: not broken_laws(self.daemon.ctl.status()["workers"][number]),
                 f"worker {number}'s laws; now {broken_laws(status['workers'][number])}")
        hold(lambda: all(queue_law(group) for group in
                         self.daemon.ctl.get("target_groups")["target_groups"]), "queue's law")
        assert lines_told(status) <= self.daemon.ctl.status()["totals"]["flows_logged"]
        hold(self.exporter_agrees, "received = sum of verdicts, in the exporter")
        self.longest = max(self.longest, time.monotonic() - began)
        assert self.slow_servers[0].figures()["most"] <= surge.LIMIT
        assert self.slow_servers[1].figures()["most"] <= 5

    def no_worker_stands_still(self):
        status = self.daemon.ctl.status()
        assert not status["stale"], status["last_heartbeat"]
        # A sample that was late is followed by the next one at once: let each worker have its turn.
        return processes.wait_until(self.all_turned, 1, "every worker goes on turning")

    def all_turned(self):
        status = self.daemon.ctl.status()
        now = {worker["worker"]: worker["polls"] for worker in status["workers"]}
        if not all(polls > self.polls.get(number, 0) for number, polls in now.items()):
            return None
        self.polls = now
        return status

    def exporter_agrees(self):
        metrics = self.exporter.metrics()
        assert metrics.one("spillway_up") == 1 and metrics.one("spillway_stale") == 0
        return (sum(metrics.of("spillway_worker_received_packets_total"))
                == sum(metrics.of("spillway_verdict_packets_total")))

    def check_memory(self):
        told = {}
        for name, bytes_ in self.memory.items():
            # The least of a window: a reload holds two generations for a moment, while what leaks
            # never goes.
            early = min(bytes_[WARM_UP // 2:WARM_UP])
            late = min(bytes_[-WARM_UP // 2:])
            told[name] = f"{early / 1e6:.1f} -> {late / 1e6:.1f} MB"
            megabytes = " ".join(f"{one / 1e6:.1f}" for one in bytes_[::10])
            assert late <= early * GROWTH_MAX, f"{name} {told[name]}, every 10 s: {megabytes}"
        return told


@contextlib.contextmanager
def load(lab, seconds):
    """Requests on kept and on new connections, UDP questions, and crowds at the slow server."""
    wrk = clients.wrk(lab.client, URL + "/", seconds=seconds + 30, connections=8)
    requests = clients.Load(lab.client, connections=1).start()
    questions = lab.client.start(["/usr/bin/python3", UDP_LOAD, namespaces.LISTENER_ADDRESS,
                                  UDP_PORT, 100], stdout=-1, text=True)
    crowds = Crowds(lab)
    crowds.start()
    told = {}
    try:
        yield told
    finally:
        crowds.stop()
        processes.stop(wrk)
        questions.send_signal(15)
        told["udp"] = json.loads(questions.communicate(timeout=30)[0].splitlines()[-1])
        told["requests"] = {name: value for name, value in requests.stop().items()
                            if name in ("requests", "failed")}
        told["crowds"] = crowds.fates


@pytest.mark.soak
def test_memory_is_flat_and_the_laws_hold(lab, spillway, slow, tmp_path):
    echoes = [servers.UdpEcho(namespace, f"target{number}", UDP_PORT)
              for number, namespace in enumerate(lab.network.targets, 1)]
    slow_servers = [slow(1), slow(2)]
    for server in slow_servers:
        server.release(0.1)
    flow_log = tmp_path / "flows.jsonl"
    daemon = spillway(everything(lab, flow_log))
    operator = Operator(lab, daemon, tmp_path / "captured.pcapng")
    watch_file = tmp_path / "stats"
    with contextlib.ExitStack() as running:
        for echo in echoes:
            echo.start()
            running.callback(echo.stop)
        metrics = running.enter_context(exporter.Exporter(daemon.instance))
        with open(watch_file, "wb") as out:
            watched = processes.start(daemon.ctl.command("--json", "stats", "--watch", "1"),
                                      stdout=out)
        running.callback(processes.stop, watched)
        sampler = Sampler(daemon, metrics, slow_servers, watched)
        with load(lab, SECONDS) as told:
            began = time.monotonic()
            for second in range(SECONDS):
                operator.act(second)
                sampler.sample()
                time.sleep(max(0.0, began + second + 1 - time.monotonic()))
            elapsed = time.monotonic() - began
        if not lab.nginx[2].process or lab.nginx[2].process.poll() is not None:
            lab.nginx[2].start()
        memory = sampler.check_memory()
    processes.wait_until(
        lambda: lines_told(now := daemon.ctl.status()) == now["totals"]["flows_logged"] > 0, 20,
        "every line of the flow log is written, or counted as lost")
    told |= {"seconds": round(elapsed), "memory": memory, "operator": len(operator.done),
             "longest_sample_seconds": round(sampler.longest, 2)}
    the_crowds_met_what_is_counted(daemon, told, operator.done.count("deregister"))
    lines = watch_file.read_text().splitlines()
    assert len(lines) > 0.8 * SECONDS and not any(json.loads(line)["stale"] for line in lines)
    assert told["udp"]["answered"] > 0.5 * told["udp"]["asked"], told
    print(f"\nsoak: {json.dumps(told, indent=1)}\n{daemon.ctl.table('status')}")


def the_crowds_met_what_is_counted(daemon, told, deregistered):
    after = processes.wait_until(
        lambda: (now := surge.group(daemon, "api"))["surge_queue_length"] == 0 and now, 10,
        "the queue is empty")
    fates = told["crowds"]
    assert fates.keys() <= {"served", "refused"}, fates
    assert after["spillover_count"] + after["surge_timed_out"] == fates["refused"]
    assert after["spillover_count"] > 0
    # Who was given a place at a target that went at that moment begins to wait anew.
    assert after["surge_left"] <= 5 * deregistered, after
    told["queue"] = {name: value for name, value in after.items()
                     if name.startswith(("surge_", "spill"))}
