"""Sphinx extension: the docstrings of the house, whose sections and tables reStructuredText does not know.

``Main arguments``, ``Other arguments``, ``Returns``, ``Raises`` and ``Source`` become fields, tables of Markdown become
tables, and every ``:func:`` and its like must name something that exists: a public name becomes a link, a private one
plain code. sphinx.ext.napoleon knows such sections too, but takes what stands before a colon in ``Returns`` for a type,
and does not know a ``Source`` that begins on the line of its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from sphinx.util import logging

from public_names import public_name

SECTION = re.compile(r"(Main arguments|Other arguments|Attributes|Returns|Raises|Sources?):(?: +(.*))?$")
ITEM = re.compile(r"(\*{0,2}[A-Za-z_][\w.]*(?:, \*{0,2}[A-Za-z_][\w.]*)*(?: \([^)]*\))?): +(.*)$")
ROLE = re.compile(r":(func|class|meth|mod|attr|data):`([^`]+)`")
CODE = re.compile(r"(``.+?``|:\w+:`[^`]+`|`[^`]+`)")
LOG = logging.getLogger(__name__)


def fields(lines: list[str]) -> list[str]:
    """The lines of a docstring with its sections as fields and its tables as tables."""
    out: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        section = SECTION.match(line)
        if section:
            end = number + 1
            while end < len(lines) and (lines[end].startswith(" ") or (not lines[end] and not section[2])):
                end += 1
            if section[2] and end == number + 1:  # a source may go on without an indent, up to the next empty line
                while end < len(lines) and lines[end]:
                    end += 1
            body = [section[2], *lines[number + 1 : end]] if section[2] else lines[number + 1 : end]
            out += ["", f":{section[1]}:", *(f"    {text}".rstrip() for text in _body(section[1], body)), ""]
            number = end
        elif line.startswith("|"):
            end = number
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            out += ["", *_table(lines[number:end]), ""]
            number = end
        elif line and not line.startswith((" ", "..", ":", "=", "-")):
            end = number
            while end < len(lines) and lines[end] and not SECTION.match(lines[end]):
                end += 1
            out += _paragraph(lines[number:end])
            number = end
        else:
            out.append(_escaped(line))
            number += 1
    return out


def _paragraph(lines: list[str]) -> list[str]:
    """Lines without an empty one among them: text, text with a list below, or entries whose second lines hang."""
    if not any(line.startswith(" ") for line in lines) or lines[0].startswith(("* ", "- ")):
        return [_escaped(line) for line in lines]
    if lines[-1].endswith("::") or lines[0].endswith("::"):  # a block of code
        return lines
    out: list[str] = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if not line.startswith(" "):
            listed = below.startswith(" ") and line.endswith(":") and ITEM.match(below.strip())
            begins = below.startswith(" ") or line.startswith("``")
            text = _escaped(line)
            if number and lines[number - 1].startswith(" "):
                out.append("")
            out += ["", text, ""] if listed else ["", f"* {text}"] if begins and out[-1:] != [text] else [text]
        elif ITEM.match(line.strip()) and not line.startswith("     "):
            item = ITEM.match(line.strip())
            assert item
            out.append(f"* **{_escaped(item[1])}**: {_escaped(item[2])}")
        else:
            out.append("  " + _escaped(line.strip()))
    return [*out, ""]


def _body(name: str, lines: list[str]) -> Iterator[str]:
    """What stands in a section: of arguments and errors a list, otherwise text."""
    lines = [line.strip() if name in ("Returns", "Source", "Sources") else line for line in lines]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    inside = False
    for line in lines:
        text = line[indent:]
        item = ITEM.match(text) if name not in ("Returns", "Source", "Sources") else None
        if item:
            yield from ("", f"* **{_escaped(item[1].replace('*', ''))}**: {_escaped(item[2])}")
            inside = True
        elif text.startswith(" ") and inside:
            yield "  " + _escaped(text.strip())
        else:
            if inside:
                yield ""
            inside = False
            yield _escaped(text.strip())


def _escaped(line: str) -> str:
    """A line whose bars, stars and trailing underscores are meant as they are, outside of code."""
    parts = CODE.split(line)
    for place in range(0, len(parts), 2):
        head = "* " if place == 0 and parts[0].startswith("* ") else ""
        text = re.sub(r"(?<!\\)([*|])", r"\\\1", parts[place][len(head) :])
        parts[place] = head + re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
    return "".join(parts)


def _cells(row: str) -> list[str]:
    """The cells of a row of Markdown; bars within code belong to it."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\0{len(held) - 1}\0"

    cells = CODE.sub(hold, row.strip().strip("|")).split("|")
    return [re.sub(r"\0(\d+)\0", lambda found: held[int(found[1])], cell).strip() for cell in cells]


def _table(rows: list[str]) -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", "")
    for row in [rows[0], *rows[2:]]:
        for place, cell in enumerate(_cells(row)):
            yield f"   {'*' if place == 0 else ' '} - {_escaped(cell)}"


def checked_roles(text: str, module: str, owner: str = "") -> str:
    """A docstring of `module` (and of the class `owner` in it) whose references lead to public names.

    Raises:
        LookupError: a reference names nothing that exists.
    """

    def resolved(found: re.Match[str]) -> str:
        role, target = found.groups()
        name = target.lstrip("~")
        address = _address(name, module, owner)
        if address is None:
            raise LookupError(f":{role}:`{target}` in {module} names nothing that exists")
        public = public_name(address)
        shown = name.rpartition(".")[2] if target.startswith("~") or address != name else name
        return f":py:obj:`{shown} <{public}>`" if public else f"``{shown}``"

    return ROLE.sub(resolved, text)


def _address(name: str, module: str, owner: str) -> str | None:
    """The full address of what a docstring calls `name`, where it stands."""
    package = module.rpartition(".")[0]
    for prefix in ("", f"{module}.{owner}." if owner else "", f"{module}.", f"{package}.", "practicum."):
        address = prefix + name
        parts = address.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                value: Any = import_module(".".join(parts[:cut]))
            except ImportError:
                continue
            try:
                for part in parts[cut:]:
                    value = getattr(value, part)
            except AttributeError:
                if not _field(value, parts[-1]):
                    break
            return address
    return None


def _field(value: Any, name: str) -> bool:
    """Whether `name` is a field of a class, which has no attribute where it has no default."""
    return name in getattr(value, "__annotations__", {})


def process(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """The listener of ``autodoc-process-docstring``."""
    module = value.__name__ if what == "module" else getattr(value, "__module__", None) or name.rpartition(".")[0]
    owner = getattr(value, "__qualname__", "").partition(".")[0]
    if isinstance(value, property) or hasattr(value, "func"):  # of the class whose documentation this is
        function = getattr(value, "fget", None) or getattr(value, "func", None)
        module = getattr(function, "__module__", module)
        owner = getattr(function, "__qualname__", "").partition(".")[0]
    try:
        text = checked_roles("\n".join(lines), module, owner)
    except LookupError as error:
        LOG.warning("%s: %s", name, error)
        text = "\n".join(lines)
    lines[:] = fields(text.split("\n"))


def skip(app: Any, what: str, name: str, value: Any, skipped: bool, options: Any) -> bool | None:
    """The listener of ``autodoc-skip-member``: fields of a named tuple stand in the docstring of their class."""
    alias = str(getattr(value, "__doc__", "")).startswith("Alias for field number")
    return True if alias or name == "model_config" else None


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
