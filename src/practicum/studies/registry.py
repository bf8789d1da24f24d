"""The studies by name, and :func:`reproduce`, which runs one."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from practicum.errors import ParameterError
from practicum.studies.claims import Result
from practicum.studies.progress import Progress, silent
from practicum.values import nearest

if TYPE_CHECKING:
    from practicum.runs.store import Store

STUDIES = {
    "west-saad": "practicum.studies.west_saad",
    "luck-matters": "practicum.studies.luck_matters",
    "catalyst": "practicum.studies.catalyst",
    "robustness": "practicum.studies.robustness",
    "pruning": "practicum.studies.pruning",
}
"""Each module has ``settings.SCALES``, a mapping of scales, and ``reproduce(scale, store, progress) -> Result``."""
SCALE_NAMES: list[str] = ["quick", "paper"]


def reproduce(
    study: str,
    scale: str = "quick",
    store: Store | str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> Result:
    """Measure the claims of a paper.

    Main arguments:
        study: name, such as ``"west-saad"``.
        scale: ``"quick"`` takes a minute or so on two cores, ``"paper"`` is complete.

    Other arguments:
        store: where runs are kept, so that a second call answers at once; ``$PRACTICUM_RUNS`` or ``practicum-runs``.
        progress: called with the name of a step and the fraction done.

    Raises:
        ParameterError: there is no such study or scale.
        StorageError: the store cannot be written, or holds a damaged run.
    """
    from practicum.runs.store import Store

    for name, value, known in (("study", study, list(STUDIES)), ("scale", scale, SCALE_NAMES)):
        if value not in known:
            raise ParameterError(f"There is no {name} '{value}'; there is {', '.join(known)}.{nearest(value, known)}")
    return import_module(STUDIES[study]).reproduce(scale, store if isinstance(store, Store) else Store(store), progress)
