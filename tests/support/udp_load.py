#!/usr/bin/python3
"""udp_load.py ADDRESS PORT PER_SECOND: asks a UDP echo at a steady rate, until SIGTERM.

Every tenth question comes from a new port, which is a new flow. Prints one JSON object in the end:
{"asked", "answered"}.
"""

import json
import signal
import socket
import sys
import time

QUESTIONS_A_SOCKET = 10


def main(address, port, per_second):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    print("ready", flush=True)
    asked = answered = 0
    client = None
    due = time.monotonic()
    while not stopping:
        if asked % QUESTIONS_A_SOCKET == 0:
            if client:
                client.close()
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(0.5)
            client.connect((address, port))
        asked += 1
        try:
            client.send(b"question")
            answered += bool(client.recv(100))
        except OSError:
            pass  # its target is gone: that is what the load is for
        due = max(due + 1 / per_second, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
    print(json.dumps({"asked": asked, "answered": answered}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
