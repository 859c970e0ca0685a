"""spillway-replay: a capture through the path, each fate and why. Scapy writes and judges."""

import collections
import json
import subprocess

import pytest
from scapy.all import ARP, IP, TCP, Ether, PcapNgWriter, raw, rdpcap, wrpcap

from support import configuration, frames, namespaces
from support.daemon import BUILD

CLIENT = namespaces.CLIENT_ADDRESS
LISTENER = namespaces.LISTENER_ADDRESS
TARGET = namespaces.target_address(1)
FRONT_MAC, BACK_MAC = "02:00:00:00:00:00", "02:00:00:00:00:01"


def written(tmp_path, **group):
    """Two ports, one target, a security group that lets web clients in but not others."""
    chosen = {
        "ports": [
            {"name": "front", "device": "net_null0",
                    "addresses": [f"{namespaces.FRONT_ADDRESS}/24"], "gateways": [CLIENT]},
            {"name": "back", "device": "net_null1",
                    "addresses": [f"{namespaces.BACK_ADDRESS}/24"]}],
        "neighbours": [{"port": "back", "address": TARGET, "mac": frames.TARGET_MAC}],
        "security_groups": [{"name": "office", "inbound": [
            {"protocol": "tcp", "ports": "80", "source": "198.51.100.0/24"}]}],
        "target_groups": [configuration.target_group(
            "web", mode="nat", targets=(1,), algorithm="maglev", unknown_flow="reset",
            check={"enabled": False}, **group)],
        "listeners": [configuration.listener("web", security_groups=["office"])],
    }
    file = tmp_path / "edge.cfg"
    file.write_text(configuration.text(chosen))
    return file


@pytest.fixture
def config_file(tmp_path):
    return written(tmp_path)


@pytest.fixture
def limited_file(tmp_path):
    """The group takes one connection, and one client may wait, for a second."""
    return written(tmp_path, max_connections=1, surge_queue={"length": 1, "timeout": 1.0})


def from_client(flags="S", source=CLIENT, port=80, sport=5555):
    return (Ether(src=frames.CLIENT_MAC, dst=FRONT_MAC) / IP(src=source, dst=LISTENER)
            / TCP(sport=sport, dport=port, flags=flags))


def from_target(flags="SA", dport=5555):
    return (Ether(src=frames.TARGET_MAC, dst=BACK_MAC) / IP(src=TARGET, dst=CLIENT)
            / TCP(sport=8080, dport=dport, flags=flags))


def capture(tmp_path, packets, name="in.pcap", gap=0.001):
    for number, packet in enumerate(packets):
        packet.time = 1_700_000_000 + number * gap
    file = tmp_path / name
    wrpcap(str(file), packets)
    return file


def replay(config_file, *words, check=True):
    done = subprocess.run([BUILD / "tools/replay/spillway-replay", "--config", config_file, *words],
                          capture_output=True, text=True, timeout=30, check=False)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def documents(done):
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]


def test_each_packet_has_a_fate_and_a_reason(tmp_path, config_file):
    file = capture(tmp_path, [
        from_client(), from_target(), from_client("A"), from_client("A", sport=6666),
        from_client(port=81), from_client(source="203.0.113.77", sport=7777),
        Ether(src=frames.CLIENT_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=CLIENT, pdst=LISTENER)])
    told, sums = documents(replay(config_file, "--in", file, "--why", "--json"))
    assert [packet["verdict"] for packet in told] == [
        "ForwardToTarget", "ForwardToClient", "ForwardToTarget", "ReplyResetUnknownFlow",
        "DropNoListener", "DropSecurityGroupInbound", "ReplyArp"]
    assert [packet["flow"] for packet in told[:4]] == ["new", "known", "known", "none"]
    assert sums == {"packets": 7, "cut": 0, "sent": 5, "released": 0, "waiting": 0,
                    "verdicts": collections.Counter(packet["verdict"] for packet in told)}
    first = told[0]
    assert (first["listener"], first["target_group"], first["target"], first["port"]) == (
        "web", "web", f"{TARGET}:8080", "front")
    steps = {step["step"]: step["says"] for step in first["steps"]}
    assert [step["says"] for step in first["steps"] if step["step"] == "security group"] == [
        "let through by office: inbound tcp 80 from 198.51.100.0/24",
        "let through by office: outbound all all to anywhere"]
    assert steps["algorithm"].startswith("maglev: place ")
    assert steps["next hop"] == f"leaves by back to {frames.TARGET_MAC}"
    blocked = {step["step"]: step["says"] for step in told[5]["steps"]}
    assert blocked["security group"] == "no inbound rule lets it in"
    assert told[1]["port"] == "back"


def test_text_says_the_same(tmp_path, config_file):
    file = capture(tmp_path, [from_client()])
    text = replay(config_file, "--in", f"front={file}", "--why").stdout
    assert text.startswith(f"1: tcp SYN {CLIENT}:5555 to {LISTENER}:80\n")
    assert f"destination {LISTENER}:80 becomes {TARGET}:8080" in text
    assert "verdict         ForwardToTarget: " in text
    assert text.splitlines()[-2] == "1 packets, 1 sent"


