#!/usr/bin/python3
"""weight_server.py PORT FILE: answers GETs with 200 and the header that FILE holds, if any."""

import http.server
import pathlib
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    file = pathlib.Path()

    def do_GET(self):
        self.send_response(200)
        header = self.file.read_text(encoding="ascii").strip()
        if header:
            self.send_header(*header.split(": ", 1))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Answer.file = pathlib.Path(sys.argv[2])
    server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Answer)
    print("ready", flush=True)
    server.serve_forever()
