"""Sphinx extension: each tutorial as a Python file beside its page, derived from the page itself.

Text becomes comments, blocks become cells (``# %%``), which editors and Jupyter show one by one, and which ``marimo
convert`` takes. The file also runs as a whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FENCE = re.compile(r"^```(\w*)$")
FOLDER = "tutorials/"


def script(text: str) -> str:
    """The Python file of a page."""
    out: list[str] = []
    language: str | None = None
    for line in text.splitlines():
        fence = FENCE.match(line)
        if fence and language is None:
            language = fence[1]
            out += ["# %%"] if language == "python" else [f"# ({'prints' if language else 'text'})"]
        elif fence:
            out += ["", "# %% [markdown]"] if language == "python" else []
            language = None
        elif language == "python":
            out.append(line)
        elif not line.startswith("<!--"):
            out.append(f"# {line}".rstrip())
    return "# %% [markdown]\n" + "\n".join(out) + "\n"


def mention(app: Any, page: str, source: list[str]) -> None:
    """The listener of ``source-read``: a line below the title says where the file is."""
    if page.startswith(FOLDER):
        title, rest = source[0].split("\n", 1)
        source[0] = f"{title}\n\n*<a href='{page.removeprefix(FOLDER)}.py'>This page as a Python file</a>*\n{rest}"


def write(app: Any, error: Exception | None) -> None:
    """The listener of ``build-finished``."""
    if error is None and app.builder.format == "html":
        for page in Path(app.srcdir, FOLDER).glob("*.md"):
            Path(app.outdir, FOLDER, f"{page.stem}.py").write_text(script(page.read_text()))


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", mention)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
