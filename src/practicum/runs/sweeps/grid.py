"""Parts of a grid put together: one dataset over the swept parameters, in which nothing has been read yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import sha256
from practicum.runs.sweeps._stacking import STATUS, Shape, fill, placed, together
from practicum.runs.sweeps.cluster import need_dask
from practicum.runs.sweeps.consolidated import Part

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Grid:
    """A grid of cells in C order, cut into blocks of consecutive cells that are boxes of the grid.

    Main arguments:
        shape: how many values each parameter has.
        most: cells of a block.
    """

    shape: tuple[int, ...]
    most: int

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of the blocks along each parameter, as Dask has them.

        One parameter is cut; those before it are taken one value at a time, those after it whole.
        """
        whole, cut = 1, len(self.shape) - 1
        while cut > 0 and whole * self.shape[cut] <= self.most:
            whole *= self.shape[cut]
            cut -= 1
        size = self.shape[cut]
        pieces = math.ceil(size / max(1, self.most // whole))
        even = math.ceil(size / pieces)
        # All alike but the last, because Zarr knows no other chunks.
        lengths = tuple(min(even, size - first) for first in range(0, size, even))
        before = tuple((1,) * size for size in self.shape[:cut])
        return (*before, lengths, *((size,) for size in self.shape[cut + 1 :]))

    def blocks(self) -> Iterator[range]:
        """The numbers of the cells of each block, in C order."""
        first = 0
        for lengths in product(*self.chunks):
            yield range(first, first + math.prod(lengths))
            first += math.prod(lengths)


def assemble(
    grid: Grid, axes: Mapping[str, np.ndarray], parts: Sequence[Part], *, drop: str | None = None
) -> xr.Dataset:
    """The dataset of parts, one a block of the grid.

    Main arguments:
        axes: names and labels of the swept parameters, in the order of the grid's shape.

    Other arguments:
        drop: a dimension of length 1 that the runs have and the grid has too.
    """
    import xarray as xr

    outline = together([part.outline for part in parts])
    shapes = dict(outline.shapes)
    lengths = {dim: size for shape in shapes.values() for dim, size in zip(shape.dims, shape.sizes)}
    new = {dim: _renamed(dim) for dim in lengths if dim in outline.labels and outline.labels[dim] is None}
    if drop in lengths:
        if lengths[drop] == 1:
            shapes.pop(drop, None)
            new.pop(drop, None)
        else:
            new[drop], drop = _renamed(drop), None
    taken = {*shapes, *new.values(), *lengths} - {drop} if drop else {*shapes, *new.values(), *lengths}
    lead = names_of(list(axes), taken)
    coordinates: dict[str, Any] = {name: (name, labels) for name, labels in zip(lead, axes.values())}
    for name, labels in outline.labels.items():
        if labels is None or name not in shapes:
            continue
        (dim,) = shapes[name].dims
        if dim not in new and dim != drop and len(labels) == lengths[dim]:
            coordinates[name] = (dim, labels, shapes.pop(name).attributes)
    variables: dict[str, Any] = {}
    source = Source(grid, tuple(parts), drop)
    for name, shape in shapes.items():
        dims = tuple(new.get(dim, dim) for dim in shape.dims if dim != drop)
        variables[name] = ((*lead, *dims), source.array(name, shape), shape.attributes)
    texts = {
        "run": [run for part in parts for run in part.cells],
        "problem": [p for part in parts for p in part.problems],
    }
    for name, words in texts.items():
        if name not in variables and name not in coordinates:
            variables[name] = (tuple(lead), np.array(words).reshape(grid.shape))
    attributes = {**outline.attributes, "cite": ",".join(outline.cite)} if outline.cite else outline.attributes
    return xr.Dataset(variables, coordinates, attributes)


def names_of(axes: Sequence[str], taken: set[str]) -> list[str]:
    """What the swept parameters are called: without their tables where that is unique and free."""
    leaves = [name.rpartition(".")[2] for name in axes]
    found: list[str] = []
    for name, leaf in zip(axes, leaves):
        short = leaf if leaves.count(leaf) == 1 and leaf not in taken else name
        found.append(short if short not in taken else f"{short}_value")
    return found


def _renamed(dim: str) -> str:
    return "point" if dim == "alpha" else f"{dim}_index"


class Source:
    """Where the numbers of a grid come from. A class, because Dask would look into a tuple of a thousand parts.

    Main arguments:
        parts: one a block of the grid.
        drop: a dimension of length 1 to leave out.
    """

    def __init__(self, grid: Grid, parts: tuple[Part, ...], drop: str | None) -> None:
        self.grid, self.parts, self.drop = grid, parts, drop
        self._token = sha256(repr((*(part.seals for part in parts), *(part.cells for part in parts))))

    def array(self, name: str, shape: Shape) -> Any:
        """The variable of all cells: in memory where there is only one part, else Dask's."""
        if len(self.parts) == 1:
            return self.block(0, self.grid.shape, name, shape)
        need_dask()
        import dask.array as da

        sizes = [size for dim, size in zip(shape.dims, shape.sizes) if dim != self.drop]
        chunks = (*self.grid.chunks, *((size,) for size in sizes))
        dtype = np.dtype(shape.dtype)
        return da.map_blocks(
            _block,
            chunks=chunks,
            dtype=dtype,
            meta=np.empty((0,) * len(chunks), dtype=dtype),
            name=f"{name}-{sha256(repr((self._token, name, shape, self.drop)))[:32]}",
            source=self,
            variable=name,
            shape=shape,
        )

    def block(self, number: int, box: Sequence[int], name: str, shape: Shape) -> np.ndarray:
        """The variable of one part, in the shape that it has in the whole."""
        part = self.parts[number]
        if name in part.outline.shapes:
            values = placed(part.read(name), part.outline.shapes[name].dims, shape, everywhere=name == STATUS)
        else:
            dtype = np.dtype(shape.dtype)
            values = np.full((len(part.cells), *shape.sizes), fill(dtype), dtype=dtype)
        sizes = [size for dim, size in zip(shape.dims, shape.sizes) if dim != self.drop]
        return values.reshape(*box, *sizes)


def _block(*, block_id: tuple[int, ...], source: Source, variable: str, shape: Shape) -> np.ndarray:
    """What Dask calls for the block with these numbers along each dimension."""
    chunks = source.grid.chunks
    place = block_id[: len(chunks)]
    number = int(np.ravel_multi_index(place, [len(lengths) for lengths in chunks]))
    return source.block(number, [lengths[i] for lengths, i in zip(chunks, place)], variable, shape)
