"""A sweep from what a person writes to the plan of its cells, and in Python to its dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError
from practicum.runs.config import Config, RunConfig
from practicum.runs.settings import read_toml
from practicum.runs.store import Store
from practicum.runs.sweeps.axes import Axis, axis, split
from practicum.runs.sweeps.cluster import Place, need_dask
from practicum.runs.sweeps.plan import SEED, Plan, from_config, from_tables, kind_of
from practicum.values import whole

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.sweeps.dealer import Progress


def sweep(
    config: RunConfig | Mapping[str, Any],
    over: Mapping[str, Any],
    *,
    store: Store | str | os.PathLike[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    scheduler_file: str | os.PathLike[str] | None = None,
    retry: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> xr.Dataset:
    """Compute a run for every combination of values and return all of them as one labelled dataset.

    Each cell is a run like any other: named by its configuration, stored as one verified file, found again by whoever
    asks for it. So a sweep that is interrupted, killed, repeated or extended computes what is missing and nothing else.

    Main arguments:
        config: a :class:`~practicum.runs.SolveConfig`, :class:`~practicum.runs.SimulateConfig` or
            :class:`~practicum.runs.TrainConfig`, of which some values are replaced; or tables as in a TOML file, such
            as ``{"machine": {...}, "rule": {...}, "start": {"kind": "random"}}``, where recipes are followed in each
            cell, so that the numbers of students and teachers can be swept as well.
        over: names of parameters, dotted or bare where unique, and the values of each: a list, an array, or a text such
            as ``"2..8"`` or ``"geomspace(1e-3, 1, 7)"``. The name ``"seed"`` makes each seed a cell of its own.

    Other arguments:
        store: a store, or its folder.
        workers: processes on this machine, with one thread each; as many as processors if not given.
        scheduler, scheduler_file: a Dask cluster that runs already, by its address or the file of its scheduler; its
            workers must see the folder of the store.
        retry: compute cells anew that failed before.
        progress: called now and then with where the sweep stands.

    Returns:
        A Dataset whose leading dimensions are the swept parameters, loaded when it is used, see
        :func:`practicum.runs.sweeps.open_sweep`. Cells that failed are NaN, and ``status`` and ``problem`` say so.

    Raises:
        ParameterError: a name or a value is wrong, in whichever cell; nothing has been computed then.
        StorageError: a cell cannot be stored.
        PracticumError: the cluster is gone. What is stored is safe, and the same call goes on from there.
    """
    need_dask()
    from practicum.runs.sweeps.engine import run_cells
    from practicum.runs.sweeps.results import open_sweep

    if not isinstance(over, Mapping):
        raise ParameterError(
            f"The 'over' parameter must be a mapping of names to lists of values. Got {over!r:.80} instead."
        )
    axes = [axis(name, values) for name, values in over.items()]
    if isinstance(config, Config):
        plan = from_config(config, axes)
    elif isinstance(config, Mapping):
        content = dict(config)
        kind = content.pop("kind", None) or kind_of(content, [one.name for one in axes])
        plan = from_tables(str(kind), content, (), axes)
    else:
        raise ParameterError(
            "The 'config' parameter of sweep must be a configuration, such as SimulateConfig(...), or a table of "
            f"tables. Got {config!r:.80} instead."
        )
    place = Place(workers, scheduler, scheduler_file)
    where = store if isinstance(store, Store) else Store(store)
    run_cells(where, plan, place, retry=retry, progress=progress)
    return open_sweep(where, plan.sweep)


def plan_of(file: Path | None, assignments: Iterable[str], seeds: str | None = None, kind: str | None = None) -> Plan:
    """The plan of a sweep that is written as a TOML file and settings.

    Main arguments:
        file: tables as for one run, and a table ``[sweep]`` of names with lists or ranges; ``kind`` may stand at the
            top.
        assignments: ``name=value`` texts, before the file; those with several values are swept.

    Other arguments:
        seeds: how many, or which: of a simulation or a training in each cell; of a random start one cell each.
        kind: ``"solve"``, ``"simulate"`` or ``"train"``; guessed from the names if not given.

    Raises:
        ParameterError: the file cannot be read, a name is unknown, or a value is wrong, in whichever cell.
    """
    content = {} if file is None else read_toml(file)
    fixed, axes = split(assignments)
    grid = content.pop("sweep", {})
    if not isinstance(grid, dict):
        raise ParameterError(
            f"The name 'sweep' in {file} must be a table: write [sweep], and under it learning_rate = [0.1, 0.5]. "
            f"Got {grid!r:.60} instead."
        )
    given = {one.name for one in axes} | {name for name, _ in fixed}
    axes = [*(axis(name, values) for name, values in _flat(grid) if name not in given), *axes]
    names = [name for name, _ in fixed] + [one.name for one in axes] + (["seeds"] if seeds is not None else [])
    kind = str(kind or content.pop("kind", None) or kind_of(content, names))
    content.pop("kind", None)
    if seeds is not None:
        found = axis("seeds", seeds).values
        if kind == "solve":
            axes.append(axis(SEED, range(whole("seeds", found[0], 1)) if len(found) == 1 else found))
        else:
            fixed.append(("seeds", found[0] if len(found) == 1 else list(found)))
    return from_tables(kind, content, fixed, axes, str(file))


def _flat(grid: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Names and values of a table, those of tables in it dotted: TOML reads ``rule.noise = [..]`` as a table."""
    found = []
    for name, value in grid.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found


__all__ = ["Axis", "plan_of", "sweep"]
