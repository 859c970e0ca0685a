"""The exporter's web page in a real browser: figures, phone, access, and hostile texts."""

import http.server
import threading

import pytest

from support import browser, clients, exporter, namespaces

SECOND = namespaces.target_address(2)
HOSTILE = '<img src=x onerror="document.title=1"><script>window.hurt=1</script>'

# What a reader of the page without eyes, or with weak ones, needs.
AUDIT = """(() => {
  const wrong = [];
  const need = (held, what) => { if (!held) wrong.push(what); };
  need(document.documentElement.lang === "en", "language");
  for (const mark of ["header", "main", "footer"])
    need(document.querySelectorAll(mark).length === 1, mark);
  need(document.querySelectorAll("h1").length === 1, "one h1");
  need(document.querySelector("[aria-live]"), "a live region");
  for (const table of document.querySelectorAll("table")) {
    for (const head of table.tHead.querySelectorAll("th"))
      need(head.scope === "col", "th scope");
    for (const row of table.tBodies[0].rows)
      need(row.cells[0].tagName === "TH" || row.cells[0].colSpan > 1, "row header");
  }
  for (const input of document.querySelectorAll("input, select"))
    need(input.labels.length === 1, "label of " + input.id);
  for (const canvas of document.querySelectorAll("canvas"))
    need(canvas.getAttribute("aria-label"), "canvas text");
  const curve = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const channel = (c) => curve(c / 255);
  const light = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = "h1, h2, p, th, td, dt, dd, label, .badge, .quiet, a";
  for (const element of document.querySelectorAll(texts)) {
    if (!element.textContent.trim() || !element.offsetParent) continue;
    const a = light(numbers(getComputedStyle(element).color)), b = light(ground(element));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    need(contrast >= 4.5,
         `contrast ${contrast.toFixed(1)}: ${element.textContent.slice(0, 20)}`);
  }
  return wrong;
})()"""


@pytest.fixture
def page(tmp_path):
    with browser.Browser(tmp_path) as running:
        yield running


def row_of(text):
    return f"""[...document.querySelectorAll("#targets tbody tr")]
        .map((row) => row.innerText).find((text) => text.includes("{text}")) || "" """


def test_targets_with_states_rates_and_reasons(lab, spillway, page, tmp_path):
    daemon = spillway(lab.configuration(workers=2))
    load = clients.Load(lab.client, connections=4).start()
    try:
        with exporter.Exporter(daemon.instance) as running:
            url = f"http://127.0.0.1:{running.port}/"
            page.open(url)
            page.wait('document.querySelectorAll("#targets tbody tr").length === 3', 20, "targets")
            page.wait('/[1-9][\\d.k]*\\/s/.test('
                      'document.querySelector("#listeners tbody").innerText)', 10, "a rate")
            page.wait('document.querySelector("#listeners path.line") !== null', 10, "a sparkline")
            assert page.value('document.title') == f"Spillway {daemon.instance}"
            assert page.value('document.getElementById("health").innerText') == "running"

            lab.nginx[1].kill()
            try:
                daemon.wait_state(SECOND, "unhealthy")
                row = row_of(SECOND)
                text = page.wait(f'({row}).includes("unhealthy") && {row}', 10,
                                 "the page says so")
            finally:
                lab.nginx[1].start()
            assert "Target.FailedHealthChecks" in text and "refused" in text.lower(), text
            assert page.value(AUDIT) == []
            page.screenshot(tmp_path / "desktop.png")

            page.value('(document.getElementById("filter").value = "nothing-like-it", '
                       'document.getElementById("filter").dispatchEvent(new Event("input")))')
            assert "0 of 3" in page.value('document.getElementById("shown").innerText')
            daemon.wait_healthy()

            page.open(url, width=390, height=844, mobile=True)
            page.wait('document.querySelectorAll("#targets tbody tr").length === 3', 10, "targets")
            wide = page.value("document.documentElement.scrollWidth")
            assert wide <= 390, "nobody has to scroll sideways"
            assert page.value(AUDIT) == []
            page.screenshot(tmp_path / "phone.png")
            assert page.problems == []

            load.stop()
            load = None
            daemon.kill()
            page.wait('!document.getElementById("banner").hidden', 10, "a banner")
            assert "stale" in page.value('document.getElementById("banner").innerText')
            daemon.start()
            page.wait('document.getElementById("banner").hidden', 15, "it follows the next daemon")
        page.wait('document.getElementById("health").innerText === "no connection"', 10,
                  "an exporter that is gone is noticed")
    finally:
        if load:
            load.stop()


class Hostile(http.server.BaseHTTPRequestHandler):
    """The exporter's own page, but every text in status.json is markup."""

    exporter_port = 0

    def do_GET(self):  # the name is http.server's
        _, headers, text = exporter.get(self.exporter_port, self.path)
        if self.path.startswith("/status.json"):
            for word in ("10.0.1.11", "healthy", "Target.", "test-"):
                text = text.replace(word, HOSTILE.replace('"', '\\"'))
            text = text.replace('"detail":"', '"detail":"' + HOSTILE.replace('"', '\\"'))
        body = text.encode()
        self.send_response(200)
        for name in ("Content-Type", "Content-Security-Policy"):
            self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_texts_from_outside_stay_texts(lab, spillway, page):
    daemon = spillway(lab.configuration())
    with exporter.Exporter(daemon.instance) as running:
        Hostile.exporter_port = running.port
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            page.open(f"http://127.0.0.1:{server.server_port}/")
            page.wait('document.querySelectorAll("#targets tbody tr").length === 3', 20, "targets")
            assert "<img src=x" in page.value(
                'document.querySelector("#targets tbody").textContent'), "the text is not there"
            assert page.value('document.querySelectorAll("img").length') == 0
            assert page.value('document.querySelectorAll("script").length') == 1
            assert page.value("window.hurt") is None
            assert page.problems == []
            server.shutdown()
