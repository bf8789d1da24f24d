"""What a worker does: compute a batch of cells and store each as soon as it is done."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter
from typing import Literal, NamedTuple

from practicum.errors import PracticumError, StorageError
from practicum.runs.config import RunConfig, config_from_json
from practicum.runs.execute import execute
from practicum.runs.failures import forget_failure, record_failure
from practicum.runs.provenance import architecture, versions
from practicum.runs.store import Store

TRIES = 3


class Done(NamedTuple):
    """How a cell ended, in the few bytes that travel back."""

    run: str
    outcome: Literal["computed", "stored", "failed"]
    seconds: float
    problem: str = ""


class Stop(NamedTuple):
    """Why a worker cannot compute any cell: its store, its versions."""

    reason: str


def identity() -> dict[str, str]:
    """What must be the same wherever cells of one sweep are computed, or their bits would depend on the worker."""
    return {**versions("torch"), "architecture": architecture()}


def compute_cells(folder: str, sweep: str, expected: dict[str, str], texts: list[str]) -> list[Done] | Stop:
    """Compute and store cells; those that are stored already are left as they are.

    Main arguments:
        folder: of the store, which this process must see.
        sweep: name of a file in it, by which it is known.
        expected: the :func:`identity` of who sweeps.
        texts: canonical configurations.
    """
    mine = identity()
    differing = [name for name, found in expected.items() if mine[name] != found]
    if differing:
        name = differing[0]
        return Stop(
            f"A worker has {name} {mine[name]} and this process {expected[name]}, so that their numbers could differ; "
            "start the workers in the environment of the sweep."
        )
    if not (Path(folder) / sweep).exists():
        return Stop(
            f"A worker does not see the store {folder}; name a folder that all machines share, by a path that is the "
            "same everywhere."
        )
    store = _store(folder)
    done: list[Done] = []
    for text in texts:
        try:
            done.append(_one(store, config_from_json(text)))
        except (StorageError, ImportError) as error:  # a full disk or a missing package is not the cell's fault
            return Stop(str(error))
    return done


def _one(store: Store, config: RunConfig) -> Done:
    began = perf_counter()
    if config in store:
        return Done(config.id, "stored", 0.0)
    for tries in range(1, TRIES + 1):
        try:
            store.keep(config, store.compute(config, partial(execute, workers=1)))
        except (StorageError, ImportError):
            raise
        except Exception as error:
            certain = isinstance(error, PracticumError)  # the same values will be refused again
            if certain or tries == TRIES:
                problem = str(error) if certain else f"{type(error).__name__}: {error}"
                record_failure(store.folder, config, type(error).__name__, problem, tries)
                return Done(config.id, "failed", perf_counter() - began, problem)
        else:
            forget_failure(store.folder, config.id)
            return Done(config.id, "computed", perf_counter() - began)
    raise AssertionError("unreachable")


@lru_cache(maxsize=8)
def _store(folder: str) -> Store:
    """One store a process, which remembers that its folder can be written."""
    return Store(folder)
