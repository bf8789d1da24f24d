"""What nobody needs any more in a folder of runs, and how it goes.

That is temporary files which a killed writer left, checkpoints and failures of runs that are stored, consolidated
copies whose sweep is gone, and a damaged index that was set aside. Runs go only where a condition or their name says
so. What has no name of ours, or is no plain file, is never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from practicum.canonical import ID_LENGTH
from practicum.errors import StorageError
from practicum.runs._database import ASIDE
from practicum.runs.files import abandoned
from practicum.runs.index import listed
from practicum.runs.verifying import COPY, kind_of, sealed_files

if TYPE_CHECKING:
    from practicum.runs.folder import Folder


class Removal(NamedTuple):
    """A file that goes, why, and its bytes."""

    path: Path
    why: str
    size: int


def prune(folder: Folder, where: str = "", damaged: Iterable[str] = (), *, remove: bool = False) -> list[Removal]:
    """What is not needed, sorted by name, and with `remove` gone.

    Main arguments:
        where: also the runs, stored or failed, of which this condition is true, with all their files; damaged ones
            never.
        damaged: also these runs, ids or their first digits, whose files are damaged.

    Other arguments:
        remove: do it; otherwise it is only listed.

    Raises:
        ParameterError: the condition is none.
        StorageError: the folder cannot be read, a run is not damaged, or a file cannot be removed.
    """
    status = {entry.row["id"]: entry.row["status"] for entry in folder.entries()}
    reasons = dict(_leftovers(folder.folder, status))
    for prefix in damaged:
        run = folder.find(prefix)
        if status.get(run) != "damaged":
            raise StorageError(
                f"The run {run} in {folder.folder} is not damaged; to remove it all the same give the condition "
                f"\"id == '{run}'\"."
            )
        reasons |= dict.fromkeys(_files_of(folder.folder, run), "damaged, and named")
    if where.strip():
        for run in folder.select(where):
            if status.get(run) != "damaged":
                reasons |= dict.fromkeys(_files_of(folder.folder, run), "matches the condition")
    removals = []
    for path, why in sorted(reasons.items()):
        size = _plain_size(path)
        if size is not None:
            removals.append(Removal(path, why, size))
    if remove:
        for path, _, _ in removals:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(
                    f"The file {path} cannot be removed: {(error.strerror or str(error)).lower()}. "
                    "Those before it are gone; the others are as they were."
                ) from None
        for copy in {path.parent for path, _, _ in removals if path.parent != folder.folder}:
            with suppress(OSError):  # something else is in it
                copy.rmdir()
    return removals


def _leftovers(folder: Path, status: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Files that nobody needs whatever the runs are."""
    entries = listed(folder)
    for path in abandoned(folder):
        yield path, "left by a writer that was killed"
    for name, entry in entries.items():
        if name.startswith(ASIDE):
            yield folder / name, "a damaged index, made anew since"
        elif COPY.fullmatch(name) and entry.is_dir(follow_symlinks=False):
            for path in abandoned(folder / name):
                yield path, "left by a writer that was killed"
    for name in sealed_files(folder):
        kind, run = kind_of(name), name[:ID_LENGTH]
        stored = f"{run}.nc" in entries and status.get(run, "damaged") != "damaged"
        if kind in ("checkpoint", "failed run") and stored:
            yield folder / name, f"the {'checkpoint' if kind == 'checkpoint' else 'failure'} of a run that is stored"
        elif kind == "consolidated copy" and f"{run}.sweep" not in entries:
            yield folder / name, "the copy of a sweep that is gone"


def _files_of(folder: Path, run: str) -> list[Path]:
    kinds = ("run", "failed run", "checkpoint")
    return [folder / name for name in sealed_files(folder) if name[:ID_LENGTH] == run and kind_of(name) in kinds]


def _plain_size(path: Path) -> int | None:
    """Bytes of a plain file; None for everything else, a link included, and where it is gone."""
    try:
        details = os.lstat(path)
    except OSError:
        return None
    return details.st_size if S_ISREG(details.st_mode) else None
