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

_ID = rf"[0-9a-f]{{{ID_LENGTH}}}"


class Checked(NamedTuple):
    """A file, what it is (``"run"``, ``"failed run"``, ``"sweep"``, ``"checkpoint"``, ``"consolidated copy"``), and
    what is wrong with it: nothing if it is whole."""

    path: Path
    kind: str
    problem: str


def kind_of(name: str) -> str:
    """What a file of this name is; nothing if it is none of ours."""
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
    paths = [path for path in sealed_files(folder) if path.name.startswith(prefix.lower())]
    for count, path in enumerate(sorted(paths, key=lambda path: (order.index(kind_of(path.name)), path)), 1):
        kind = kind_of(path.name)
        try:
            _KINDS[kind][1](path)
        except StorageError as error:
            if os.path.lexists(path):  # or it was removed since the folder was listed
                yield Checked(path, kind, str(error))
        else:
            yield Checked(path, kind, "")
        if progress is not None:
            progress(count / len(paths))


def sealed_files(folder: Path) -> list[Path]:
    """The files of a folder that have a name of ours, sorted.

    Raises:
        StorageError: the folder cannot be read.
    """
    from practicum.runs.index import listed

    return sorted(folder / name for name in listed(folder) if kind_of(name))


def _sweep(path: Path) -> Any:
    from practicum.runs.sweeps.plan import Sweep  # here, because it knows configurations, which take a while to import

    return Sweep.read(path)


_KINDS: dict[str, tuple[re.Pattern[str], Callable[[Path], Any]]] = {
    "run": (re.compile(rf"{_ID}\.nc"), reading.read_run),
    "failed run": (re.compile(rf"{_ID}\.failed"), failures.read_failure),
    "sweep": (re.compile(rf"{_ID}\.sweep"), _sweep),
    "checkpoint": (re.compile(rf"{_ID}\.checkpoint"), lambda path: read_sealed(path, "an unfinished computation")),
}
"""What a name means and how such a file is read; in the order in which they are verified."""
