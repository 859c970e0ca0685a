"""What was on a wire, and when: the kernel's time stamps of frames that an interface carried."""

import contextlib
import socket
import struct
import threading

_ALL_PROTOCOLS = 0x0003
_STAMP_NANOSECONDS = 35  # SO_TIMESTAMPNS, and the type of its message


class Turns:
    """Requests to a TCP port and their answers, as an interface of a namespace saw them.

    As a context manager; seconds() has how long each answer's first segment with data came after
    its request's.
    """

    def __init__(self, namespace, interface, port):
        self.port = port
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(_ALL_PROTOCOLS))
        self.socket.bind((interface, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, _STAMP_NANOSECONDS, 1)
        self.socket.settimeout(0.2)
        self.asked = {}  # by the client's port: when
        self.found = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.socket.close()

    def seconds(self):
        return list(self.found)

    def _read(self):
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                frame, messages, _, _ = self.socket.recvmsg(2048, 256)
                for level, kind, data in messages:
                    if level == socket.SOL_SOCKET and kind == _STAMP_NANOSECONDS:
                        self._take(frame, *struct.unpack("qq", data[:16]))

    def _take(self, frame, seconds, nanoseconds):
        if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
            return
        header = 14 + 4 * (frame[14] & 15)
        source, destination = struct.unpack_from("!HH", frame, header)
        data = 14 + struct.unpack_from("!H", frame, 16)[0] - header - 4 * (frame[header + 12] >> 4)
        if data <= 1:
            return
        now = seconds + nanoseconds / 1e9
        if destination == self.port:
            self.asked.setdefault(source, now)
        elif source == self.port and (began := self.asked.pop(destination, None)) is not None:
            self.found.append(now - began)
