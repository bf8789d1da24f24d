"""Tian et al. 2019, Luck Matters: the claims of the paper, measured.

:mod:`settings` says what is run at which scale, :mod:`trainings` as which runs, :mod:`measurements` runs it into
labelled arrays (with what :mod:`identity`, :mod:`overlap`, :mod:`images` and :mod:`plane` compute), :mod:`lucky` and
:mod:`unlucky` read them, :mod:`verdicts` turns them into claims, :mod:`pictures` into figures.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from practicum.studies.claims import Result
from practicum.studies.luck_matters.settings import CITE, NAME, SCALES, TITLE
from practicum.studies.progress import Progress, silent

if TYPE_CHECKING:
    from practicum.runs.store import Store


def reproduce(scale: str, store: Store, progress: Progress = silent) -> Result:
    """Measure every claim of the paper; runs that the store holds already are read, not repeated.

    Images that are not there and checkpoints that cannot be fetched are notes; their claims are undecided or left out.
    """
    from practicum.networks._torch import need_torch
    from practicum.studies.luck_matters import pictures, verdicts
    from practicum.studies.luck_matters.measurements import measure

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
