"""Child processes that cannot outlive us, and waiting that has an end."""

import ctypes
import os
import pathlib
import signal
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Timeout(AssertionError):
    """Something that was promised did not happen in time."""


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, **options):
    """Popen whose child is killed when this process dies, however it dies."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("start_new_session", True)  # a Ctrl-C is ours to handle, not the child's
    return subprocess.Popen([str(word) for word in command], preexec_fn=_die_with_parent, **options)


def first_line(process):
    """What it says first, and not a byte more: communicate() does not see what is buffered."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode()


def stop(process, timeout=5.0, first=signal.SIGTERM):
    """Ends a process that start() made: politely, then not. Returns its exit status."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def wait_until(condition, timeout, what, interval=0.02):
    """Calls condition until it returns something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {timeout:g} s: {what}")
        time.sleep(interval)


def resident(pid):
    """Bytes of memory that a process has."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise AssertionError(f"process {pid} is gone")
