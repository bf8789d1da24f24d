"""Sphinx extension: what a keyboard and a screen reader need and the theme leaves out.

Code that is wider than the page can be scrolled with the arrow keys, so it must be possible to reach it with the tab
key; the captions of the contents say which level of heading they are; and the lines of a long signature, which Sphinx
writes as a list of definitions without anything that is defined, are lines.
"""

from __future__ import annotations

import re
from typing import Any

LINES = re.compile(r"<dl>\n(<dd>.*?</dd>)\n</dl>", re.S)

MENDED = {"<pre>": '<pre tabindex="0">', 'role="heading"': 'role="heading" aria-level="2"'}


def mended(html: str) -> str:
    """A piece of a page with the attributes."""
    for before, after in MENDED.items():
        html = html.replace(before, after)
    return LINES.sub(_lines, html)


def _lines(found: re.Match[str]) -> str:
    return found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")


def mend(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The listener of ``html-page-context``."""
    for part in ("body", "furo_navigation_tree"):
        if context.get(part):
            context[part] = mended(context[part])


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", mend, priority=900)  # after the theme has made its contents
    return {"parallel_read_safe": True, "parallel_write_safe": True}
