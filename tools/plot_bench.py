#!/usr/bin/python3
"""Draws what an established packet costs against the number of flows, from spillway-bench's JSON.

usage: plot_bench.py [--output FILE.svg] [--without-peers] BENCH.json

Points are medians, the area below reaches down to the 10th percentile. Both axes are logarithmic.
Peers are those of docs/performance.md, measured on a machine of the same kind. Exit status: 0 done,
1 nothing to draw, 2 bad usage.
"""

import argparse
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 70, 270, 60, 60
FLOWS = (1e3, 2e7)
NANOSECONDS = (1, 1000)
FLOW_TICKS = {1e3: "1k", 1e4: "10k", 1e5: "100k", 1e6: "1M", 1e7: "10M"}
NANOSECOND_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LABEL_HEIGHT = 15

# (label, what follows …/established/SIZE, colour, dashes) by the beginning of the case's name.
SERIES = (
    ("full_nat", "full_nat/v4/established/", "", "#1f5fa8", ""),
    ("full_nat, cold headers", "full_nat/v4/established/", "/cold", "#1f5fa8", "6 4"),
    ("full_nat, Zipf", "full_nat/v4/established/", "/zipf", "#1f5fa8", "2 3"),
    ("nat", "nat/v4/established/", "", "#2a8f4f", ""),
    ("full_nat v6", "full_nat/v6/established/", "", "#7a3fa0", ""),
    ("nat v6", "nat/v6/established/", "", "#b3568f", ""),
)
# docs/performance.md: {flows: nanoseconds}, inbound packets only.
PEERS = (
    ("DPVS FullNAT", {1e4: 200, 1e6: 676}),
    ("Katran XDP (encapsulates)", {1e3: 107, 1.28e5: 400, 1e6: 460}),
    ("VPP nat44-ei", {1e4: 80, 1e6: 205}),
    ("VPP lb (encapsulates)", {1e4: 45, 1.28e5: 75, 1e6: 82}),
)


def across(flows):
    """Where on the picture so many flows are."""
    share = math.log(flows / FLOWS[0]) / math.log(FLOWS[1] / FLOWS[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def down(nanoseconds):
    share = math.log(nanoseconds / NANOSECONDS[0]) / math.log(NANOSECONDS[1] / NANOSECONDS[0])
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def points(places):
    return " ".join(f"{across(flows):.1f},{down(cost):.1f}" for flows, cost in places)


def text(x, y, words, *, anchor="start", size=12, colour="#333", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}" font-weight="{weight}">{escape(words)}</text>')


def axes():
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for flows, name in FLOW_TICKS.items():
        x = across(flows)
        yield f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#e4e4e4"/>'
        yield text(x, bottom + 18, name, anchor="middle")
    for cost in NANOSECOND_TICKS:
        y = down(cost)
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#e4e4e4"/>'
        yield text(LEFT - 8, y + 4, str(cost), anchor="end")
    yield text((LEFT + right) / 2, bottom + 42, "flows", anchor="middle", size=13)
    yield (f'<text transform="translate(22 {(TOP + bottom) / 2:.0f}) rotate(-90)" font-size="13" '
           'fill="#333" text-anchor="middle">nanoseconds per packet, one core</text>')


def cases(document, prefix, suffix):
    """[(flows, p10, p50)] of the established cases of one series, fewest flows first."""
    found = []
    for figures in document["figures"]:
        size, slash, rest = figures["name"].removeprefix(prefix).partition("/")
        if figures["name"].startswith(prefix) and size and slash + rest == suffix:
            found.append((figures["flows"], figures["p10_nanoseconds"],
                          figures["p50_nanoseconds"]))
    return sorted(found)


def random_lines(document):
    """{flows: ns} of the independent random line that was read in the same tables."""
    return {figures["flows"]: figures["line_nanoseconds"] for figures in document["figures"]
            if figures["name"].startswith("full_nat/v4/established/")
            and figures["name"].count("/") == 3}


def curve(places, colour, dashes, width):
    yield (f'<polyline points="{points(places)}" fill="none" stroke="{colour}" '
           f'stroke-width="{width}" stroke-dasharray="{dashes}"/>')
    for flows, cost in places:
        yield (f'<circle cx="{across(flows):.1f}" cy="{down(cost):.1f}" r="{width + 0.5}" '
               f'fill="{colour}"/>')


def labels(wanted):
    """One beside the end of each curve, moved apart where they would overlap."""
    previous = -math.inf
    for y, words, colour, weight in sorted(wanted):
        previous = max(y + 4, previous + LABEL_HEIGHT)
        yield text(WIDTH - RIGHT + 12, previous, words, colour=colour, weight=weight)


def draw(document, with_peers):
    """The whole picture, or None if the document has no established cases."""
    wanted, curves = [], []
    for label, prefix, suffix, colour, dashes in SERIES:
        found = cases(document, prefix, suffix)
        if not found:
            continue
        medians = [(flows, p50) for flows, _, p50 in found]
        area = [*medians, *((flows, p10) for flows, p10, _ in reversed(found))]
        curves.append(f'<polygon points="{points(area)}" fill="{colour}" opacity="0.12"/>')
        curves += curve(medians, colour, dashes, 2.5 if not dashes else 1.8)
        wanted.append((down(medians[-1][1]), f"{label}: {medians[-1][1]:.0f} ns", colour, "bold"))
    if not curves:
        return None
    lines = sorted(random_lines(document).items())
    if lines:
        curves += curve(lines, "#c08a1a", "1 3", 1.5)
        wanted.append((down(lines[-1][1]), "one random line of the table", "#c08a1a", "normal"))
    for label, costs in PEERS if with_peers else ():
        places = sorted(costs.items())
        curves += curve(places, "#999", "4 3", 1.2)
        flows, cost = places[-1]
        curves.append(text(across(flows) + 8, down(cost) + 4, label, size=11, colour="#777"))
    machine = document["machine"]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 26, "An established packet through Spillway, in memory, without a NIC", size=16,
             weight="bold"),
        text(LEFT, 44, f"{machine['cpu']}; medians, down to the 10th percentile", size=11,
             colour="#777"),
        *axes(), *curves, *labels(wanted), "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=pathlib.Path, metavar="BENCH.json")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE.svg",
                        default=pathlib.Path(__file__).resolve().parents[1] / "docs"
                        / "performance.svg")
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    try:
        document = json.loads(options.bench.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"{options.bench}: {error}")
    picture = draw(document, not options.without_peers)
    if picture is None:
        print(f"plot_bench.py: {options.bench} has no established cases", file=sys.stderr)
        return 1
    options.output.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
