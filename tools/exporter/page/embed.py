#!/usr/bin/python3
"""Makes one C++ file of the status page.

usage: embed.py PAGE.html PAGE.css PAGE.js OUTPUT.cpp

The style and the script go into the HTML in place of /*style*/ and /*script*/; the page's content
security policy allows just these two, by their hashes.
"""

import base64
import hashlib
import pathlib
import sys

# A C++ compiler need not take longer literals.
LITERAL_MAX = 8_000


def allowed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def literals(text):
    """The text as adjacent raw string literals."""
    parts = [text[at:at + LITERAL_MAX] for at in range(0, len(text), LITERAL_MAX)]
    assert ')page"' not in text
    return "\n".join(f'R"page({part})page"' for part in parts)


def main(html, style, script, output):
    texts = [pathlib.Path(name).read_text(encoding="utf-8") for name in (html, style, script)]
    page = texts[0].replace("/*style*/", texts[1]).replace("/*script*/", texts[2])
    policy = (f"default-src 'none'; style-src {allowed(texts[1])}; script-src {allowed(texts[2])}; "
              "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
              "frame-ancestors 'none'")
    pathlib.Path(output).write_text(
        f'#include "tools/exporter/site.h"\n\nnamespace exporter {{\n\n'
        f'Page page() {{\n  return {{{literals(page)},\n\n{literals(policy)}}};\n}}\n\n'
        f'}}  // namespace exporter\n', encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
