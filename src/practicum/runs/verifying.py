"""Every sealed file of a folder, read completely: a run, and whatever else stands beside the runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from practicum.canonical import ID_LENGTH
from practicum.errors import StorageError
from practicum.runs import failures, reading
from practicum.runs.files import read_sealed
from practicum.runs.index import listed

_ID = rf"[0-9a-f]{{{ID_LENGTH}}}"
COPY = re.compile(rf"{_ID}\.parts")
"""The folder of a consolidated copy of many runs."""


class Checked(NamedTuple):
    """A file, what it is (``"run"``, ``"failed run"``, ``"sweep"``, ``"checkpoint"``, ``"consolidated copy"``), and
    what is wrong with it: nothing if it is whole."""

    path: Path
    kind: str
    problem: str


def kind_of(name: str) -> str:
    """What a file of this name, as :func:`sealed_files` gives it, is; nothing if it is none of ours."""
    return next((kind for kind, (pattern, _) in _KINDS.items() if pattern.fullmatch(name)), "")


def verify_files(folder: Path, prefix: str = "", progress: Callable[[float], None] | None = None) -> Iterator[Checked]:
    """Read every sealed file of a folder, by kind and name.

    Main arguments:
        prefix: only files whose name begins with it.

    Other arguments:
        progress: called with the fraction done.

    Raises:
        StorageError: the folder cannot be read.
    """
    order = list(_KINDS)
    names = [name for name in sealed_files(folder) if name.startswith(prefix.lower())]
    for count, name in enumerate(sorted(names, key=lambda name: (order.index(kind_of(name)), name)), 1):
        kind, path = kind_of(name), folder / name
        try:
            _KINDS[kind][1](path)
        except StorageError as error:
            if os.path.lexists(path):  # or it was removed since the folder was listed
                yield Checked(path, kind, str(error))
        else:
            yield Checked(path, kind, "")
        if progress is not None:
            progress(count / len(names))


def sealed_files(folder: Path) -> list[str]:
    """The files of a folder, and of the copies in it, that have a name of ours: relative to the folder, in no order.

    Raises:
        StorageError: the folder cannot be read.
    """
    entries = listed(folder)
    found = list(entries)
    for name, entry in entries.items():
        if COPY.fullmatch(name) and entry.is_dir(follow_symlinks=False):
            found += [f"{name}/{inner}" for inner in listed(folder / name)]
    return [name for name in found if kind_of(name)]


def _sweep(path: Path) -> Any:
    from practicum.runs.sweeps.plan import Sweep  # here, because it knows configurations, which take a while to import

    return Sweep.read(path)


def _copy(path: Path) -> Any:
    from practicum.runs.sweeps.consolidated import verify

    verify(path)


_KINDS: dict[str, tuple[re.Pattern[str], Callable[[Path], Any]]] = {
    "run": (re.compile(rf"{_ID}\.nc"), reading.read_run),
    "failed run": (re.compile(rf"{_ID}\.failed"), failures.read_failure),
    "sweep": (re.compile(rf"{_ID}\.sweep"), _sweep),
    "checkpoint": (re.compile(rf"{_ID}\.checkpoint"), lambda path: read_sealed(path, "an unfinished computation")),
    "consolidated copy": (re.compile(rf"{_ID}\.parts/\d+-\d+\.(nc|json)"), _copy),
}
"""What a name means and how such a file is read; in the order in which they are verified."""
