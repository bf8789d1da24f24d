"""A dataset as one long table, a row a number, made in pieces so that it never has to be in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

VARIABLE, VALUE, TEXT = "variable", "value", "text"
ROWS = 2**17
"""Of one piece."""


class Piece(NamedTuple):
    """Rows of one variable: its name, a label for each of its dimensions and row, and numbers or texts."""

    variable: str
    labels: dict[str, np.ndarray]
    values: np.ndarray


def columns(dataset: xr.Dataset) -> dict[str, np.dtype]:
    """Names and types of the columns: every dimension, then ``variable``, ``value`` and ``text``."""
    found = {str(dim): _labels(dataset, str(dim)).dtype for dim in dataset.sizes}
    return {**found, VARIABLE: np.dtype("U1"), VALUE: np.dtype("f8"), TEXT: np.dtype("U1")}


def pieces(dataset: xr.Dataset) -> Iterator[Piece]:
    """All rows, one variable after the other, each in C order of its blocks: what Dask has in one block stays together.

    Labels are those of the coordinates, or positions where a dimension has none.
    """
    labels = {str(dim): _labels(dataset, str(dim)) for dim in dataset.sizes}
    for name in dataset.variables:
        if name in dataset.sizes:
            continue
        variable = dataset.variables[name]
        dims = tuple(map(str, variable.dims))
        for first, block in _blocks(variable):
            flat = block.ravel()
            for start in range(0, flat.size, ROWS):
                rows = np.arange(start, min(start + ROWS, flat.size))
                places = np.unravel_index(rows, block.shape) if dims else ()
                here = {dim: labels[dim][place + at] for dim, place, at in zip(dims, places, first)}
                yield Piece(str(name), here, flat[rows[0] : rows[-1] + 1])


def _blocks(variable: xr.Variable) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """The blocks of a variable, computed one by one, and where each begins."""
    if variable.chunks is None:
        yield (0,) * variable.ndim, variable.values
        return
    data: Any = variable.data
    edges = [np.cumsum([0, *lengths]) for lengths in variable.chunks]
    for place in product(*(range(len(lengths)) for lengths in variable.chunks)):
        first = tuple(int(edge[i]) for edge, i in zip(edges, place))
        yield first, np.asarray(data.blocks[place].compute(scheduler="synchronous"))


def _labels(dataset: xr.Dataset, dim: str) -> np.ndarray:
    if dim not in dataset.variables:
        return np.arange(dataset.sizes[dim])
    labels = dataset[dim].values
    return labels if labels.dtype.kind in "biufU" else labels.astype(str)
