"""Sphinx extension: signatures of values without what only pydantic reads.

A value catches arguments without a name to refuse them in a sentence, and annotates types with bounds, which the
docstring states in words.
"""

from __future__ import annotations

import re
from typing import Any

MARKER = re.compile(r"~?(?:typing\.)?Annotated\[")


def plain(signature: str) -> str:
    """A signature with types alone, and ``*`` where arguments must be named."""
    signature = re.sub(r"\*positional: [\w.~]+", "*", signature)
    while found := MARKER.search(signature):
        depth, first, end = 1, 0, found.end()
        while depth:
            depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(signature[end], 0)
            if signature[end] == "," and depth == 1 and not first:
                first = end
            end += 1
        signature = signature[: found.start()] + signature[found.end() : first or end - 1] + signature[end:]
    return signature


def process(
    app: Any, what: str, name: str, value: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The listener of ``autodoc-process-signature``."""
    return (plain(signature) if signature else signature), (plain(returns) if returns else returns)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
