"""How tools/demo speaks: headings, commands, results that are checked, and tables."""

import contextlib
import os
import sys
import time


class BrokenPromise(Exception):
    """Something that the demo was about to show did not happen."""


class Stage:
    """Prints for people: colours and changing lines on a terminal, plain lines elsewhere."""

    def __init__(self, output=sys.stdout):
        self.output = output
        self.live = output.isatty()
        self.colours = self.live and "NO_COLOR" not in os.environ
        self.promises_kept = 0

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    def line(self, text=""):
        print(text, file=self.output, flush=True)

    def chapter(self, text):
        self.line()
        self.line(self._paint("1", text))

    def say(self, text):
        self.line(f"  {text}")

    def command(self, text, remark=""):
        self.line(f"  {self._paint('36', '$ ' + text)}{'   # ' + remark if remark else ''}")

    def block(self, text):
        """A program's own output."""
        for line in text.rstrip().splitlines():
            self.line(f"    {line}")

    def promise(self, kept, text):
        """Says what was promised; if it is not so, the demo has failed."""
        if not kept:
            self.line(f"  {self._paint('31', '✗')} {text}")
            raise BrokenPromise(text)
        self.promises_kept += 1
        self.line(f"  {self._paint('32', '✓')} {text}")

    @contextlib.contextmanager
    def preparing(self, name):
        """`with stage.preparing("network") as done: …; done("3 hosts")`: one line with its time."""
        began = time.monotonic()
        if self.live:
            print(f"  … {name}", end="\r", file=self.output, flush=True)
        details = []
        yield details.append
        seconds = time.monotonic() - began
        self.line(f"  {self._paint('32', '✓')} {name:<10} {' '.join(details)}, {seconds:.1f} s")
