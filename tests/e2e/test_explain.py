"""What would become of a packet: the daemon's word against what then becomes of it."""

import json
import socket

CLIENT = "198.51.100.1"
LISTENER = "203.0.113.10"


def explained(daemon, source_port, *words, to=f"{LISTENER}:80"):
    done = daemon.ctl.run("--json", "explain", "--from", f"{CLIENT}:{source_port}", "--to", to,
                          *words)
    return json.loads(done.stdout)


def answered(daemon, target, client_port):
    """What would become of the target's answer."""
    done = daemon.ctl.run("--json", "explain", "--from", target, "--to", f"{CLIENT}:{client_port}",
                          "--flags", "ACK")
    return json.loads(done.stdout)


def step(story, name):
    return [each["says"] for each in story["steps"] if each["step"] == name]


def connect(lab, source_port):
    """A connection of the client's from that port, and the name of the target that answered."""
    with lab.client.entered():
        client = socket.create_connection((LISTENER, 80), 5, source_address=("", source_port))
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(4096)
    names = [line.split(b": ")[1].decode() for line in answer.split(b"\r\n")
             if line.lower().startswith(b"x-target: ")]
    return client, names[0]


def test_the_target_that_was_foretold_answers(lab, spillway):
    daemon = spillway(lab.configuration(algorithm="maglev", workers=2))
    seen = set()
    before = daemon.ctl.status()["totals"]["received"]
    for source_port in range(40_000, 40_012):
        story = explained(daemon, source_port)
        assert (story["verdict"], story["flow"]) == ("ForwardToTarget", "new"), story
        client, name = connect(lab, source_port)
        number = int(story["target"].split(":")[0].rsplit(".", 1)[1]) - 10
        assert name == f"target{number}", story
        seen.add(name)
        again = explained(daemon, source_port, "--flags", "ACK")
        assert (again["flow"], again["target"]) == ("known", story["target"])
        assert again["worker"] == story["worker"]
        assert again["verdict"] == "ForwardToTarget"
        assert step(again, "flow")[0].startswith("known: established, ")
        assert step(again, "next hop") == step(story, "next hop")
        assert step(again, "rewrite") == step(story, "rewrite")
        back = answered(daemon, story["target"], source_port)
        assert (back["verdict"], back["flow"]) == ("ForwardToClient", "known"), back
        assert back["worker"] == story["worker"]
        assert step(back, "rewrite")[0] == f"source {story['target']} becomes {LISTENER}:80"
        flows = daemon.ctl.json("flows", "--client", f"{CLIENT}:{source_port}", "--state",
                                "established")["flows"]
        assert [flow["worker"] for flow in flows] == [story["worker"]]
        client.close()
    assert len(seen) == 3
    assert daemon.ctl.status()["totals"]["received"] > before


def test_a_trial_leaves_no_trace(lab, spillway):
    daemon = spillway(lab.configuration())
    for source_port in range(41_000, 41_020):
        explained(daemon, source_port)
    totals = daemon.ctl.status()["totals"]
    assert totals["flows_inserted"] == 0
    assert all(target["new_flows"] == 0 for target in daemon.ctl.targets().values())


def test_refusals_are_explained(lab, spillway):
    chosen = lab.configuration(algorithm="maglev", unknown_flow="reset")
    chosen["security_groups"] = [{"name": "office", "inbound": [
        {"protocol": "tcp", "ports": "80", "source": f"{CLIENT}/32"}]}]
    chosen["listeners"][0]["security_groups"] = ["office"]
    daemon = spillway(chosen)
    story = explained(daemon, 5555)
    assert step(story, "security group")[0] == (
        f"let through by office: inbound tcp 80 from {CLIENT}/32")
    unknown = explained(daemon, 5555, "--flags", "ACK")
    assert (unknown["verdict"], unknown["flow"]) == ("ReplyResetUnknownFlow", "none")
    assert explained(daemon, 5555, to=f"{LISTENER}:81")["verdict"] == "DropNoListener"
    done = daemon.ctl.run("--json", "explain", "--from", "198.51.100.77:1", "--to",
                          f"{LISTENER}:80")
    assert json.loads(done.stdout)["verdict"] == "DropSecurityGroupInbound"
    text = daemon.ctl.run("explain", "--from", f"{CLIENT}:5555", "--to", f"{LISTENER}:80").stdout
    assert text.startswith(f"tcp SYN {CLIENT}:5555 to {LISTENER}:80\n")
    assert "becomes 10.0.1." in text and "ForwardToTarget: " in text


def ages(daemon):
    return {int(flow["client"].rsplit(":", 1)[1]): flow["age_seconds"]
            for flow in daemon.ctl.json("flows")["flows"]}


def test_flows_are_filtered_and_sorted(lab, spillway):
    daemon = spillway(lab.configuration(workers=2))
    clients = [connect(lab, port)[0] for port in range(42_000, 42_006)]
    clients[3].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    while clients[3].recv(65536).count(b"HTTP/1.1 200") == 0:
        pass

    def ports(*words):
        flows = daemon.ctl.json("flows", *words)["flows"]
        return [int(flow["client"].rsplit(":", 1)[1]) for flow in flows]

    assert sorted(ports()) == list(range(42_000, 42_006))
    assert ports("--sort", "bytes", "--limit", "1") == [42_003]
    assert ports("--client", f"{CLIENT}:42001") == [42_001]
    assert len(ports("--client", "198.51.100.0/24", "--listener", "web", "--protocol", "tcp")) == 6
    assert ports("--client", "192.0.2.0/24") == ports("--state", "closing") == []
    assert ports("--idle", "1h") == [] and len(ports("--idle", "0s")) == 6
    assert ports("--age", "1h") == [] and len(ports("--age", "0s")) == 6
    assert ports("--sort", "age") == sorted(ports(), key=ages(daemon).get, reverse=True)
    assert sorted(ports("--limit", "all", "--target-group", "web")) == list(range(42_000, 42_006))
    for client in clients:
        client.close()


def test_wrong_questions_are_told(lab, spillway):
    daemon = spillway(lab.configuration())
    for words, status, sentence in (
            (("explain", "--from", f"{CLIENT}:1"), 2, "--to is missing"),
            (("explain", "--from", CLIENT, "--to", f"{LISTENER}:80"), 2, "an address and port"),
            (("explain", "--from", f"{CLIENT}:1", "--to", "[2001:db8::10]:80"), 2,
             "two address families"),
            (("explain", "--from", f"{CLIENT}:1", "--to", f"{LISTENER}:80", "--port", "side"), 2,
             'there is no port "side"'),
            (("explain", "--from", f"{CLIENT}:1", "--to", f"{LISTENER}:80", "--flags", "XMAS"), 2,
             "SYN, ACK, FIN, RST and PSH"),
            (("flows", "--client", "web"), 2, "a network such as"),
            (("flows", "--state", "open"), 2, "established"),
            (("flows", "--sort", "name"), 2, "bytes, packets, idle and age"),
            (("flows", "--sort", "age", "--limit", "all"), 2, "10000 flows at most"),
            (("flows", "--listener", "none"), 1, 'there is no listener "none"')):
        done = daemon.ctl.run(*words, check=False)
        assert done.returncode == status and sentence in done.stderr, (words, done)
