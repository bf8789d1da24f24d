"""The first rows of an array of numbers in a file .npy or .npz: no more is read or allocated than is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from practicum.disk.archives import open_zip
from practicum.disk.regular import open_regular, size_of

_BLOCK = 2**20
_KINDS = "fiub"
"""Of numbers, as NumPy calls them; "O" would be pickled objects."""


class Layout(NamedTuple):
    """What a header says of an array."""

    dtype: np.dtype
    shape: tuple[int, ...]


def read_rows(path: Path, rows: int, choose: Callable[[list[str]], str], check: Callable[[Layout], None]) -> np.ndarray:
    """The first rows of an array, nothing unpickled.

    Main arguments:
        path: of a file .npy or .npz; which of the two, its first bytes say.
        rows: at most so many.
        choose: the array of a file .npz, given the names of all.
        check: called with what the header says, before anything is read.

    Raises:
        OSError: the file cannot be read.
        Exception: of many kinds, what `choose` and `check` raise among them; it is damaged or holds other things than
            numbers.
    """
    with ExitStack() as stack:
        file: Any = stack.enter_context(open_regular(path))
        size = size_of(file)
        zipped = file.read(2) == b"PK"
        file.seek(0)
        if zipped:
            archive = stack.enter_context(open_zip(file, compressed=True))
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            member = members[choose(list(members))]
            file, size = stack.enter_context(archive.open(member)), member.file_size
        layout, by_columns = _header(file)
        if layout.dtype.hasobject:
            raise ValueError("it holds pickled objects")
        if layout.dtype.kind in _KINDS and math.prod(layout.shape) * layout.dtype.itemsize > size:
            raise ValueError("it is shorter than its header says")
        check(layout)
        if layout.dtype.kind not in _KINDS or not layout.shape:
            raise ValueError("it holds no rows of numbers")
        return (_columns if by_columns else _rows)(file, layout, min(rows, layout.shape[0]))


def fill(values: np.ndarray, file: Any) -> int:
    """Read into an array until it is full or the file ends; how many bytes there were."""
    bytes_of, found = values.reshape(-1).view(np.uint8), 0
    while block := file.read(min(_BLOCK, bytes_of.size - found)):
        bytes_of[found : found + len(block)] = np.frombuffer(block, np.uint8)
        found += len(block)
    return found


def _header(file: Any) -> tuple[Layout, bool]:
    """Type and shape, and whether the first axis is the fastest."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, by_columns, dtype = read(file)
    if any(length < 0 for length in shape):
        raise ValueError("a length is negative")
    return Layout(dtype, shape), by_columns and len(shape) > 1


def _rows(file: Any, layout: Layout, rows: int) -> np.ndarray:
    found = np.empty((rows, *layout.shape[1:]), layout.dtype)
    if fill(found, file) < found.nbytes:
        raise ValueError("it is shorter than its header says")
    return found


def _columns(file: Any, layout: Layout, rows: int) -> np.ndarray:
    found = np.empty((math.prod(layout.shape[1:]), rows), layout.dtype)
    for column in found:
        if fill(column, file) < column.nbytes:
            raise ValueError("it is shorter than its header says")
        left = (layout.shape[0] - rows) * layout.dtype.itemsize
        while left:
            block = len(file.read(min(_BLOCK, left)))
            if not block:
                raise ValueError("it is shorter than its header says")
            left -= block
    return found.T.reshape((rows, *layout.shape[1:]), order="F")
