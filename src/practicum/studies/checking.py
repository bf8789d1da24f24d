"""Is what a store holds of a study what the study finds now? It is computed anew, in another folder, and compared."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from practicum.studies.progress import Progress, silent
from practicum.studies.registry import reproduce

if TYPE_CHECKING:
    from practicum.runs.checking import Agreement
    from practicum.runs.store import Store


def check(
    study: str,
    scale: str = "quick",
    store: Store | str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    *,
    tolerance: float | None = None,
    fresh: Store | str | os.PathLike[str] | None = None,
) -> list[Agreement]:
    """Reproduce a study from nothing and compare each of its runs with the stored one; the store is only read.

    Main arguments:
        study, scale, store, progress: as for :func:`practicum.studies.reproduce`.

    Other arguments:
        tolerance: see :func:`practicum.runs.checking.check`.
        fresh: where the new runs go; a temporary folder that is removed in the end if not given.

    Returns:
        One verdict a run, in the order of the study; ``"missing"`` where the store does not hold it.

    Raises:
        ParameterError: there is no such study or scale.
    """
    from practicum.runs.checking import compared
    from practicum.runs.store import Store

    if fresh is None:
        with TemporaryDirectory(prefix="practicum-check-") as folder:
            return check(study, scale, store, progress, tolerance=tolerance, fresh=folder)
    place, anew = (each if isinstance(each, Store) else Store(each) for each in (store, fresh))
    runs = dict.fromkeys(reproduce(study, scale, anew, progress).runs)
    return [compared(place, run, anew.load(run), tolerance) for run in runs]
