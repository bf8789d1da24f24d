"""A verified copy of many runs in few files, which opens a hundred times faster than the runs.

The folder ``<id>.parts`` in the store holds for every block of consecutive cells a sealed NetCDF file with their arrays
on top of each other, and a sealed manifest that names the seal of each run in it. When it is opened, the seals of the
runs (the last 87 bytes of each file) are compared with those of the manifests, and a block in which one differs is made
anew. An array is verified whenever it is read; where it is damaged, its block is made anew from the runs. So the copy
can be removed at any time, and whatever happens to it, what is read is what the runs hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from practicum.errors import PracticumWarning, StorageError
from practicum.runs import netcdf
from practicum.runs._netcdf_guard import WIDEST
from practicum.runs._netcdf_many import Reader
from practicum.runs.failures import failure_path, read_failure
from practicum.runs.files import SEAL_LENGTH, read_sealed, seal_of, write_sealed
from practicum.runs.index import listed
from practicum.runs.reading import read_arrays, run_path
from practicum.runs.sweeps._stacking import Outline, placed, stack

ENDING = ".parts"
FORMAT = "parts-1"
PART_BYTES = 32 * 1024**2
"""Of the arrays of one block. While it is made, they are in memory three times."""

_KEPT = 3600.0
"""Seconds for which a file of an older copy stays, because somebody may have it open."""

SHA256 = 64
"""Hexadecimal digits; a text of another length in the place of a seal is a status."""
MISSING, UNFINISHED, FAILED, DAMAGED = "missing", "unfinished", "failed", "damaged"

_ONE_AT_A_TIME = threading.Lock()
_READER = Reader()

Progress = Callable[[float], None]


class CopyWarning(PracticumWarning):
    """There is no copy, so that runs are read one by one."""


@dataclass(frozen=True)
class Part:
    """Consecutive cells, and where their arrays lie.

    Main arguments:
        folder: of the store.
        path: the NetCDF file of the copy; None where there is no copy, so that runs are read whenever they are asked
            for.
        cells: ids of the runs.
        seals: of each of their files, or the word why there is none.
        problems: a sentence for each cell that has no result, and "" for the others.
        outline: of what they hold.
        places: for each array of numbers in the file its first byte, its length and the SHA-256 of its bytes.
        seal: of the file.
    """

    folder: Path
    path: Path | None
    cells: tuple[str, ...]
    seals: tuple[str, ...]
    problems: tuple[str, ...]
    outline: Outline
    places: dict[str, tuple[int, int, str]]
    seal: str

    def read(self, name: str) -> np.ndarray:
        """One variable of all cells, verified.

        Raises:
            StorageError: a run is damaged, or the runs have changed since this part was opened.
        """
        with suppress(OSError, ValueError, KeyError):  # damaged, removed, or another one in its place
            if self.path is not None:
                return self._stored(name)
        with _ONE_AT_A_TIME:  # threads that want other variables of the same part wait for its runs to be read
            arrays, fresh = _from_runs(self.folder, self.path, self.cells, self.seals)
        if fresh.seals != self.seals:
            problem = next((now for now, old in zip(fresh.problems, self.problems) if now != old), "")
            raise StorageError(
                problem or f"The runs in {self.folder} have changed since they were opened; open them again."
            )
        return arrays[name]

    def _stored(self, name: str) -> np.ndarray:
        assert self.path is not None
        shape = self.outline.shapes[name]
        if name in self.places:
            first, length, digest = self.places[name]
            with open(self.path, "rb") as file:
                file.seek(first)
                content = file.read(length)
            if hashlib.sha256(content).hexdigest() != digest:
                raise ValueError("damaged")
            return np.frombuffer(content, np.dtype(shape.dtype)).reshape(len(self.cells), *shape.sizes)
        image = self.path.read_bytes()[:-SEAL_LENGTH]
        if hashlib.sha256(image).hexdigest() != self.seal:
            raise ValueError("damaged")
        return placed(netcdf.arrays(image).variables[name].values, shape.dims, shape)


def consolidate(
    folder: Path, name: str, blocks: Sequence[Sequence[str]], *, copy: bool, progress: Progress | None = None
) -> list[Part]:
    """Parts of many runs, one a block of ids; those of the copy that are not as the runs are made anew first.

    Main arguments:
        name: of the copy, an id.

    Other arguments:
        copy: keep a copy, if the folder can be written.
        progress: called with the fraction done.

    Raises:
        StorageError: the folder cannot be read.
    """
    names, parts = set(listed(folder)), []
    for number, cells in enumerate(blocks):
        seals = tuple(_seal(folder, cell, names) for cell in cells)
        path = folder / f"{name}{ENDING}" / f"{number:06d}-{len(cells)}.nc" if copy else None
        part = None if path is None else _known(folder, path, tuple(cells), seals)
        if part is None:
            with _ONE_AT_A_TIME:
                _from_runs.cache_clear()  # before the next block is in memory, not after
                _, part = _from_runs(folder, path, tuple(cells), seals)
        parts.append(part)
        if progress is not None:
            progress((number + 1) / len(blocks))
    if copy:
        _clear(folder / f"{name}{ENDING}", {part.path for part in parts})
        _from_runs.cache_clear()
    return parts


def can_copy(folder: Path, name: str) -> bool:
    """Whether a copy can be written into the folder."""
    place = folder / f"{name}{ENDING}"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK | os.X_OK)


def verify(path: Path) -> None:
    """Read one file of a copy, a block or its manifest, completely.

    Raises:
        StorageError: it is damaged. It can be removed, and is made anew when the sweep is opened.
    """
    read_sealed(path, "a consolidated copy, which can be removed,")


def _seal(folder: Path, cell: str, names: set[str]) -> str:
    """The seal of a run's file, or a word instead; whatever changes the run changes it."""
    path, failure = run_path(folder, cell), failure_path(folder, cell)
    if path.name in names:
        return seal_of(path) or DAMAGED
    if failure.name in names:
        return f"{FAILED} {seal_of(failure)}"
    return UNFINISHED if f"{cell}.checkpoint" in names else MISSING


