"""Sphinx extension: the contents beside each page, made from the table of ``index.md``, which names every page."""

from __future__ import annotations

import re
from typing import Any

CAPTION = re.compile(r"\| \*\*(\w+)\*\*")
LINK = re.compile(r"\]\(([^)#\s]+)\.md\)")


def sections(text: str) -> dict[str, list[str]]:
    """The pages of each row group of the table, by its bold word."""
    found: dict[str, list[str]] = {}
    caption = ""
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        if begins := CAPTION.match(line):
            caption = begins[1].capitalize()
        for page in LINK.findall(line):
            found.setdefault(caption, []).append(page)
    return found


def add(app: Any, page: str, source: list[str]) -> None:
    """The listener of ``source-read``."""
    if page != "index":
        return
    for caption, pages in sections(source[0]).items():
        source[0] += "\n".join(["", "", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""])


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
