"""Health checks of every protocol against real servers: what fails, why, and that it comes back."""

import contextlib

import pytest

from support import checked, namespaces, servers

SECOND = namespaces.target_address(2)
NAME = "targets.example"
HEALTH_METHOD = "/grpc.health.v1.Health/Check"


@pytest.fixture(scope="module")
def certificate(lab):
    return checked.Certificate(lab.files.parent / "certificate", NAME)


@contextlib.contextmanager
def running(started):
    """All of them, stopped in the end."""
    try:
        for server in started:
            server.start()
        yield started
    finally:
        for server in started:
            server.stop()


@pytest.fixture
def checks(lab, spillway):
    """checks(**keys) starts a balancer that asks its targets this way, twice a second."""
    def start(**keys):
        check = {"interval": 0.5, "timeout": 0.5, "healthy_threshold": 2,
                 "unhealthy_threshold": 2} | keys
        return spillway(lab.configuration(check=check))
    return start


def fails_and_comes_back(daemon, breaks, heals, words, reason="Target.FailedHealthChecks"):
    """The second target: what is said of it once it is broken, and that it returns."""
    breaks()
    try:
        target = daemon.wait_state(SECOND, "unhealthy")
        assert target["reason"] == reason, target
        assert words in target["detail"], target
        line = daemon.wait_log(rf"{SECOND}.*healthy -> unhealthy.*")
        assert words in line[0], line[0]
    finally:
        heals()
    daemon.wait_state(SECOND, "healthy")
    for number in (1, 3):
        assert daemon.ctl.target(namespaces.target_address(number))["state"] == "healthy"


def test_tcp(lab, checks):
    daemon = checks(protocol="tcp")
    fails_and_comes_back(daemon, lab.nginx[1].kill, lab.nginx[1].start, "connection refused")


def test_matcher(lab, checks):
    asked = {"protocol": "http", "path": "/no-such-page"}
    daemon = checks(**asked, matcher="200,403-404,410")
    check = asked | {"interval": 0.5, "timeout": 0.5, "unhealthy_threshold": 1,
                     "matcher": "200,403,405-499"}
    daemon.reload({"instance": daemon.instance} | lab.configuration(check=check))
    target = daemon.wait_state(SECOND, "unhealthy")
    assert target["reason"] == "Target.ResponseCodeMismatch", target
    assert "HTTP 404, expected 200,403,405-499" in target["detail"], target


def test_minimum_version(lab, checks, certificate, tmp_path):
    with running([checked.TlsNginx(namespace, tmp_path / f"nginx{number}", certificate)
                  for number, namespace in enumerate(lab.network.targets, 1)]) as nginx:
        daemon = checks(protocol="https", port=8443, path="/healthz",
                        tls={"minimum_version": "1.3"})

        def speak(protocols):
            nginx[1].stop()
            nginx[1].use(certificate, protocols)
            nginx[1].start()
        fails_and_comes_back(daemon, lambda: speak("TLSv1.2"), lambda: speak("TLSv1.2 TLSv1.3"),
                             "TLS")


def test_https_verified(lab, checks, certificate, tmp_path):
    other = checked.Certificate(tmp_path / "other", NAME)
    with running([checked.TlsNginx(namespace, tmp_path / f"nginx{number}", certificate)
                  for number, namespace in enumerate(lab.network.targets, 1)]) as nginx:
        daemon = checks(protocol="https", port=8443, path="/healthz", matcher="200-299",
                        tls={"server_name": NAME, "verify": True,
                             "ca_file": str(certificate.certificate)})

        def restart(shown):
            nginx[1].stop()
            nginx[1].use(shown)
            nginx[1].start()
        fails_and_comes_back(daemon, lambda: restart(other), lambda: restart(certificate),
                             "certificate refused: self")


def test_https_follows_no_redirect(lab, checks, certificate, tmp_path):
    with running([checked.TlsNginx(namespace, tmp_path / f"nginx{number}", certificate)
                  for number, namespace in enumerate(lab.network.targets, 1)]):
        checked_for = {"protocol": "https", "port": 8443, "path": "/moved"}
        daemon = checks(**checked_for, matcher="200-399")
        check = {"interval": 0.5, "timeout": 0.5, "unhealthy_threshold": 1, "matcher": "200-299"}
        daemon.reload({"instance": daemon.instance} | lab.configuration(check=check | checked_for))
        target = daemon.wait_state(SECOND, "unhealthy")
        assert target["reason"] == "Target.ResponseCodeMismatch", target
        assert "HTTP 301, expected 200-299" in target["detail"], target


@pytest.mark.parametrize("keys", [{"port": 50051}, {"port": 50052, "tls": {
    "minimum_version": "1.3"}}], ids=["clear text", "TLS"])
def test_grpc_health_service(lab, checks, certificate, keys):
    with running([checked.GrpcHealth(namespace, certificate)
                  for namespace in lab.network.targets]) as started:
        daemon = checks(protocol="grpc", path=HEALTH_METHOD, **keys)
        fails_and_comes_back(daemon, lambda: started[1].serving(False),
                             lambda: started[1].serving(True),
                             "gRPC NOT_SERVING, expected SERVING", "Target.ResponseCodeMismatch")


def test_grpc_as_elastic_load_balancing_asks(lab, checks, certificate):
    with running([checked.GrpcHealth(namespace, certificate)
                  for namespace in lab.network.targets]) as started:
        daemon = checks(protocol="grpc", port=50051)
        assert "gRPC 12 UNIMPLEMENTED" in daemon.ctl.target(SECOND)["detail"]
        fails_and_comes_back(daemon, started[1].stop, started[1].start, "connection refused")


def test_udp(lab, checks):
    with running([servers.UdpEcho(namespace, f"target{number}")
                  for number, namespace in enumerate(lab.network.targets, 1)]) as echoes:
        daemon = checks(protocol="udp", port=5353, send="ping", expect="target")
        fails_and_comes_back(daemon, echoes[1].stop, echoes[1].start, "port unreachable (ICMP)")


def test_icmp(lab, checks):
    def ignore(echoes):
        lab.network.targets[1].run(["sysctl", "-w", f"net.ipv4.icmp_echo_ignore_all={echoes}"])
    daemon = checks(protocol="icmp")
    fails_and_comes_back(daemon, lambda: ignore(1), lambda: ignore(0), "no echo reply within 0.5 s",
                         "Target.Timeout")