def _known(folder: Path, path: Path, cells: tuple[str, ...], seals: tuple[str, ...]) -> Part | None:
    """The part that its manifest describes, if that is whole and all runs are as they were."""
    manifest = path.with_suffix(".json")
    try:
        found = json.loads(read_sealed(manifest, "a consolidated copy"))
        if found["format"] != FORMAT or tuple(found["cells"]) != cells or tuple(found["seals"]) != seals:
            return None
        places = {name: (first, length, digest) for name, (first, length, digest) in found["places"].items()}
        outline, problems, seal = Outline.from_json(found["outline"]), tuple(found["problems"]), str(found["seal"])
        part = Part(folder, path, cells, seals, problems, outline, places, seal)
        return part if seal_of(path) == seal and _fits(part, path.stat().st_size) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _fits(part: Part, size: int) -> bool:
    """Whether a file of this size can hold what is said to be in it; a manifest can come from a stranger."""
    shapes = part.outline.shapes
    for shape in shapes.values():
        named = all(isinstance(dim, str) for dim in shape.dims) and len(shape.dims) == len(shape.sizes)
        if not named or np.dtype(shape.dtype).kind not in "fiubU":
            return False
    declared = {name: len(part.cells) * prod(s.sizes) * np.dtype(s.dtype).itemsize for name, s in shapes.items()}
    numbers = all(length == declared[name] for name, (_, length, _) in part.places.items())
    text = sum(size for name, size in declared.items() if name not in part.places)
    return numbers and len(part.problems) == len(part.cells) and text <= max(WIDEST, 4 * size)


