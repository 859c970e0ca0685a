#!/usr/bin/python3
"""grpc_health.py PORT TLS_PORT CERTIFICATE KEY: a gRPC server with the standard health service.

Serves in clear text and under TLS. SIGUSR1: NOT_SERVING from now on; SIGUSR2: SERVING again.
"""

import signal
import sys
from concurrent import futures

import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse { status = … }


def main(port, tls_port, certificate, key):
    state = {"answer": SERVING}
    signal.signal(signal.SIGUSR1, lambda *_: state.update(answer=NOT_SERVING))
    signal.signal(signal.SIGUSR2, lambda *_: state.update(answer=SERVING))
    check = grpc.unary_unary_rpc_method_handler(lambda request, context: state["answer"])
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check}),))
    with open(certificate, "rb") as chain, open(key, "rb") as secret:
        credentials = grpc.ssl_server_credentials([(secret.read(), chain.read())])
    if not (server.add_insecure_port(f"0.0.0.0:{port}")
            and server.add_secure_port(f"0.0.0.0:{tls_port}", credentials)):
        sys.exit("a port is taken")
    server.start()
    print("ready", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
