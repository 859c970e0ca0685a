"""A terminal that a test types into and looks at: tmux."""

import os
import re
import subprocess

from . import processes


class Terminal:
    """A tmux server of its own, with one window of 80x24."""

    def __init__(self, directory, command):
        self.socket = directory / "tmux"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                  *(str(word) for word in command))

    def tmux(self, *words, check=True):
        environment = os.environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        return subprocess.run(["tmux", "-S", str(self.socket), *words], capture_output=True,
                              text=True, check=check, timeout=10, env=environment).stdout

    def text(self):
        return self.tmux("capture-pane", "-p")

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def wait(self, pattern, what):
        def seen():
            text = self.text()
            return text if re.search(pattern, text) else None
        try:
            return processes.wait_until(seen, 10, what)
        except processes.Timeout as error:
            raise AssertionError(f"{error}; /{pattern}/ is not in\n{self.text()}") from None

    def gone(self):
        return "no server" in subprocess.run(
            ["tmux", "-S", str(self.socket), "list-sessions"], capture_output=True, text=True,
            check=False).stderr

    def close(self):
        self.tmux("kill-server", check=False)
