"""Sphinx extension: reference pages of public names.

A page holds the line ``<!-- public names of practicum.phases -->``, which becomes the docstring of that part and an
entry for each name in its ``__all__``. So a new public name has its entry without anybody writing it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import practicum

MARKER = re.compile(r"^<!-- public names of ([\w.]+) -->$", re.M)
DATA = {"practicum.studies.STUDIES": "practicum.studies.registry.STUDIES"}
"""Where names that are neither classes nor functions are defined, for their docstrings stand there."""
PARTS = ["practicum", *(f"practicum.{name}" for name in sorted([*practicum._MODULES, "runs", "studies"]))]
"""What has a page of its own."""


def module_of(part: str) -> Any:
    """The module behind a part: ``practicum.phases`` stands at another place."""
    name = part.rpartition(".")[2]
    return import_module(practicum._MODULES.get(name, part))


def names_of(part: str) -> list[str]:
    """The public names of a part that are no parts themselves."""
    return [name for name in module_of(part).__all__ if name not in practicum._MODULES and name != "__version__"]


@cache
def _public() -> dict[str, str]:
    """Public names by the address at which they are defined, and by every address they can be imported from."""
    found: dict[str, str] = {}
    for part in PARTS:
        found[module_of(part).__name__] = part
        for name in names_of(part):
            value, public = getattr(module_of(part), name), f"{part}.{name}"
            found.setdefault(public, public)
            found.setdefault(f"{module_of(part).__name__}.{name}", public)
            module = getattr(value, "__module__", None) or ""
            if module.startswith("practicum"):
                found.setdefault(f"{module}.{name}", public)
    return found


def public_name(address: str) -> str | None:
    """The documented name of what stands at `address`, or of a member of it; None if it is private."""
    known = _public()
    if address in known:
        return known[address]
    owner, _, member = address.rpartition(".")
    return f"{known[owner]}.{member}" if owner in known and owner.rpartition(".")[2][:1].isupper() else None


def entries(part: str) -> Iterator[str]:
    """The Markdown of a part: its docstring, and an entry a name."""
    module = module_of(part)
    if part != "practicum":
        yield from ("```{eval-rst}", f".. automodule:: {module.__name__}", "   :no-index:", "```", "")
    for name in names_of(part):
        value, home = getattr(module, name), f"{part}.{name}"
        if inspect.isclass(value):
            kind = "exception" if issubclass(value, BaseException) else "class"
        else:
            kind = "function" if callable(value) else "data"
        yield from (f"## {name}", "", "```{eval-rst}", f".. auto{kind}:: {DATA.get(home, home)}")
        yield from (["   :members:"] if kind == "class" else ["   :no-value:"] if kind == "data" else [])
        yield from ("```", "")


def expand(app: Any, page: str, source: list[str]) -> None:
    """The listener of ``source-read``."""
    source[0] = MARKER.sub(lambda found: "\n".join(entries(found[1])), source[0])


def link(app: Any, env: Any, node: Any, content: Any) -> Any:
    """The listener of ``missing-reference``: the types in signatures are known by where they are defined."""
    public = public_name(node.get("reftarget", "")) if node.get("refdomain") == "py" else None
    if public is None:
        return None
    return env.get_domain("py").resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, content)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", expand)
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