def test_what_is_sent_is_written_with_right_checksums(tmp_path, config_file):
    clients = capture(tmp_path, [from_client(), from_client("A"), from_client("PA")], "c.pcap", 0.1)
    targets = capture(tmp_path, [from_target()], "t.pcap")
    targets_late = rdpcap(str(targets))
    targets_late[0].time += 0.05  # between the client's first and second
    wrpcap(str(targets), targets_late)
    out = tmp_path / "out.pcap"
    replay(config_file, "--in", f"front={clients}", "--in", f"back={targets}", "--out", out)
    sent = rdpcap(str(out))
    assert [(p[IP].src, p[IP].dst, p[TCP].sport, p[TCP].dport) for p in sent] == [
        (CLIENT, TARGET, 5555, 8080), (LISTENER, CLIENT, 80, 5555),
        (CLIENT, TARGET, 5555, 8080), (CLIENT, TARGET, 5555, 8080)]
    for packet in sent:
        again = Ether(raw(packet))
        del again[IP].chksum, again[TCP].chksum
        assert raw(again) == raw(packet)


def test_flows_end_by_the_captures_clock(tmp_path, config_file):
    first, second = from_client(), from_client("A")
    file = capture(tmp_path, [first, second], gap=3600)
    told, _ = documents(replay(config_file, "--in", file, "--why", "--json"))
    assert [packet["verdict"] for packet in told] == ["ForwardToTarget", "ReplyResetUnknownFlow"]


def test_targets_that_are_down_get_nothing(tmp_path, config_file):
    file = capture(tmp_path, [from_client()])
    told, _ = documents(replay(config_file, "--in", file, "--why", "--json", "--down", TARGET))
    says = [step["says"] for step in told[0]["steps"]]
    # The only one: so the group fails open, as ELB's do.
    assert told[0]["verdict"] == "ForwardToTarget"
    assert "web: fails open, unhealthy targets get flows, too" in says


def test_pcapng_too(tmp_path, config_file):
    file = tmp_path / "in.pcapng"
    writer = PcapNgWriter(str(file))
    writer.write([from_client()])
    writer.close()
    assert "1 packets, 1 sent" in replay(config_file, "--in", file).stdout


@pytest.mark.parametrize("words, status, sentence", (
    (["--in", "missing.pcap"], 1, 'cannot read "missing.pcap"'),
    (["--in", "side={file}"], 1, "the configuration has no such port; it has front, back"),
    (["--in", "{file}", "--down", "web1"], 2, '--down "web1": is not an IP address'),
    (["--in", "{file}", "--out", "/nowhere/out.pcap"], 1, 'cannot write "/nowhere/out.pcap"'),
    ([], 2, "--in FILE is missing"),
    (["--in", "{file}", "--wy"], 2, "--wy"),
    (["--in", "{text}"], 1, "edge.cfg"),
))
def test_misuse_is_told(tmp_path, config_file, words, status, sentence):
    file = capture(tmp_path, [from_client()])
    done = replay(config_file, *(word.format(file=file, text=config_file) for word in words),
                  check=False)
    assert done.returncode == status and sentence in done.stderr, done
    assert done.stderr.startswith("spillway-replay: ")


def test_a_wrong_configuration_is_told_as_by_the_daemon(tmp_path, config_file):
    config_file.write_text(config_file.read_text().replace('"nat"', '"natt"'))
    done = replay(config_file, "--in", capture(tmp_path, [from_client()]), check=False)
    assert done.returncode == 2 and 'Did you mean "nat"?' in done.stderr


def test_who_finds_no_place_waits_for_one(tmp_path, limited_file):
    at = {0.000: from_client(sport=1), 0.001: from_target(dport=1),
          0.002: from_client("A", sport=1),
          0.010: from_client(sport=2),    # waits
          0.020: from_client(sport=3),    # the queue is full
          0.030: from_client(sport=2),    # comes again, and waits on
          0.040: from_client("FA", sport=1), 0.050: from_target("FA", dport=1),  # frees the place
          0.060: from_client(sport=4),    # waits, too long
          3.000: from_client(sport=5)}    # waits until the end
    for time, packet in at.items():
        packet.time = 1_700_000_000 + time
    file, out = tmp_path / "in.pcap", tmp_path / "out.pcap"
    wrpcap(str(file), list(at.values()))
    told, sums = documents(replay(limited_file, "--in", file, "--why", "--json", "--out", out))
    assert [(packet["number"], packet["verdict"]) for packet in told] == [
        (1, "ForwardToTarget"), (2, "ForwardToClient"), (3, "ForwardToTarget"), (4, "Wait"),
        (5, "ReplyResetSpillover"), (6, "DropWaiting"),
        (7, "ForwardToTarget"), (8, "ForwardToClient"),
        (6, "ForwardToTarget"), (9, "Wait"), (9, "ReplyResetQueueTimeout"), (10, "Wait")]
    assert sums == {"packets": 10, "cut": 0, "sent": 8, "released": 2, "waiting": 1,
                    "verdicts": collections.Counter(packet["verdict"] for packet in told)}
    says = [{step["step"]: step["says"] for step in packet["steps"]} for packet in told]
    assert says[3]["limit"] == "its target has no place left: 1 connections"
    assert says[3]["surge queue"] == "it waits, number 1 of at most 1, for at most 1 s"
    assert says[4]["surge queue"] == "1 wait, at most 1 may: there is no room"
    assert says[8]["surge queue"] == "it has waited 0.020 s", "since it came again"
    assert says[10]["surge queue"].startswith("it has waited 1.0")
    assert len(rdpcap(str(out))) == 8
    text = replay(limited_file, "--in", file).stdout
    assert "of those that waited in a surge queue, 2 went on, and 1 still wait at the end" in text
