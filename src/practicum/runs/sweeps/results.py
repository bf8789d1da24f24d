"""The results of a sweep, or of any runs, as one labelled dataset that may be larger than memory."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.canonical import canonical_json
from practicum.errors import ParameterError, StorageError
from practicum.runs.index import listed
from practicum.runs.reading import run_path
from practicum.runs.store import Store
from practicum.runs.sweeps.axes import Axis
from practicum.runs.sweeps.consolidated import PART_BYTES, CopyWarning, can_copy, consolidate
from practicum.runs.sweeps.grid import Grid, assemble
from practicum.runs.sweeps.plan import ENDING, SEED, Sweep

if TYPE_CHECKING:
    import xarray as xr

_FEW = 200
"""Runs that are read in a moment, so that no copy of them is kept."""

Progress = Callable[[float], None]


def open_sweep(
    store: Store | str | os.PathLike[str], sweep: Sweep | str, *, copy: bool = True, progress: Progress | None = None
) -> xr.Dataset:
    """The cells of a sweep as one dataset over the swept parameters.

    Main arguments:
        store: where the runs are, or its folder.
        sweep: a sweep, or the first digits of its id.

    Other arguments:
        copy: keep a verified copy of the runs in few files (``<id>.parts`` in the store), by which the next opening
            takes seconds. Up to 200 runs of 32 MiB in all need none.
        progress: called with the fraction done.

    Returns:
        A Dataset whose leading dimensions are the swept parameters, with their values as coordinates; values that are
        lists or tables are written as JSON text. Arrays are Dask's, read when they are used, unless all of them are
        small. What differs between cells is put together like this:

        * Shapes: padded to the largest with NaN (text with "", whole numbers become floating-point numbers).
        * Points in time: where alpha is not the same in all cells, the dimension is called ``point`` and ``alpha`` is a
          variable of each cell; likewise ``x_index`` for any other dimension ``x``. Cells may have fewer points.
        * Cells without a result: NaN. ``status`` says ``"missing"``, ``"unfinished"`` (there is a checkpoint),
          ``"failed"`` or ``"damaged"`` for them, and ``problem`` says why.
        * A parameter that is called like a variable or a dimension of the runs keeps its table, as ``start.Q``, or gets
          ``_value`` at its end.

        ``run`` has the ids of the runs. With the parameter ``seed`` each cell is one seed, and the runs' own dimension
        of that name is dropped. Attributes are those that all runs agree on; ``cite`` names the literature of all.

    Raises:
        ParameterError: it is no sweep.
        StorageError: there is no such sweep, or it is damaged.
    """
    where = store if isinstance(store, Store) else Store(store)
    found = sweep if isinstance(sweep, Sweep) else read_sweep(where.folder, sweep)
    per_part = _per_part(where.folder, found.cells)
    grid = Grid(found.shape, per_part)
    parts = _parts(where.folder, found.id, [[found.cells[i] for i in block] for block in grid.blocks()], copy, progress)
    axes = {one.name: labels_of(one) for one in found.axes}
    return assemble(grid, axes, parts, drop=SEED if SEED in axes else None).assign_attrs(sweep=found.id)


def open_runs(
    store: Store | str | os.PathLike[str], runs: Iterable[str], *, copy: bool = True, progress: Progress | None = None
) -> xr.Dataset:
    """Any runs as one dataset over a dimension ``run``; ``open_runs(store, store.select("students > 3"))``.

    Main arguments:
        store: where they are, or its folder.
        runs: ids, or their first digits.

    Other arguments:
        copy, progress: as of :func:`open_sweep`.

    Returns:
        As :func:`open_sweep`, with the ids as coordinate, and with each setting in which the runs differ as a
        coordinate along ``run``, under its own name where that is unique and free, else with that of its table.

    Raises:
        ParameterError: there is no run, or the same one twice; or runs of several kinds do not fit each other.
        StorageError: there is no such run, or the folder cannot be read.
    """
    where = store if isinstance(store, Store) else Store(store)
    known = set(where.ids())
    ids = tuple(run if run in known else where.find(run) for run in runs)
    if not ids or len(set(ids)) < len(ids):
        raise ParameterError(
            f"The 'runs' parameter needs at least one run, and none twice. Got {len(ids)} run(s), {len(set(ids))} of "
            "them different; practicum runs list shows those there are."
        )
    grid = Grid((len(ids),), _per_part(where.folder, ids))
    name = Sweep("runs", (Axis("run", ids),), ids).id
    parts = _parts(where.folder, name, [[ids[i] for i in block] for block in grid.blocks()], copy, progress)
    try:
        dataset = assemble(grid, {"run": np.array(ids)}, parts)
    except ValueError as error:  # what runs of two kinds have in common may have two lengths
        why = " ".join(str(error).split()).partition(" on ")[0]
        raise ParameterError(
            f'These {len(ids)} runs cannot be put together ({why:.80}); take those of one kind, as in --where "kind == '
            "'train'\"."
        ) from None
    return dataset.assign_coords(_differing(where, ids, {str(name) for name in (*dataset.variables, *dataset.sizes)}))


def read_sweep(folder: Path, prefix: str) -> Sweep:
    """The stored sweep whose id begins with some digits.

    Raises:
        StorageError: there is none, or several, or it is damaged.
    """
    names = _sweeps(folder)
    found = [name for name in names if prefix and name.startswith(prefix.lower())]
    if len(found) == 1:
        return Sweep.read(folder / f"{found[0]}{ENDING}")
    if found:
        raise StorageError(f"{len(found)} sweeps in {folder} begin with '{prefix}': {', '.join(found[:5])}; give more.")
    raise StorageError(
        f"No sweep in {folder} begins with '{prefix}'; it holds {len(names)} sweep(s)"
        f"{': ' + ', '.join(names[:5]) if names else ''}{', ...' if len(names) > 5 else ''}."
    )


def find_sweep(store: Store, prefix: str) -> Sweep | None:
    """The stored sweep that begins so; None if none does, which a run may.

    Raises:
        StorageError: several do, or a run too, or it is damaged.
    """
    if not prefix or not any(name.startswith(prefix.lower()) for name in _sweeps(store.folder)):
        return None
    sweep = read_sweep(store.folder, prefix)
    if any(run.startswith(prefix.lower()) for run in store.ids()):
        raise StorageError(f"A sweep and a run in {store.folder} begin with '{prefix}'; give more digits.")
    return sweep


def _sweeps(folder: Path) -> list[str]:
    return sorted(name.removesuffix(ENDING) for name in listed(folder) if name.endswith(ENDING))


def labels_of(one: Axis) -> np.ndarray:
    """The values of an axis as labels: numbers, truth values or text as they are, all else as text."""
    kinds = {bool if isinstance(v, bool) else str if isinstance(v, str) else type(v) for v in one.values}
    if kinds in ({bool}, {str}, {int}, {float}, {int, float}):
        return np.array(one.values)
    return np.array([value if isinstance(value, str) else canonical_json(value) for value in one.values])


def _parts(folder: Path, name: str, blocks: Sequence[Sequence[str]], copy: bool, progress: Progress | None) -> Any:
    many = len(blocks) > 1 or sum(map(len, blocks)) > _FEW
    possible = copy and many and can_copy(folder, name)
    if copy and many and not possible:
        warnings.warn(
            f"The folder {folder} cannot be written, so that no copy of its runs is kept: they are read one by one "
            "whenever they are used.",
            CopyWarning,
            stacklevel=3,
        )
    return consolidate(folder, name, blocks, copy=possible, progress=progress)


def _per_part(folder: Path, cells: Sequence[str]) -> int:
    """How many cells make a part: a power of two, so that a sweep under way keeps its parts while it grows."""
    largest = 1
    for cell in cells:
        try:
            largest = max(largest, os.stat(run_path(folder, cell)).st_size)
        except OSError:
            continue
    return 2 ** max(0, int(math.log2(PART_BYTES / largest)))


def _differing(store: Store, ids: Sequence[str], taken: set[str]) -> dict[str, tuple[str, np.ndarray]]:
    """Settings that are not the same in all runs, along them."""
    entries = {entry.row["id"]: json.loads(entry.settings) for entry in store.entries()}
    settings: list[Mapping[str, Any]] = [entries.get(run, {}) for run in ids]
    names = dict.fromkeys(name for each in settings for name in each)
    absent = object()
    found = {}
    for name in names:
        values = [each.get(name, absent) for each in settings]
        if any(value != values[0] or type(value) is not type(values[0]) for value in values):
            found[name] = values
    leaves = [name.rpartition(".")[2] for name in found]
    labelled = {}
    for name, values in found.items():
        leaf = name.rpartition(".")[2]
        short = leaf if leaves.count(leaf) == 1 and leaf not in taken else name
        short = short if short not in taken else f"{short}_value"
        labelled[short] = ("run", _along(values, absent))
    return labelled


def _along(values: list[Any], absent: object) -> np.ndarray:
    """Numbers as floating-point numbers where one is missing; anything else as text, "" where one is missing."""
    present = [value for value in values if value is not absent and value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present):
        if len(present) == len(values):
            return np.array(values)
        return np.array([math.nan if value is absent or value is None else float(value) for value in values])
    if all(isinstance(value, bool) for value in present) and len(present) == len(values):
        return np.array(values)
    texts = ["" if value is absent else value if isinstance(value, str) else canonical_json(value) for value in values]
    return np.array(texts)