@lru_cache(maxsize=1)
def _from_runs(
    folder: Path, path: Path | None, cells: tuple[str, ...], seals: tuple[str, ...]
) -> tuple[dict[str, np.ndarray], Part]:
    """Arrays and part of cells, read from the runs, and the copy of them written if there is to be one.

    The last result is kept, so that all variables of a block are had by reading its runs once; `seals`, those that
    the caller saw, say for how long.
    """
    outline, arrays, found, problems = _stacked(folder, cells)
    if path is None:
        return arrays, Part(folder, None, cells, found, problems, outline, {}, "")
    image, places = _image(outline, arrays)
    part = Part(folder, path, cells, found, problems, outline, places, hashlib.sha256(image).hexdigest())
    try:
        _write(part, image)
    except StorageError as error:
        warnings.warn(f"{error} So the runs are read one by one whenever they are used.", CopyWarning, stacklevel=2)
        part = replace(part, path=None)
    return arrays, part


def _stacked(
    folder: Path, cells: tuple[str, ...]
) -> tuple[Outline, dict[str, np.ndarray], tuple[str, ...], tuple[str, ...]]:
    """Outline and arrays of cells, their seals, and the problems of those that have no result."""
    names = {name for cell in cells for name in _present(folder, cell)}
    runs: list[netcdf.Arrays | str] = []
    seals, problems = [], []
    for cell in cells:
        seal, problem = _seal(folder, cell, names), ""
        if len(seal) == SHA256:
            try:
                runs.append(read_arrays(run_path(folder, cell), _decode))
            except StorageError as error:
                # Not its seal: a damaged file may be replaced by a whole one that has the same.
                seal, problem = DAMAGED, str(error)
        elif seal == DAMAGED:
            problem = f"The file {run_path(folder, cell)} of run {cell} is truncated or damaged; move it away."
        if len(seal) != SHA256:
            word = seal.partition(" ")[0]
            problem = _problem(folder, cell) if word == FAILED else problem
            runs.append(word)
        seals.append(seal)
        problems.append(problem)
    outline, arrays = stack(runs)
    return outline, arrays, tuple(seals), tuple(problems)


def _decode(image: bytes) -> netcdf.Arrays:
    return _READER.arrays(image) or netcdf.arrays(image)


def _present(folder: Path, cell: str) -> Iterator[str]:
    for path in (run_path(folder, cell), failure_path(folder, cell), folder / f"{cell}.checkpoint"):
        if path.exists():
            yield path.name


def _problem(folder: Path, cell: str) -> str:
    try:
        return read_failure(failure_path(folder, cell)).problem
    except StorageError as error:
        return str(error)


def _image(outline: Outline, arrays: dict[str, np.ndarray]) -> tuple[bytes, dict[str, tuple[int, int, str]]]:
    """The NetCDF4 image of stacked arrays, and where each array of numbers lies in it."""
    variables = {
        name: (("cell", *(f"n_{dim}" for dim in outline.shapes[name].dims)), values, outline.shapes[name].attributes)
        for name, values in arrays.items()
    }
    image = bytes(netcdf.to_bytes(xr.Dataset(variables)))
    places = {}
    for name, (first, length) in netcdf.places(image).items():
        if length == arrays[name].nbytes:
            digest = hashlib.sha256(memoryview(image)[first : first + length]).hexdigest()
            places[name] = first, length, digest
    return image, places


def _write(part: Part, image: bytes) -> None:
    """Raises:
    StorageError: the folder cannot be written.
    """
    assert part.path is not None
    write_sealed(part.path, image)
    content: dict[str, Any] = {
        "format": FORMAT,
        "cells": part.cells,
        "seals": part.seals,
        "problems": part.problems,
        "seal": part.seal,
        "outline": part.outline.to_json(),
        "places": part.places,
    }
    write_sealed(part.path.with_suffix(".json"), json.dumps(content, sort_keys=True).encode())


def _clear(place: Path, used: set[Path | None]) -> None:
    """Remove what an older copy left, once nobody is likely to read it any more."""
    wanted = {path.stem for path in used if path is not None}
    with suppress(OSError):
        for path in place.iterdir():
            if path.stem not in wanted and time.time() - path.stat().st_mtime > _KEPT:
                path.unlink(missing_ok=True)


__all__ = ["PART_BYTES", "Part", "can_copy", "consolidate", "verify"]
