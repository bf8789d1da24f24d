"""Acharyya et al. 2020, diversity pruning: the claims of the paper, measured.

:mod:`settings` says what is run at which scale, :mod:`committees`, :mod:`specialists` and :mod:`images` measure,
:mod:`measurements` keeps it all as stored runs; the verdicts turn labelled arrays into claims, :mod:`pictures` into
figures.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from practicum.studies.claims import Result
from practicum.studies.progress import Progress, silent
from practicum.studies.pruning.settings import CITE, NAME, SCALES, TITLE

if TYPE_CHECKING:
    from practicum.runs.store import Store


def reproduce(scale: str, store: Store, progress: Progress = silent) -> Result:
    """Measure every claim of the paper; runs that the store holds already are read, not repeated.

    Image sets that are not there are notes; their claims are left out.
    """
    from practicum.networks._torch import need_torch
    from practicum.studies.pruning import pictures, verdicts
    from practicum.studies.pruning.measurements import measure

    began = time.perf_counter()
    if find_spec("torch") is None:  # what is stored is read without waiting for torch
        need_torch()
    settings = SCALES[scale]
    found = measure(settings, store, progress)
    return Result(
        study=NAME,
        title=TITLE,
        scale=scale,
        claims=verdicts.judge(found),
        pictures=pictures.draw(found),
        runs=found.runs,
        config=settings.to_dict(),
        cite=CITE,
        seconds=time.perf_counter() - began,
        notes=verdicts.notes(found),
    )
