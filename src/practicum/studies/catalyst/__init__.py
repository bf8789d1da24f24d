"""Tian 2020, over-parameterization as a catalyst: the claims on over-realized students, measured.

:mod:`settings` says what is run at which scale, :mod:`measurements` runs it into labelled arrays (with what
:mod:`alignment` and :mod:`images` compute), :mod:`statistics` reduces those to numbers of each seed, :mod:`verdicts`
turns them into claims (:mod:`shallow`, :mod:`deep`), :mod:`pictures` into figures.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from practicum.studies.catalyst.settings import CITE, NAME, SCALES, TITLE
from practicum.studies.claims import Result
from practicum.studies.progress import Progress, silent

if TYPE_CHECKING:
    from practicum.runs.store import Store


def reproduce(scale: str, store: Store, progress: Progress = silent) -> Result:
    """Measure every claim of the paper; runs that the store holds already are read, not repeated."""
    from practicum.studies.catalyst import pictures, verdicts
    from practicum.studies.catalyst.measurements import measure

    began = time.perf_counter()
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
