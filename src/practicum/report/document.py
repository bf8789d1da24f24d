"""From values to a page on disk: templates, the digest that says what a page shows, and one atomic write."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from practicum import __version__
from practicum.disk.regular import open_regular, size_of
from practicum.errors import StorageError
from practicum.runs.files import replace_whole

if TYPE_CHECKING:
    import xarray as xr

_DIGEST = re.compile(r'<meta name="practicum-digest" content="([0-9a-f]{64})">')
_HEAD = 2000  # bytes of a page within which its digest stands
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


@cache
def environment() -> jinja2.Environment:
    """Templates of the package; every value is escaped, and a missing one is an error, not a blank."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("practicum.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["anchor"] = anchor
    made.filters["tie"] = tie
    return made


def render(template: str, digest: str, values: Mapping[str, Any]) -> str:
    """The text of a page."""
    style = files("practicum.report").joinpath("page.css").read_text(encoding="utf-8")
    page = environment().get_template(template)
    return page.render(digest=digest, style=style, version=__version__, **values)


def anchor(text: str) -> str:
    """An identifier for a link target: letters, digits and hyphens."""
    return _NOT_IN_A_NAME.sub("-", text).strip("-").lower() or "x"


def tie(text: str) -> str:
    """The text with no line break beside an equals sign: ``K = 3`` stays together."""
    return text.replace(" = ", "\u00a0=\u00a0").replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")


def digest_of(*parts: Any) -> str:
    """SHA-256 of what a page shows and of the code that shows it, so that no page outlives its reasons.

    Main arguments:
        parts: JSON values; what JSON does not know enters as its text.
    """
    text = json.dumps([__version__, _own_code(), *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _own_code() -> str:
    """SHA-256 of the figures' and the report's own files."""
    found = hashlib.sha256()
    for package in ("practicum.figures", "practicum.report"):
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.is_file():
                found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def digest_of_data(data: xr.Dataset) -> str:
    """SHA-256 of the names, dimensions and numbers of a dataset."""
    found = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        values = data[name].values
        content = values.tobytes() if values.dtype.kind in "biufc" else repr(values.tolist()).encode()
        found.update(f"{name} {data[name].dims} {values.dtype} {values.shape} {data[name].attrs}".encode() + content)
    found.update(repr(data.attrs).encode())
    return found.hexdigest()


def is_current(path: Path, digest: str) -> bool:
    """Whether the page at `path` is whole and shows what `digest` stands for."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
            file.seek(max(0, size_of(file) - _HEAD))
            tail = file.read(_HEAD)
    except OSError:
        return False
    found = _DIGEST.search(head.decode(errors="replace"))
    return found is not None and found[1] == digest and tail.rstrip().endswith(b"</html>")


def write_whole(path: Path, text: str) -> None:
    """Write a page completely or not at all.

    Raises:
        StorageError: the folder cannot be made or written, or the disk is full; an older page stays as it was.
    """
    try:
        replace_whole(path, text.encode())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"The report {path} cannot be written: {reason}. The runs it shows are stored; name another folder."
        ) from None
