"""A headless Chromium, spoken to over a pipe in its DevTools protocol."""

import base64
import json
import os
import pathlib

from . import processes


class Browser:
    """One page, as a context manager."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.number = 0
        self.page = None

    def __enter__(self):
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        log = open(self.directory / "chromium.log", "wb")  # the child's
        # bash (dash knows only descriptors of one digit) puts the pipe where Chromium looks for it.
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
                   f"--user-data-dir={self.directory / 'profile'}", "about:blank"]
        shell = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command]
        self.process = processes.start(shell, stdout=log, stderr=log,
                                       pass_fds=(theirs_in, theirs_out))
        log.close()
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.page = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.problems = []
        self.call("Runtime.enable")
        self.call("Log.enable")
        return self

    def __exit__(self, *_):
        processes.stop(self.process)
        os.close(self.out)
        os.close(self.into)

    def call(self, method, **parameters):
        """One command's result; what the page complains of is kept in `problems`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.page:
            message["sessionId"] = self.page
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(answer["params"])

    def _message(self):
        while b"\0" not in self.rest:
            more = os.read(self.into, 1 << 16)
            assert more, "Chromium is gone:\n" + (self.directory / "chromium.log").read_text()
            self.rest += more
        message, _, self.rest = self.rest.partition(b"\0")
        return message

    def open(self, url, width=1280, height=900, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)
        self.call("Page.navigate", url=url)

    def value(self, script):
        """What a script evaluates to."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script, timeout, what):
        return processes.wait_until(lambda: self.value(script), timeout, what, 0.1)

    def screenshot(self, file):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(data))
